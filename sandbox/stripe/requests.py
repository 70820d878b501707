"""What every request to Stripe has in common: key, idempotency, errors, faults, log."""

import base64
import binascii
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from sandbox.faults import Fault
from sandbox.stripe import forms
from sandbox.stripe.account import Account, Caller
from sandbox.stripe.errors import ApiError, internal
from sandbox.stripe.forms import Parameters
from sandbox.stripe.idempotency import fingerprint
from sandbox.stripe.objects import API_VERSION, new_id
from sandbox.world import Answer


class StripeRoute(APIRoute):
    """A route that wants an API key and answers errors in Stripe's shape."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            request.state.request_id = new_id("req")
            try:
                _check_key(request)
                _check_version(request)
                response = await handler(request)
            except ApiError as error:
                response = error.answer().response()
            response.headers["Request-Id"] = request.state.request_id
            response.headers["Stripe-Version"] = API_VERSION
            key = request.headers.get("idempotency-key")
            if key and request.method == "POST" and key.isascii():
                response.headers["Idempotency-Key"] = key
            return response

        return handle


def _check_version(request: Request) -> None:
    """Refuse other versions: objects, states and events are those of this one."""
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise ApiError(
            f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION} only."
        )


def _check_key(request: Request) -> None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            credentials = base64.b64decode(credentials).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            credentials = ""
    if not credentials:
        raise ApiError(
            "You did not provide an API key. You need to provide your API key in the"
            " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
            " YOUR_SECRET_KEY').",
            status=401,
        )
    if not credentials.startswith(("sk_test_", "rk_test_")):
        raise ApiError(f"Invalid API Key provided: {credentials[:8]}***", status=401)


async def parameters_of(request: Request) -> Parameters:
    """Return the parameters, from the query of a GET and the body of everything else."""
    if request.method == "GET":
        return forms.parse(request.url.query.encode())
    return forms.parse(await request.body())


def base_url(request: Request) -> str:
    """Return where the sandbox is, as the caller sees it."""
    return str(request.base_url).rstrip("/")


class Desk:
    """Takes requests on behalf of an account."""

    def __init__(self, account: Account) -> None:
        self.account = account

    async def read(
        self, request: Request, reference: str | None, execute: Callable[[], Answer]
    ) -> Response:
        """Process a read: operation ``retrieve``."""

        async def commit(_: Fault | None) -> Answer:
            return self._answered(execute)

        return await self.account.world.serve(
            supplier="stripe",
            operation="retrieve",
            reference=reference,
            commit=commit,
            refuse=lambda: ApiError(
                "No such payment_intent", status=404, code="resource_missing", param="intent"
            ).answer(),
            error=lambda: internal().answer(),
            request=request,
        )

    async def write(
        self,
        request: Request,
        operation: str,
        reference: str | None,
        execute: Callable[[Fault | None], Answer],
        refuse: Callable[[], Answer],
    ) -> Response:
        """Process a call that moves money, once per idempotency key."""
        key, stamp = await self._key(request)

        def once(fault: Fault | None) -> Answer:
            return self._once(request, key, stamp, lambda: execute(fault))

        async def commit(fault: Fault | None) -> Answer:
            return once(fault)

        def error() -> Answer:
            # A 500 after execution had begun is kept and replayed (providers.md §1).
            failure = internal().answer(key=key)
            self.account.keys.overwrite(key, failure)
            return failure

        def refused() -> Answer:
            return self._once(request, key, stamp, refuse)

        return await self.account.world.serve(
            supplier="stripe",
            operation=operation,
            reference=reference,
            commit=commit,
            refuse=refused,
            error=error,
            guard=lambda: self.account.keys.holding(key),
            request=request,
        )

    async def simple(self, request: Request, name: str, execute: Callable[[], Answer]) -> Response:
        """Process a request that has no faults: customers, payment methods, endpoints."""
        if request.method == "POST":
            key, stamp = await self._key(request)
            answer = self._once(request, key, stamp, execute)
        else:
            answer = self._answered(execute)
        self.account.world.log.append(
            "stripe", name, answer.reference, answer.effect, answer.status, **answer.extra
        )
        return answer.response()

    async def _key(self, request: Request) -> tuple[str | None, str]:
        # The order of parameters makes no other request.
        body = b"&".join(sorted((await request.body()).split(b"&")))
        stamp = fingerprint(request.method, request.url.path, body)
        return request.headers.get("idempotency-key"), stamp

    def _once(
        self, request: Request, key: str | None, stamp: str, execute: Callable[[], Answer]
    ) -> Answer:
        request_id = request.state.request_id
        self.account.caller = Caller(request_id=request_id, key=key)
        try:
            answer = self.account.keys.once(key, stamp, execute, request_id)
        except ApiError as error:
            answer = error.answer()
        finally:
            self.account.caller = Caller()
        answer.extra = {**answer.extra, "key": key}
        return answer

    def _answered(self, execute: Callable[[], Answer]) -> Answer:
        try:
            return execute()
        except ApiError as error:
            return error.answer()
