"""Stripe, by its own SDK: authorise, capture, release, refund (providers.md §1).

Our own idempotency key goes with every call that can move money, and the SDK's silent retries
are off: one call is one request, and the saga decides what follows (reliability.md pitfall 9).
"""

import datetime as dt
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import stripe

from models.core.errors import AuthConfig, InvalidRequest
from models.core.money import Money
from models.core.paths import segment
from payments.core import webhooks
from payments.core.errors import PROVIDER, classify, state_in, wrong_state
from payments.core.protocol import (
    Dispute,
    Payment,
    PaymentEvent,
    PaymentMethod,
    PaymentState,
    Refund,
)
from payments.stripe.amounts import NotRepresentable, to_stripe
from payments.stripe.calls import answer, call, call_all, payment_in, payments_in
from payments.stripe.http import StripeHttp
from payments.stripe.shapes import DisputeAnswer, IntentSearch, MethodAnswer, RefundAnswer

_EXPAND: Final = ["latest_charge"]
_PAGE: Final = 100
"""Entries of a list in one answer; the most that Stripe gives."""
_SKEW: Final = dt.timedelta(minutes=5)
"""How far Stripe's clock may be from ours."""
_REFERENCE: Final = re.compile(r"[\w.:-]{1,255}", re.ASCII)
_MOST_TELLING: Final = (
    PaymentState.CAPTURED,
    PaymentState.AUTHORISED,
    PaymentState.PROCESSING,
    PaymentState.ACTION_REQUIRED,
    PaymentState.UNCONFIRMED,
    PaymentState.RELEASED,
)
"""Which of several payments under one reference is the one that matters: where money is."""


class StripeGateway:
    """The :class:`payments.protocol.Gateway` that is Stripe."""

    name = PROVIDER

    def __init__(
        self,
        *,
        key: str,
        url: str,
        timeout: float,
        webhook_secrets: str = "",
        return_url: str = "",
    ) -> None:
        """Make a gateway; nothing is sent yet.

        Args:
            key: the secret key.
            url: the API's base without ``/v1``.
            timeout: seconds to wait for an answer.
            webhook_secrets: the webhook's signing secrets, separated by commas.
            return_url: where the traveller's browser goes after 3-D Secure; without it Stripe
                answers a next action for its own client-side SDK instead of a redirect.
        """
        self._http = StripeHttp(timeout)
        self._client = stripe.StripeClient(
            key, base_addresses={"api": url}, max_network_retries=0, http_client=self._http
        )
        self._webhook_secrets = webhooks.secrets_in(webhook_secrets)
        self._return_url = return_url

    async def create(
        self,
        *,
        amount: Money,
        reference: str,
        hold: int = 1,
        key: str,
    ) -> Payment:
        """Create the payment intent, unconfirmed and without a card, for manual capture."""
        params: stripe.params.PaymentIntentCreateParams = {
            "amount": self._amount(amount, "create"),
            "currency": amount.currency.lower(),
            "capture_method": "manual",
            # Where the traveller's browser cannot be sent back to us, no payment method may
            # redirect. Cards with 3-D Secure are none of those: they work either way.
            "automatic_payment_methods": {
                "enabled": True,
                "allow_redirects": "always" if self._return_url else "never",
            },
            "metadata": {"booking_id": reference, "hold": str(hold)},
            "expand": _EXPAND,
        }
        return await call(
            "create",
            payment_in,
            lambda: self._client.v1.payment_intents.create_async(params, {"idempotency_key": key}),
        )

    async def confirm(self, payment_id: str, *, payment_method_id: str, key: str) -> Payment:
        """Ask for the authorisation; see the protocol."""
        params: stripe.params.PaymentIntentConfirmParams = {
            "payment_method": payment_method_id,
            "expand": _EXPAND,
        }
        if self._return_url:
            params["return_url"] = self._return_url
        return await self._change(
            "confirm",
            payment_id,
            lambda: self._client.v1.payment_intents.confirm_async(
                payment_id, params, {"idempotency_key": key}
            ),
            done=PaymentState.AUTHORISED,
        )

    async def retrieve(self, payment_id: str) -> Payment:
        """Read the payment."""
        name = segment(payment_id, provider=self.name, operation="retrieve")
        return await call(
            "retrieve",
            payment_in,
            lambda: self._client.v1.payment_intents.retrieve_async(name, {"expand": _EXPAND}),
        )

    async def find(
        self, reference: str, *, hold: int = 1, since: dt.datetime | None = None
    ) -> Payment | None:
        """Look the payment up by ``metadata['booking_id']`` and ``metadata['hold']``.

        Stripe has no search in some countries; then its list is read from ``since`` on.
        """
        if not _REFERENCE.fullmatch(reference):
            raise self._invalid("find", f"{reference!r} cannot be searched for", "bad_reference")
        try:
            payments = await self._search(reference)
        except (InvalidRequest, AuthConfig):
            if since is None:
                raise
            until = dt.datetime.now(dt.UTC) + _SKEW
            payments = await self.payments(since - _SKEW, until)
        found = [p for p in payments if p.booking_id == reference and p.hold == hold]
        return min(found, key=lambda p: _MOST_TELLING.index(p.state), default=None)

    async def _search(self, reference: str) -> list[Payment]:
        return await call(
            "find",
            lambda data: [found.payment() for found in IntentSearch.model_validate(data).data],
            lambda: self._client.v1.payment_intents.search_async(
                {
                    "query": f"metadata['booking_id']:'{reference}'",
                    "limit": 100,
                    "expand": [f"data.{name}" for name in _EXPAND],
                }
            ),
        )

    async def capture(self, payment_id: str, *, amount: Money, key: str) -> Payment:
        """Take ``amount`` of the held money; the rest is released."""
        to_capture = self._amount(amount, "capture")
        return await self._change(
            "capture",
            payment_id,
            lambda: self._client.v1.payment_intents.capture_async(
                payment_id,
                {"amount_to_capture": to_capture, "expand": _EXPAND},
                {"idempotency_key": key},
            ),
            done=PaymentState.CAPTURED,
        )

    async def cancel(self, payment_id: str, *, key: str) -> Payment:
        """Release a payment that was not captured."""
        return await self._change(
            "cancel",
            payment_id,
            lambda: self._client.v1.payment_intents.cancel_async(
                payment_id,
                {"cancellation_reason": "abandoned", "expand": _EXPAND},
                {"idempotency_key": key},
            ),
            done=PaymentState.RELEASED,
        )

    async def refund(self, payment_id: str, *, amount: Money, reference: str, key: str) -> Refund:
        """Give back ``amount`` of what was captured."""
        params: stripe.params.RefundCreateParams = {
            "payment_intent": payment_id,
            "amount": self._amount(amount, "refund"),
            "reason": "requested_by_customer",
            "metadata": {"refund_key": reference},
        }
        return await call(
            "refund",
            lambda data: RefundAnswer.model_validate(data).refund(),
            lambda: self._client.v1.refunds.create_async(params, {"idempotency_key": key}),
        )

    async def refunds(self, payment_id: str) -> list[Refund]:
        """List the refunds of a payment, oldest first."""

        def page_at(after: str | None) -> Awaitable[Any]:
            params: stripe.params.RefundListParams = {"payment_intent": payment_id, "limit": _PAGE}
            if after is not None:
                params["starting_after"] = after
            return self._client.v1.refunds.list_async(params)

        return await call_all(
            "refunds", lambda page: [refund.refund() for refund in page.read(RefundAnswer)], page_at
        )

    async def disputes(self, payment_id: str) -> list[Dispute]:
        """List the disputes of a payment that took money back, oldest first."""

        def page_at(after: str | None) -> Awaitable[Any]:
            params: stripe.params.DisputeListParams = {
                "payment_intent": payment_id,
                "limit": _PAGE,
                "expand": ["data.charge"],
            }
            if after is not None:
                params["starting_after"] = after
            return self._client.v1.disputes.list_async(params)

        return await call_all(
            "disputes",
            lambda page: [
                dispute.dispute(payment_id)
                for dispute in page.read(DisputeAnswer)
                if dispute.moved_money
            ],
            page_at,
        )

    async def payments(self, since: dt.datetime, until: dt.datetime) -> list[Payment]:
        """List the payments created in ``[since, until)``, oldest first."""

        def page_at(after: str | None) -> Awaitable[Any]:
            params: stripe.params.PaymentIntentListParams = {
                # Stripe counts whole seconds.
                "created": {
                    "gte": math.ceil(since.timestamp()),
                    "lt": math.ceil(until.timestamp()),
                },
                "limit": _PAGE,
                "expand": [f"data.{name}" for name in _EXPAND],
            }
            if after is not None:
                params["starting_after"] = after
            return self._client.v1.payment_intents.list_async(params)

        return await call_all("payments", payments_in, page_at)

    async def payment_method(self, payment_method_id: str) -> PaymentMethod:
        """Read a payment method."""
        name = segment(payment_method_id, provider=self.name, operation="payment_method")
        return await call(
            "payment_method",
            lambda data: MethodAnswer.model_validate(data).payment_method(),
            lambda: self._client.v1.payment_methods.retrieve_async(name),
        )

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> PaymentEvent:
        """Check the signature over the raw body and return the event as a hint."""
        return webhooks.verify(payload, headers, self._webhook_secrets)

    async def close(self) -> None:
        """Close connections."""
        await self._http.close_async()

    async def _change(
        self,
        operation: str,
        payment_id: str,
        request: Callable[[], Awaitable[Any]],
        *,
        done: PaymentState,
    ) -> Payment:
        """Change a payment's state; one that is ``done`` already is a success."""
        # The SDK encodes the id, but lets dot segments pass.
        segment(payment_id, provider=self.name, operation=operation)
        try:
            return await answer(operation, payment_in, request)
        except stripe.StripeError as error:
            state = state_in(error)
            if state is None:
                raise classify(error, operation) from None
            if state not in (done, PaymentState.CAPTURED if operation == "confirm" else done):
                raise wrong_state(error, operation, state) from None
        # The intent in the error lacks its charge; read the whole of it.
        return await self.retrieve(payment_id)

    def _amount(self, amount: Money, operation: str) -> int:
        """Return an amount as Stripe counts it. Raises InvalidRequest: Stripe cannot express it."""
        try:
            return to_stripe(amount)
        except NotRepresentable as error:
            raise self._invalid(operation, str(error), "amount_not_representable") from None

    def _invalid(self, operation: str, message: str, code: str) -> InvalidRequest:
        return InvalidRequest(message, provider=self.name, operation=operation, code=code)
