"""The Demand API's paths. All of them are POST."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from sandbox.booking_com import control, messages
from sandbox.booking_com.messages import Parameters, failed, invalid
from sandbox.booking_com.orders import Orders
from sandbox.booking_com.shop import Shop
from sandbox.world import Answer, World

Body = TypeVar("Body", bound=Parameters)


def router(world: World) -> APIRouter:
    """Return the routes under ``/booking_com/3.2``, and the hotel's."""
    everything = APIRouter()
    routes = APIRouter(prefix="/booking_com/3.2")
    shop, orders = Shop(world), Orders(world)

    def serve(
        path: str, body: type[Body], handle: Callable[[Request, Body], Awaitable[Response]]
    ) -> None:
        async def endpoint(request: Request) -> Response:
            refusal = _unauthorised(request)
            if refusal is not None:
                return refusal.response()
            try:
                parameters = body.model_validate(json.loads(await request.body()))
            except ValidationError as error:
                return invalid(error).response()
            except ValueError:
                return failed(400, "malformed_request", "The body is not JSON.").response()
            return await handle(request, parameters)

        routes.add_api_route(path, endpoint, methods=["POST"])

    serve("/accommodations/details", messages.StaticDetails, shop.static_details)
    serve("/accommodations/availability", messages.Availability, shop.availability)
    serve("/orders/preview", messages.Preview, shop.preview)
    serve("/orders/create", messages.Create, orders.create)
    serve("/orders/details", messages.Details, orders.details)
    serve("/orders/details/accommodations", messages.AccommodationDetails, orders.stays)
    serve("/orders/cancel", messages.Cancel, orders.cancel)
    everything.include_router(routes)
    everything.include_router(control.router(world))
    return everything


def _unauthorised(request: Request) -> Answer | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return failed(401, "unauthorized", "The bearer token is missing.")
    if not request.headers.get("X-Affiliate-Id"):
        return failed(401, "unauthorized", "The header X-Affiliate-Id is missing.")
    return None
