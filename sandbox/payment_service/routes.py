"""The service's paths under ``/payment_service``, and its payments in ``/_sandbox/state``."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from sandbox.faults import Fault
from sandbox.payment_service import intents, pages, refunds
from sandbox.payment_service.desk import Desk, ServiceRoute, page, parsed
from sandbox.payment_service.service import NAME, Document, Refused, Service
from sandbox.world import Answer, World


def router(world: World) -> APIRouter:
    """Return the service's routes over ``world``."""
    service = Service(world)
    for url, secret in world.payment_service_webhooks:
        service.events.add_endpoint(url, secret)
    others = world.payments
    world.payments = lambda: [*others(), *_payments(service)]
    desk = Desk(service)
    routes = APIRouter(prefix=f"/{NAME}/api/v1/payments", route_class=ServiceRoute)
    _intent_routes(routes, service, desk)
    _step_routes(routes, service, desk)
    _other_routes(routes, service, desk)

    @routes.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    async def unknown(path: str) -> Response:
        raise Refused(404, "no_such_route", f"There is no route /{path}.")

    whole = APIRouter()
    whole.include_router(routes)
    whole.include_router(pages.router(service))
    return whole


def _intent_routes(routes: APIRouter, service: Service, desk: Desk) -> None:
    @routes.post("/intents")
    async def create(request: Request) -> Response:
        body = parsed(intents.Create, await request.body())

        def refuse() -> Answer:
            raise Refused(422, "amount_too_large", "The sandbox was told to refuse.", executed=True)

        return await desk.write(
            request, "create", body.reference, lambda _: intents.create(service, body), refuse
        )

    @routes.get("/intents")
    async def listing(request: Request) -> Response:
        paging = {"limit", "after"}
        query = {name: value for name, value in request.query_params.items() if name not in paging}
        search = parsed(intents.Query, query)

        def execute() -> Answer:
            return Answer(200, page(request, intents.search(service, search)))

        return await desk.read(request, search.reference, execute)

    @routes.get("/intents/{identifier}")
    async def retrieve(request: Request, identifier: str) -> Response:
        def execute() -> Answer:
            return intents.read(service, service.get(service.intents, identifier))

        return await desk.read(request, _known_as(service, identifier), execute)


def _step_routes(routes: APIRouter, service: Service, desk: Desk) -> None:
    def refusing(status: int, code: str) -> Callable[[], Answer]:
        def refuse() -> Answer:
            raise Refused(status, code, "The sandbox was told to refuse.", executed=True)

        return refuse

    @routes.post("/intents/{identifier}/confirm")
    async def confirm(request: Request, identifier: str) -> Response:
        intent = service.get(service.intents, identifier)
        body = parsed(intents.Confirm, await request.body())

        def execute(fault: Fault | None, *, decline: bool = False) -> Answer:
            return intents.confirm(
                service,
                intent,
                body,
                page=f"{str(request.base_url).rstrip('/')}/{NAME}/_authenticate/{identifier}",
                authenticate=fault is not None and fault.kind == "authenticate",
                decline=decline,
                lasts=fault.seconds if fault and fault.kind == "short_hold" else None,
            )

        reference = intents.known_as(intent)
        return await desk.write(
            request, "confirm", reference, execute, lambda: execute(None, decline=True)
        )

    @routes.post("/intents/{identifier}/capture")
    async def capture(request: Request, identifier: str) -> Response:
        intent = service.get(service.intents, identifier)
        body = parsed(intents.Capture, await request.body())
        return await desk.write(
            request,
            "capture",
            intents.known_as(intent),
            lambda _: intents.capture(service, intent, body),
            refusing(402, "authorisation_expired"),
        )

    @routes.post("/intents/{identifier}/cancel")
    async def cancel(request: Request, identifier: str) -> Response:
        intent = service.get(service.intents, identifier)
        return await desk.write(
            request,
            "cancel",
            intents.known_as(intent),
            lambda _: intents.cancel(service, intent),
            refusing(409, "wrong_state"),
        )


def _other_routes(routes: APIRouter, service: Service, desk: Desk) -> None:
    @routes.post("/refunds")
    async def refund(request: Request) -> Response:
        body = parsed(refunds.Create, await request.body())

        def refuse() -> Answer:
            raise Refused(
                422, "balance_insufficient", "The sandbox was told to refuse.", executed=True
            )

        return await desk.write(
            request,
            "refund",
            _known_as(service, body.intent_id),
            lambda _: refunds.create(service, body),
            refuse,
        )

    def about_an_intent(path: str, documents: dict[str, Document]) -> None:
        @routes.get(path)
        async def listing(request: Request, intent_id: str = "") -> Response:
            def execute() -> Answer:
                found = [d for d in documents.values() if d["intent_id"] == intent_id]
                return Answer(200, page(request, found))

            return await desk.read(request, _known_as(service, intent_id), execute)

    about_an_intent("/refunds", service.refunds.documents)
    about_an_intent("/disputes", service.disputes.documents)

    @routes.get("/payment-methods/{identifier}")
    async def payment_method(request: Request, identifier: str) -> Response:
        def execute() -> Answer:
            card = service.card(identifier)
            return Answer(
                200,
                {
                    "id": identifier,
                    "type": "card",
                    "brand": card.brand,
                    "last4": card.last4,
                    "exp_month": 8,
                    "exp_year": 2034,
                },
            )

        return await desk.read(request, identifier, execute)


def _known_as(service: Service, identifier: str) -> str:
    intent = service.intents.get(identifier)
    return intents.known_as(intent) if intent else identifier


def _payments(service: Service) -> list[dict[str, Any]]:
    return [
        {
            "id": intent["id"],
            "status": intent["status"],
            "amount": intent["amount"],
            "captured": intent["amount_captured"],
            "refunded": intent["amount_refunded"],
            "booking": intent["reference"],
            "currency": intent["currency"],
        }
        for intent in service.intents.documents.values()
    ]
