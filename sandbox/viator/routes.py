"""The Partner API's paths, and what is common to all: headers, version, body."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from sandbox.viator import control, messages
from sandbox.viator.bookings import Bookings
from sandbox.viator.events import Events
from sandbox.viator.shop import Shop
from sandbox.world import Answer, World

Body = TypeVar("Body", bound=messages.Body)


def router(world: World) -> APIRouter:
    """Return the routes under ``/viator/partner``, and the operator's."""
    everything = APIRouter()
    routes = APIRouter(prefix="/viator/partner")
    shop, bookings, events, meter = Shop(world), Bookings(world), Events(world), messages.Meter()

    def refusal(request: Request) -> Answer | None:
        if not request.headers.get("exp-api-key"):
            return messages.error(401, "UNAUTHORIZED", "Invalid API key", world.now())
        accept = request.headers.get("Accept", "").replace(" ", "")
        if messages.JSON not in accept.split(","):
            return messages.error(
                400,
                "INVALID_HEADER_VALUE",
                "Accept header is missing or has invalid version",
                world.now(),
            )
        return None

    def sent(response: Response, path: str) -> Response:
        for name, value in meter.headers(path).items():
            response.headers[name] = value
        return response

    def get(path: str, handle: Callable[[Request], Awaitable[Response]]) -> None:
        async def endpoint(request: Request) -> Response:
            refused = refusal(request)
            return sent(refused.response() if refused else await handle(request), path)

        routes.add_api_route(path, endpoint, methods=["GET"])

    def post(
        path: str, body: type[Body], handle: Callable[[Request, Body], Awaitable[Response]]
    ) -> None:
        async def parsed(request: Request) -> Response:
            try:
                content: Any = json.loads(await request.body())
                asked = body.model_validate(content)
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"])
                message = f"{field}: {first['msg']}"
                return messages.error(400, "BAD_REQUEST", message, world.now()).response()
            except ValueError:
                message = "The request is not valid JSON"
                return messages.error(400, "BAD_REQUEST", message, world.now()).response()
            return await handle(request, asked)

        async def endpoint(request: Request) -> Response:
            refused = refusal(request)
            return sent(refused.response() if refused else await parsed(request), path)

        routes.add_api_route(path, endpoint, methods=["POST"])

    get("/products/{code}", shop.product)
    post("/availability/check", messages.Check, shop.check)
    post("/bookings/hold", messages.Check, shop.hold)
    post("/bookings/book", messages.Book, bookings.book)
    post("/bookings/status", messages.Status, bookings.status)
    get("/bookings/cancel-reasons", bookings.cancel_reasons)
    get("/bookings/modified-since", events.modified_since)
    post("/bookings/modified-since/acknowledge", messages.Acknowledgement, events.acknowledge)
    get("/bookings/{ref}/cancel-quote", bookings.cancel_quote)
    post("/bookings/{ref}/cancel", messages.Cancel, bookings.cancel)
    everything.include_router(routes)
    everything.include_router(control.router(world))
    return everything
