"""Duffel's paths, what is common to all of them, and the controls of this emulation."""

import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from sandbox.duffel import messages
from sandbox.duffel.airline import change_schedule, withdraw
from sandbox.duffel.events import deliveries
from sandbox.duffel.ledger import HELD, Later, ledger_of
from sandbox.duffel.messages import SUPPLIER
from sandbox.duffel.orders import Orders
from sandbox.duffel.paying import Paying
from sandbox.duffel.search import Search
from sandbox.world import Answer, ReservationRecord, World

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]


class LaterOrder(BaseModel):
    """What becomes of the next orders, which are only accepted."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["created", "failed"] = "created"
    after: float = Field(default=1.0, ge=0, le=3600)
    """Seconds."""
    times: int = Field(default=1, ge=1, le=1000)
    status: Literal[200, 202] = 202
    reference: str | None = Field(default=None, min_length=1)


class ScheduleOrder(BaseModel):
    """By how many minutes the airline moves all flights of an order."""

    model_config = ConfigDict(extra="forbid")

    minutes: int = Field(default=90, ge=-1440, le=1440)


def router(world: World) -> APIRouter:
    """Return the routes under ``/duffel``, and the controls under ``/_sandbox/duffel``."""
    routes = APIRouter()
    search, orders, paying = Search(world), Orders(world), Paying(world)
    ledger = ledger_of(world)
    world.starters.append(ledger.resume)
    world.calmers += [ledger.later.clear, ledger.forgetting.clear]

    def get(path: str, handle: Handler) -> None:
        async def endpoint(request: Request) -> Response:
            refused = _refusal(request)
            return refused.response() if refused else await handle(request)

        routes.add_api_route(f"/duffel{path}", endpoint, methods=["GET"])

    def post(path: str, handle: Callable[[Request, Json], Awaitable[Response]]) -> None:
        async def endpoint(request: Request) -> Response:
            refused = _refusal(request)
            if refused:
                return refused.response()
            body = await _body(request)
            return await handle(request, body) if isinstance(body, dict) else body.response()

        routes.add_api_route(f"/duffel{path}", endpoint, methods=["POST"])

    async def confirm(request: Request) -> Response:
        refused = _refusal(request)
        if refused:
            return refused.response()
        return await paying.confirm(request, request.path_params["cancellation_id"])

    async def told(request: Request) -> Response:
        query = request.query_params
        sent = deliveries(world, query.get("type"), query.get("created_at[after]"))
        meta = {"limit": 50, "before": None, "after": None}
        return messages.success(200, sent[:50], meta=meta).response()

    async def event(request: Request) -> Response:
        found = world.shelf("duffel_events").get(request.path_params["event_id"])
        return (messages.not_found() if found is None else messages.success(200, found)).response()

    post("/air/offer_requests", search.search)
    get("/air/offers", search.offers_of)
    get("/air/offers/{offer_id}", lambda r: search.offer(r, r.path_params["offer_id"]))
    post("/air/orders", orders.create)
    get("/air/orders", orders.list)
    get("/air/orders/{order_id}", lambda r: orders.show(r, r.path_params["order_id"]))
    post("/air/payments", paying.pay)
    post("/air/order_cancellations", paying.ask)
    routes.add_api_route(
        "/duffel/air/order_cancellations/{cancellation_id}/actions/confirm",
        confirm,
        methods=["POST"],
    )
    get("/air/webhooks/deliveries", told)
    get("/air/webhooks/events/{event_id}", event)
    _add_controls(routes, world)
    return routes


def _add_controls(routes: APIRouter, world: World) -> None:
    ledger = ledger_of(world)

    def standing(key: str) -> ReservationRecord:
        """Return the live order with this id or reference."""
        found = ledger.record(key) or world.reservations.find(SUPPLIER, key)
        if found is None or not found.live:
            raise HTTPException(404, f"no order {key!r} stands at Duffel")
        return found

    @routes.post("/_sandbox/duffel/later", status_code=201)
    async def later(order: LaterOrder) -> dict[str, int]:
        ledger.later.append(
            Later(
                created=order.outcome == "created",
                seconds=order.after,
                times=order.times,
                status=order.status,
                reference=order.reference,
            )
        )
        return {"armed": sum(one.times for one in ledger.later)}

    @routes.delete("/_sandbox/duffel/later")
    async def at_once() -> dict[str, int]:
        armed = sum(one.times for one in ledger.later)
        ledger.later.clear()
        return {"cleared": armed}

    @routes.post("/_sandbox/duffel/forgetting/{reference}", status_code=201)
    async def forget(reference: str) -> dict[str, int]:
        """Keep the next order under a reference (a part of it) without its metadata."""
        ledger.forgetting.append(reference)
        return {"armed": len(ledger.forgetting)}

    @routes.post("/_sandbox/duffel/later/settle", status_code=201)
    async def settle() -> dict[str, int]:
        return {"settled": ledger.settle()}

    @routes.post("/_sandbox/duffel/orders/{key}/schedule_change", status_code=201)
    async def schedule(key: str, order: ScheduleOrder) -> Json:
        return change_schedule(world, standing(key), order.minutes)

    @routes.post("/_sandbox/duffel/orders/{key}/airline_cancel", status_code=201)
    async def cancel(key: str) -> Json:
        return withdraw(world, standing(key))

    @routes.post("/_sandbox/duffel/orders/{key}/lapse", status_code=201)
    async def lapse(key: str) -> Json:
        record = standing(key)
        if record.status != HELD:
            raise HTTPException(409, f"{key!r} is {record.status}, not held")
        status = record.data["order"]["payment_status"]
        status["payment_required_by"] = messages.stamp(world.now())
        ledger.record(record.id)
        return {"id": record.id, "status": record.status}


def _refusal(request: Request) -> Answer | None:
    if not request.headers.get("Authorization", "").startswith("Bearer duffel_"):
        return messages.failed("access_token_not_found", "The access token is unknown", status=401)
    if request.headers.get("Duffel-Version") != "v2":
        return messages.failed(
            "unsupported_version",
            "The Duffel-Version header must be v2",
            status=400,
            kind="invalid_request_error",
        )
    return None


async def _body(request: Request) -> Json | Answer:
    """Return what is nested under ``data``, or the answer to what cannot be read."""

    def number(text: str) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("no JSON number")
        return value

    try:
        content = json.loads(await request.body(), parse_constant=number, parse_float=number)
        json.dumps(content, ensure_ascii=False).encode()  # lone surrogates cannot be echoed
    except (ValueError, RecursionError):
        return _unreadable("bad_request", "The body is not JSON")
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, dict):
        return _unreadable("missing_data_param", "The data should be nested under the data key")
    return data


def _unreadable(code: str, message: str) -> Answer:
    return messages.failed(code, message, status=400, kind="invalid_request_error")
