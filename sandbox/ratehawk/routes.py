"""RateHawk's paths, and the controls of this sandbox that other suppliers do not need."""

import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.ratehawk import messages
from sandbox.ratehawk.booking import Booking
from sandbox.ratehawk.ledger import SUPPLIER, Ledger, ledger_of
from sandbox.ratehawk.messages import Parameters, done, failed
from sandbox.ratehawk.orders import Orders
from sandbox.ratehawk.shop import Shop
from sandbox.world import Answer, World

_PREFIX = "/ratehawk/api/b2b/v3"

Body = TypeVar("Body", bound=Parameters)


class OutcomeOrder(BaseModel):
    """Which way the next order goes, or the next whose id contains ``reference``."""

    model_config = ConfigDict(extra="forbid")

    outcome: str
    reference: str | None = Field(default=None, min_length=1)


class PaceOrder(BaseModel):
    """How long things take, in seconds; what is not named stays as it is."""

    model_config = ConfigDict(extra="forbid")

    decides_after: float | None = Field(default=None, ge=0, le=3600)
    cut_off: float | None = Field(default=None, gt=0, le=3600)
    info_lag: float | None = Field(default=None, ge=0, le=3600)


def router(world: World) -> APIRouter:
    """Return the routes under ``/ratehawk/api/b2b/v3`` and ``/_sandbox/ratehawk``."""
    routes = APIRouter()
    ledger = ledger_of(world)
    shop, booking, orders = Shop(world), Booking(world), Orders(world)
    world.starters.append(ledger.go_on)
    world.calmers.append(ledger.outcomes.waiting.clear)
    paths: list[str] = []

    def serve(
        path: str, body: type[Body], handle: Callable[[Request, Body], Awaitable[Response]]
    ) -> None:
        async def endpoint(request: Request) -> Response:
            refusal = _unauthorised(request)
            if refusal is not None:
                return refusal.response()
            try:
                parameters = body.model_validate(json.loads(await request.body()))
            except ValidationError:
                return failed("invalid_params", http=400).response()
            except ValueError:
                return failed("decoding_json", http=400).response()
            return await handle(request, parameters)

        paths.append(f"api/b2b/v3{path}")
        routes.add_api_route(f"{_PREFIX}{path}/", endpoint, methods=["POST"])

    serve("/hotel/info", messages.HotelInfo, shop.hotel_info)
    serve("/search/hp", messages.Search, shop.hotelpage)
    serve("/hotel/prebook", messages.Prebook, shop.prebook)
    serve("/hotel/order/booking/form", messages.Form, booking.form)
    serve("/hotel/order/booking/finish", messages.Finish, booking.finish)
    serve("/hotel/order/booking/finish/status", messages.ByOrder, booking.status)
    serve("/hotel/order/info", messages.Info, orders.info)
    serve("/hotel/order/cancel", messages.ByOrder, orders.cancel)

    @routes.get(f"{_PREFIX}/overview/")
    async def overview(request: Request) -> Response:
        refusal = _unauthorised(request)
        limits = {"is_active": True, "is_limited": False, "requests_number": 0, "seconds_number": 0}
        return (refusal or done([{"endpoint": path, **limits} for path in paths])).response()

    _add_controls(routes, ledger)
    return routes


def _add_controls(routes: APIRouter, ledger: Ledger) -> None:
    @routes.post("/_sandbox/ratehawk/outcomes", status_code=201)
    async def choose(order: OutcomeOrder) -> dict[str, Any]:
        try:
            ledger.outcomes.choose(order.outcome, order.reference)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return {"waiting": ledger.outcomes.waiting}

    @routes.get("/_sandbox/ratehawk/outcomes")
    async def waiting() -> dict[str, Any]:
        return {"waiting": ledger.outcomes.waiting}

    @routes.get("/_sandbox/ratehawk/pace")
    async def pace() -> dict[str, float]:
        return asdict(ledger.pace)

    @routes.post("/_sandbox/ratehawk/pace")
    async def set_pace(order: PaceOrder) -> dict[str, float]:
        for name, value in order.model_dump(exclude_none=True).items():
            setattr(ledger.pace, name, value)
        return asdict(ledger.pace)

    @routes.post("/_sandbox/ratehawk/orders/{identity}/cancel")
    async def cancelled_by_hotel(identity: str) -> dict[str, Any]:
        order = ledger.order(identity) or ledger.world.reservations.find(SUPPLIER, identity)
        if order is None or order.status != "completed":
            raise HTTPException(404, f"there is no booked order {identity!r}")
        ledger.cancel(order, 0, by="hotel")
        ledger.world.log.append(
            SUPPLIER, "cancel", order.reference, "cancelled", 0, id=order.id, by="hotel"
        )
        return order.as_json()


def _unauthorised(request: Request) -> Answer | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic" or not token:
        return failed("no_auth_header", http=401)
    try:
        key_id, _, key = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return failed("invalid_auth_header", http=401)
    return None if key_id and key else failed("incorrect_credentials", http=401)
