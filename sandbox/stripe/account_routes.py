"""Paths of customers, payment methods, events and webhook endpoints."""

from fnmatch import fnmatchcase

from fastapi import APIRouter, Request, Response

from sandbox.stripe import forms, objects
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, missing
from sandbox.stripe.events import TYPES
from sandbox.stripe.forms import PAGING, Parameters, paging
from sandbox.stripe.objects import Document
from sandbox.stripe.requests import Desk, parameters_of
from sandbox.world import Answer


def add(routes: APIRouter, account: Account, desk: Desk) -> None:
    """Add the paths to ``routes``."""
    _customer_routes(routes, account, desk)
    _webhook_routes(routes, account, desk)


def _customer_routes(routes: APIRouter, account: Account, desk: Desk) -> None:
    @routes.post("/customers")
    async def create(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(parameters, {"email", "name", "phone", "description", "metadata", "address"})
            made = account.put(
                objects.customer(
                    account.now(),
                    address=_address(parameters),
                    metadata=forms.metadata(parameters),
                    **{
                        name: forms.text(parameters, name)
                        for name in ("email", "name", "phone", "description")
                    },
                )
            )
            account.emit("customer.created", made)
            return Answer(200, account.show(made), extra={"id": made["id"]})

        return await desk.simple(request, "customer", execute)

    @routes.get("/customers/{identifier}")
    async def retrieve(request: Request, identifier: str) -> Response:
        return await desk.simple(
            request,
            "customer",
            lambda: Answer(200, account.show(account.get("cus", identifier))),
        )

    @routes.get("/payment_methods/{identifier}")
    async def method(request: Request, identifier: str) -> Response:
        def execute() -> Answer:
            return Answer(200, account.show(account.payment_method(identifier)))

        return await desk.simple(request, "payment_method", execute)

    @routes.post("/payment_methods/{identifier}/attach")
    async def attach(request: Request, identifier: str) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(parameters, {"customer"})
            owner = account.get("cus", forms.required(parameters, "customer"), "customer")
            found = account.payment_method(identifier)
            if found["customer"] not in (None, owner["id"]):
                raise ApiError(
                    "The payment method you provided has already been attached to a customer.",
                    executed=True,
                )
            found["customer"] = owner["id"]
            account.put(found)
            account.emit("payment_method.attached", found)
            return Answer(200, account.show(found), extra={"id": found["id"]})

        return await desk.simple(request, "payment_method", execute)


def _address(parameters: Parameters) -> Document | None:
    given = forms.mapping(parameters, "address")
    if not given:
        return None
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    forms.only(given, names)
    return {name: forms.text(given, name) for name in names}


def _webhook_routes(routes: APIRouter, account: Account, desk: Desk) -> None:
    events, endpoints = account.events.events, account.events.endpoints

    @routes.get("/events")
    async def listing(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(parameters, PAGING | {"type", "types"})
            kinds = forms.strings(parameters, "types")
            kind = forms.text(parameters, "type")
            if kind and kinds:
                raise ApiError("You may only specify one of these parameters: type, types.")
            found = forms.created(parameters, events.newest_first())
            if kind or kinds:
                patterns = [kind] if kind else kinds
                found = [e for e in found if any(fnmatchcase(e["type"], w) for w in patterns)]
            return Answer(200, account.listed("/v1/events", found, **paging(parameters)))

        return await desk.simple(request, "event", execute)

    @routes.get("/events/{identifier}")
    async def retrieve(request: Request, identifier: str) -> Response:
        def execute() -> Answer:
            event = events.get(identifier)
            if event is None:
                raise missing("event", identifier, "id")
            return Answer(200, account.show(event))

        return await desk.simple(request, "event", execute)

    @routes.post("/webhook_endpoints")
    async def create(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            forms.only(
                parameters, {"url", "enabled_events", "description", "metadata", "api_version"}
            )
            url = forms.required(parameters, "url")
            if not url.startswith(("http://", "https://")):
                raise ApiError("Invalid URL: must be http or https.", param="url")
            enabled = forms.strings(parameters, "enabled_events")
            unknown = [kind for kind in enabled if kind not in TYPES | {"*"}]
            if not enabled or unknown:
                raise ApiError(
                    f"Invalid enabled_events: {', '.join(unknown) or 'at least one is needed'}.",
                    param="enabled_events",
                )
            made = account.events.add_endpoint(
                url,
                enabled,
                description=forms.text(parameters, "description"),
                metadata=forms.metadata(parameters),
                api_version=forms.text(parameters, "api_version"),
            )
            return Answer(200, made, extra={"id": made["id"]})

        return await desk.simple(request, "webhook_endpoint", execute)

    @routes.get("/webhook_endpoints")
    async def all_endpoints(request: Request) -> Response:
        parameters = await parameters_of(request)

        def execute() -> Answer:
            found = endpoints.newest_first()
            return Answer(200, account.listed("/v1/webhook_endpoints", found, **paging(parameters)))

        return await desk.simple(request, "webhook_endpoint", execute)

    @routes.delete("/webhook_endpoints/{identifier}")
    async def delete(request: Request, identifier: str) -> Response:
        def execute() -> Answer:
            if endpoints.get(identifier) is None:
                raise missing("webhook_endpoint", identifier, "webhook_endpoint")
            account.events.drop_endpoint(identifier)
            return Answer(200, {"id": identifier, "object": "webhook_endpoint", "deleted": True})

        return await desk.simple(request, "webhook_endpoint", execute)
