"""The Partner API's paths, and what is common to all: token, query, body."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from sandbox.getyourguide import control, messages
from sandbox.getyourguide.bookings import Bookings
from sandbox.getyourguide.shop import Shop
from sandbox.world import World

Body = TypeVar("Body", bound=messages.Body)
_PRICED = ("cnt_language", "currency")
"""Query parameters that are required wherever something with a price is shown."""


def router(world: World) -> APIRouter:
    """Return the routes under ``/getyourguide/1``, and the supplier's."""
    everything, routes = APIRouter(), APIRouter(prefix="/getyourguide/1")
    shop, bookings = Shop(world), Bookings(world)

    def refused(status: int, code: int, message: str) -> Response:
        return messages.error(status, code, message, world.now()).response()

    def unauthorised(request: Request) -> Response | None:
        if request.headers.get("X-ACCESS-TOKEN", "") not in ("", "invalid"):
            return None
        message = "Unauthorized. The access token is invalid."
        return refused(401, messages.UNAUTHORIZED, message)

    def plain(
        method: str,
        path: str,
        required: tuple[str, ...],
        handle: Callable[[Request], Awaitable[Response]],
    ) -> None:
        async def endpoint(request: Request) -> Response:
            missing = [name for name in required if not request.query_params.get(name)]
            if missing:
                message = f"Missing parameter {missing[0]}"
                return unauthorised(request) or refused(400, messages.BAD_REQUEST, message)
            return unauthorised(request) or await handle(request)

        routes.add_api_route(path, endpoint, methods=[method])

    def post(
        path: str, body: type[Body], handle: Callable[[Request, Body], Awaitable[Response]]
    ) -> None:
        async def endpoint(request: Request) -> Response:
            denied = unauthorised(request)
            if denied is not None:
                return denied
            try:
                content: Any = json.loads(await request.body())
                asked = body.model_validate(content)
            except ValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"])
                return refused(400, messages.BAD_REQUEST, f"{field}: {first['msg']}")
            except ValueError:
                return refused(400, messages.BAD_REQUEST, "The request is not valid JSON")
            return await handle(request, asked)

        routes.add_api_route(path, endpoint, methods=["POST"])

    plain("GET", "/tours/{tour_id}", _PRICED, shop.tour)
    plain("GET", "/tours/{tour_id}/options", _PRICED, shop.options)
    plain("GET", "/tours/{tour_id}/availability", ("cnt-language",), shop.availability)
    post("/tours/{tour_id}/price-breakdown", messages.PriceBreakdown, shop.breakdown)
    post("/bookings", messages.Book, bookings.book)
    plain("GET", "/bookings/{booking_hash}", _PRICED, bookings.show)
    plain("DELETE", "/bookings/{booking_hash}", _PRICED, bookings.cancel)
    post("/carts", messages.Confirm, bookings.confirm)
    plain("GET", "/carts/{shopping_cart_hash}", _PRICED, bookings.show_cart)
    everything.include_router(routes)
    everything.include_router(control.router(world))
    return everything
