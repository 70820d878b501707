"""Stripe, by its own SDK: authorise, capture, release, refund (providers.md §1).

Our own idempotency key goes with every call that can move money, and the SDK's silent retries
are off: one call is one request, and the saga decides what follows (reliability.md pitfall 9).
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import stripe

from models.errors import InvalidRequest
from models.money import Money
from payments import webhooks
from payments.errors import PROVIDER, classify, state_in, unusable, wrong_state
from payments.protocol import Payment, PaymentMethod, PaymentState, Refund
from payments.stripe_http import LanedHttp
from payments.stripe_shapes import (
    IntentAnswer,
    IntentSearch,
    MethodAnswer,
    RefundAnswer,
    RefundList,
)

Result = TypeVar("Result")

_EXPAND: Final = ["latest_charge"]
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
        self._http = LanedHttp(timeout)
        self._client = stripe.StripeClient(
            key, base_addresses={"api": url}, max_network_retries=0, http_client=self._http
        )
        self._webhook_secrets = [s for part in webhook_secrets.split(",") if (s := part.strip())]
        self._return_url = return_url

    async def create(
        self,
        *,
        amount: Money,
        payment_method_id: str,
        reference: str,
        metadata: dict[str, str],
        key: str,
    ) -> Payment:
        """Create the payment intent, unconfirmed, for manual capture."""
        params: stripe.params.PaymentIntentCreateParams = {
            "amount": amount.amount,
            "currency": amount.currency.lower(),
            "capture_method": "manual",
            "payment_method": payment_method_id,
            # Where the traveller's browser cannot be sent back to us, no payment method may
            # redirect. Cards with 3-D Secure are none of those: they work either way.
            "automatic_payment_methods": {
                "enabled": True,
                "allow_redirects": "always" if self._return_url else "never",
            },
            "metadata": {**metadata, "booking_id": reference},
            "expand": _EXPAND,
        }
        return await self._call(
            "create",
            _payment,
            lambda: self._client.v1.payment_intents.create_async(params, {"idempotency_key": key}),
        )

    async def confirm(self, payment_id: str, *, key: str) -> Payment:
        """Ask for the authorisation; see the protocol."""
        params: stripe.params.PaymentIntentConfirmParams = {"expand": _EXPAND}
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
        return await self._call(
            "retrieve",
            _payment,
            lambda: self._client.v1.payment_intents.retrieve_async(payment_id, {"expand": _EXPAND}),
        )

    async def find(self, reference: str) -> Payment | None:
        """Look the payment up by ``metadata['booking_id']``."""
        if not _REFERENCE.fullmatch(reference):
            raise self._invalid("find", f"{reference!r} cannot be searched for", "bad_reference")
        payments = await self._call(
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
        return min(payments, key=lambda p: _MOST_TELLING.index(p.state), default=None)

    async def capture(self, payment_id: str, *, amount: Money, key: str) -> Payment:
        """Take ``amount`` of the held money; the rest is released."""
        return await self._change(
            "capture",
            payment_id,
            lambda: self._client.v1.payment_intents.capture_async(
                payment_id,
                {"amount_to_capture": amount.amount, "expand": _EXPAND},
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

    async def refund(self, payment_id: str, *, amount: Money, key: str) -> Refund:
        """Give back ``amount`` of what was captured."""
        return await self._call(
            "refund",
            lambda data: RefundAnswer.model_validate(data).refund(),
            lambda: self._client.v1.refunds.create_async(
                {
                    "payment_intent": payment_id,
                    "amount": amount.amount,
                    "reason": "requested_by_customer",
                },
                {"idempotency_key": key},
            ),
        )

    async def refunds(self, payment_id: str) -> list[Refund]:
        """List the refunds of a payment, oldest first."""
        newest_first: list[Refund] = []
        params: stripe.params.RefundListParams = {"payment_intent": payment_id, "limit": 100}
        while True:
            page, more = await self._call(
                "refunds", _refund_page, lambda: self._client.v1.refunds.list_async(params)
            )
            newest_first += page
            if not more or not page:
                return newest_first[::-1]
            params["starting_after"] = page[-1].id

    async def payment_method(self, payment_method_id: str) -> PaymentMethod:
        """Read a payment method."""
        return await self._call(
            "payment_method",
            lambda data: MethodAnswer.model_validate(data).payment_method(),
            lambda: self._client.v1.payment_methods.retrieve_async(payment_method_id),
        )

    def verify_webhook(self, payload: bytes, signature: str) -> dict[str, Any]:
        """Check the signature over the raw body and return the event."""
        return webhooks.verify(payload, signature, self._webhook_secrets)

    async def close(self) -> None:
        """Close connections."""
        await self._http.close_async()

    async def _call(
        self,
        operation: str,
        read: Callable[[dict[str, Any]], Result],
        request: Callable[[], Awaitable[Any]],
    ) -> Result:
        """Make one request and read its answer; raises only :mod:`models.errors`."""
        try:
            return await _answer(operation, read, request)
        except stripe.StripeError as error:
            # Not chained: the SDK's errors carry whole bodies, client secrets included.
            raise classify(error, operation) from None

    async def _change(
        self,
        operation: str,
        payment_id: str,
        request: Callable[[], Awaitable[Any]],
        *,
        done: PaymentState,
    ) -> Payment:
        """Change a payment's state; one that is ``done`` already is a success."""
        try:
            return await _answer(operation, _payment, request)
        except stripe.StripeError as error:
            state = state_in(error)
            if state is None:
                raise classify(error, operation) from None
            if state not in (done, PaymentState.CAPTURED if operation == "confirm" else done):
                raise wrong_state(error, operation, state) from None
        # The intent in the error lacks its charge; read the whole of it.
        return await self.retrieve(payment_id)

    def _invalid(self, operation: str, message: str, code: str) -> InvalidRequest:
        return InvalidRequest(message, provider=self.name, operation=operation, code=code)


async def _answer(
    operation: str,
    read: Callable[[dict[str, Any]], Result],
    request: Callable[[], Awaitable[Any]],
) -> Result:
    """Return what ``read`` makes of the answer to ``request``.

    Raises:
        stripe.StripeError: Stripe, or the SDK, says no.
        ProviderError: the answer is not as published.
    """
    try:
        return read((await request()).to_dict())
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # The first is pydantic's as well as the SDK's over bytes that are no text.
        raise unusable(operation, error) from None


def _payment(data: dict[str, Any]) -> Payment:
    return IntentAnswer.model_validate(data).payment()


def _refund_page(data: dict[str, Any]) -> tuple[list[Refund], bool]:
    page = RefundList.model_validate(data)
    return [answer.refund() for answer in page.data], page.has_more
