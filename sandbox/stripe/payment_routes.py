"""Paths of payment intents, refunds, charges and disputes."""

from fastapi import APIRouter, Request, Response

from sandbox.faults import Fault
from sandbox.stripe import disputes, forms, holds, intents, refunds
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, unexpected_state
from sandbox.stripe.forms import PAGING, Parameters, paging
from sandbox.stripe.requests import Desk, base_url, parameters_of
from sandbox.world import Answer


def add(routes: APIRouter, account: Account, desk: Desk) -> None:
    """Add the paths to ``routes``."""
    _intent_routes(routes, account, desk)
    _refund_routes(routes, account, desk)
    _dispute_routes(routes, account, desk)
    _reading_routes(routes, account, desk)


def _intent_routes(routes: APIRouter, account: Account, desk: Desk) -> None:
    def known(identifier: str) -> str:
        document = account.shelves["pi"].get(identifier)
        return intents.reference(document) if document else identifier

    @routes.post("/payment_intents")
    async def create(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute(fault: Fault | None) -> Answer:
            return intents.create(
                account,
                parameters,
                base_url=base_url(request),
                authenticate=_wants(fault, "authenticate"),
            )

        def refuse() -> Answer:
            raise ApiError(
                "Your card was declined.",
                status=402,
                kind="card_error",
                code="card_declined",
                decline_code="generic_decline",
                executed=True,
            )

        return await desk.write(
            request, "create", forms.metadata(parameters).get("booking_id"), execute, refuse
        )

    @routes.get("/payment_intents")
    async def listing(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(parameters, PAGING | {"customer"})
            found = forms.created(parameters, account.shelves["pi"].newest_first())
            if customer := forms.text(parameters, "customer"):
                found = [intent for intent in found if intent["customer"] == customer]
            expand = forms.strings(parameters, "expand")
            return Answer(
                200, account.listed("/v1/payment_intents", found, expand, **paging(parameters))
            )

        return await desk.read(request, None, execute)

    @routes.get("/payment_intents/search")
    async def search(request: Request) -> Response:
        parameters = await parameters_of(request)
        booking = intents.booking_in(forms.text(parameters, "query") or "")
        return await desk.read(request, booking, lambda: intents.search(account, parameters))

    @routes.get("/payment_intents/{identifier}")
    async def retrieve(request: Request, identifier: str) -> Response:
        parameters = await parameters_of(request)
        return await desk.read(
            request,
            known(identifier),
            lambda: intents.retrieve(account, account.get("pi", identifier, "intent"), parameters),
        )

    @routes.post("/payment_intents/{identifier}/confirm")
    async def confirm(request: Request, identifier: str) -> Response:
        parameters = await parameters_of(request)

        def execute(fault: Fault | None, *, decline: bool = False) -> Answer:
            intent = account.get("pi", identifier, "intent")
            if fault is not None and fault.kind == "short_hold":
                holds.shorten(account, intent, fault.seconds)
            return intents.confirm(
                account,
                intent,
                parameters,
                base_url=base_url(request),
                authenticate=_wants(fault, "authenticate"),
                decline=decline,
            )

        return await desk.write(
            request, "confirm", known(identifier), execute, lambda: execute(None, decline=True)
        )

    @routes.post("/payment_intents/{identifier}/capture")
    async def capture(request: Request, identifier: str) -> Response:
        parameters = await parameters_of(request)

        def execute(_: Fault | None) -> Answer:
            return intents.capture(account, account.get("pi", identifier, "intent"), parameters)

        def refuse() -> Answer:
            raise ApiError(
                "The charge cannot be captured as the authorization has expired.",
                code="charge_expired_for_capture",
                executed=True,
            )

        return await desk.write(request, "capture", known(identifier), execute, refuse)

    @routes.post("/payment_intents/{identifier}/cancel")
    async def cancel(request: Request, identifier: str) -> Response:
        parameters = await parameters_of(request)

        def execute(_: Fault | None) -> Answer:
            return intents.cancel(account, account.get("pi", identifier, "intent"), parameters)

        def refuse() -> Answer:
            intent = account.get("pi", identifier, "intent")
            raise unexpected_state(
                account.show(intent), "You cannot cancel this PaymentIntent at this time."
            )

        return await desk.write(request, "cancel", known(identifier), execute, refuse)


def _wants(fault: Fault | None, kind: str) -> bool:
    return fault is not None and fault.kind == kind


def _refund_routes(routes: APIRouter, account: Account, desk: Desk) -> None:
    def known(parameters: Parameters) -> str | None:
        try:
            return intents.reference(refunds.intent_of(account, parameters))
        except ApiError:
            return None

    @routes.post("/refunds")
    async def create(request: Request) -> Response:
        parameters = await parameters_of(request)

        def refuse() -> Answer:
            raise ApiError(
                "You have insufficient available funds in your Stripe balance to refund this"
                " amount.",
                code="balance_insufficient",
                executed=True,
            )

        return await desk.write(
            request,
            "refund",
            known(parameters),
            lambda _: refunds.create(account, parameters),
            refuse,
        )

    @routes.get("/refunds")
    async def listing(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(parameters, PAGING | {"payment_intent", "charge"})
            found = refunds.of(account, parameters)
            return Answer(
                200,
                account.listed(
                    "/v1/refunds",
                    found,
                    forms.strings(parameters, "expand"),
                    **paging(parameters),
                ),
            )

        return await desk.read(request, known(parameters), execute)


def _dispute_routes(routes: APIRouter, account: Account, desk: Desk) -> None:
    @routes.get("/disputes")
    async def listing(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(parameters, PAGING | {"payment_intent", "charge"})
            found = disputes.of(account, parameters)
            expand = forms.strings(parameters, "expand")
            return Answer(200, account.listed("/v1/disputes", found, expand, **paging(parameters)))

        intent = account.shelves["pi"].get(forms.text(parameters, "payment_intent") or "")
        return await desk.read(request, intents.reference(intent) if intent else None, execute)

    @routes.post("/disputes/{identifier}/close")
    async def close(request: Request, identifier: str) -> Response:
        """Accept a dispute: it is lost."""
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(parameters, ())
            found = account.get("du", identifier, "dispute")
            disputes.closed(account, found, "lost")
            return Answer(200, account.show(found), extra={"id": identifier})

        return await desk.simple(request, "dispute", execute)


def _reading_routes(routes: APIRouter, account: Account, desk: Desk) -> None:
    def one(path: str, prefix: str, param: str) -> None:
        @routes.get(f"/{path}/{{identifier}}")
        async def retrieve(request: Request, identifier: str) -> Response:
            parameters = await parameters_of(request)

            def execute() -> Answer:
                forms.only(parameters, ())
                found = account.get(prefix, identifier, param)
                return Answer(200, account.show(found, forms.strings(parameters, "expand")))

            document = account.shelves[prefix].get(identifier) or {}
            intent = account.shelves["pi"].get(document.get("payment_intent") or "")
            return await desk.read(
                request, intents.reference(intent) if intent else identifier, execute
            )

    one("refunds", "re", "refund")
    one("charges", "ch", "charge")
    one("disputes", "du", "dispute")
