"""Amadeus' paths. The SDK takes a host but no path prefix, so they stand at the root."""

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from sandbox.amadeus import control, search, tokens
from sandbox.amadeus.messages import Refused, failed, internal_error, success
from sandbox.amadeus.orders import SUPPLIER, Orders
from sandbox.amadeus.pricing import answer_body, priced, recognised
from sandbox.faults import Fault
from sandbox.world import Answer, World

Json = dict[str, Any]

METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def router(world: World) -> APIRouter:
    """Return the routes of the flight APIs, and the back office's look-up."""
    routes = APIRouter()
    orders = Orders(world)

    def unauthorised(request: Request) -> Response | None:
        if world.shelf(control.SHELF).get(control.CLOSED):
            return _no_endpoint().response()
        refused = tokens.check(request.headers.get("Authorization"), world.now())
        return refused.response() if refused else None

    def found(look: Callable[[], Answer]) -> Response:
        try:
            return look().response()
        except Refused as refused:
            return refused.answer.response()

    @routes.post("/v1/security/oauth2/token")
    async def token(request: Request) -> Response:
        form: FormData = await request.form()
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        return tokens.issue(fields, world.now()).response()

    @routes.get("/v2/shopping/flight-offers")
    async def search_by_query(request: Request) -> Response:
        return unauthorised(request) or found(
            lambda: search.by_query(request.query_params, world.now())
        )

    @routes.post("/v2/shopping/flight-offers")
    async def search_by_body(request: Request) -> Response:
        body = await _body(request)
        return unauthorised(request) or found(
            lambda: search.by_body(body, world.now()) if body is not None else _unreadable()
        )

    @routes.post("/v1/shopping/flight-offers/pricing")
    async def price(request: Request) -> Response:
        body = await _body(request)
        fare_rules = "detailed-fare-rules" in request.query_params.get("include", "").split(",")

        async def commit(fault: Fault | None) -> Answer:
            try:
                document = _offer_in(body)
                offer = recognised(document, world.now(), must_be_priced=False)
            except Refused as refused:
                return refused.answer
            drifted = fault is not None and fault.kind == "price_drift"
            confirmed = priced(offer, str(document["id"]), drifted=drifted)
            return success(200, answer_body(offer, confirmed, fare_rules=fare_rules))

        return unauthorised(request) or await world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            commit=commit,
            refuse=lambda: failed(38034, "The flight is sold out"),
            error=internal_error,
            request=request,
        )

    @routes.post("/v1/booking/flight-orders")
    async def book(request: Request) -> Response:
        body = await _body(request)
        refused = unauthorised(request)
        if refused is not None:
            return refused
        data = body.get("data") if body is not None else None
        if not isinstance(data, dict):
            return _unreadable().response()
        return await orders.create(request, data)

    @routes.get("/v1/booking/flight-orders/{order_id:path}")
    async def read(request: Request, order_id: str) -> Response:
        return unauthorised(request) or await orders.read(request, order_id)

    @routes.delete("/v1/booking/flight-orders/{order_id:path}")
    async def cancel(request: Request, order_id: str) -> Response:
        return unauthorised(request) or await orders.cancel(request, order_id)

    @routes.api_route("/v1/booking/{rest:path}", methods=METHODS)
    @routes.api_route("/v1/shopping/{rest:path}", methods=METHODS)
    @routes.api_route("/v2/shopping/{rest:path}", methods=METHODS)
    async def elsewhere(rest: str) -> Response:  # noqa: ARG001
        return _no_endpoint().response()

    @routes.get("/_sandbox/amadeus/orders")
    async def back_office(remark: str) -> list[Json]:
        return orders.back_office(remark)

    routes.include_router(control.router(world))
    return routes


async def _body(request: Request) -> Json | None:
    """Return the JSON object that was sent, or None when it is something else."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    try:
        content = json.loads(await request.body(), parse_constant=refuse)
        json.dumps(content, ensure_ascii=False).encode()  # lone surrogates cannot be echoed
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _offer_in(body: Json | None) -> Json:
    data = body.get("data") if body is not None else None
    if not isinstance(data, dict) or data.get("type") != "flight-offers-pricing":
        raise Refused(477, "type must be flight-offers-pricing", pointer="/data/type")
    offers = data.get("flightOffers")
    if not isinstance(offers, list) or len(offers) != 1 or not isinstance(offers[0], dict):
        raise Refused(32171, "exactly one flight offer", pointer="/data/flightOffers")
    return offers[0]


def _no_endpoint() -> Answer:
    """Return what the gateway in front of the APIs says of a path that is none of theirs."""
    return failed(38196, "The targeted resource doesn't exist", status=404)


def _unreadable() -> Answer:
    return failed(477, "The body is not the JSON that was expected")
