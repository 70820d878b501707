"""An HTTP payment service behind the gateway protocol (contracts.md §2, ``PAYMENT_SERVICE_URL``).

The contract names four routes; holding money before taking it needs a few more. What they say and
answer is in :mod:`payments.payment_service_shapes` and docs/payment-service.md. A service that
lacks them is refused before the first payment (docs/decisions/0010-payment-service-routes.md).
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel

from models.core.errors import InvalidRequest, PaymentMethodRefused, Retryable
from models.core.money import Money
from payments.core.protocol import (
    Dispute,
    Payment,
    PaymentEvent,
    PaymentMethod,
    PaymentState,
    Refund,
)
from payments.core.webhooks import secrets_in
from payments.payment_service import webhooks
from payments.payment_service.client import ServiceClient, holdable
from payments.payment_service.errors import WRONG_STATE, malformed, unsupported, wrong_state
from payments.payment_service.http import PROVIDER, Asked, ServiceHttp
from payments.payment_service.shapes import (
    CaptureIntent,
    ConfirmIntent,
    CreateIntent,
    CreateRefund,
    DisputeAnswer,
    Intent,
    MethodAnswer,
    Page,
    RefundAnswer,
)

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,254}", re.ASCII)
_MOST_TELLING: Final = (
    PaymentState.CAPTURED,
    PaymentState.AUTHORISED,
    PaymentState.PROCESSING,
    PaymentState.ACTION_REQUIRED,
    PaymentState.UNCONFIRMED,
    PaymentState.RELEASED,
)
"""Which of several payments under one reference is the one that matters: where money is."""


class PaymentServiceGateway:
    """The :class:`payments.protocol.Gateway` that is the company's own payment service."""

    name = PROVIDER

    def __init__(
        self,
        *,
        url: str,
        timeout: float,
        api_key: str = "",
        webhook_secrets: str = "",
        return_url: str = "",
    ) -> None:
        """Make a gateway; nothing is sent yet.

        Args:
            url: the service's base, without ``/api/v1/payments``.
            timeout: seconds to wait for an answer.
            api_key: sent as a bearer token when not empty.
            webhook_secrets: the webhook's signing secrets, separated by commas.
            return_url: where the traveller's browser goes after authentication.
        """
        self._client = ServiceClient(ServiceHttp(url=url, api_key=api_key, timeout=timeout))
        self._webhook_secrets = secrets_in(webhook_secrets)
        self._return_url = return_url or None

    # -- what moves money -----------------------------------------------------------------

    async def create(self, *, amount: Money, reference: str, hold: int = 1, key: str) -> Payment:
        """Create the intent, unconfirmed, for manual capture."""
        await self._client.prove(key)
        body = CreateIntent(
            amount=amount.amount, currency=amount.currency, reference=reference, hold=hold
        )
        asked = Asked("create", "POST", "/intents", body=body, key=key, changes=True)
        intent = holdable(asked, await self._client.answer(asked, Intent))
        answered = (intent.amount, intent.currency, intent.reference, intent.hold)
        if answered != (body.amount, body.currency, reference, hold):
            raise unsupported(asked, "it answered another intent than the one asked for")
        return intent.payment()

    async def confirm(self, payment_id: str, *, payment_method_id: str, key: str) -> Payment:
        """Ask for the money to be held on a payment method; see the protocol."""
        body = ConfirmIntent(
            payment_method=_named("confirm", payment_method_id), return_url=self._return_url
        )
        done = {PaymentState.AUTHORISED, PaymentState.CAPTURED}
        return await self._change("confirm", payment_id, body, key, done=done)

    async def retrieve(self, payment_id: str) -> Payment:
        """Read the payment."""
        asked = Asked("retrieve", "GET", f"/intents/{_named('retrieve', payment_id)}")
        return await self._payment(asked, payment_id)

    async def find(
        self,
        reference: str,
        *,
        hold: int = 1,
        since: dt.datetime | None = None,  # noqa: ARG002  (its look-up is complete)
    ) -> Payment | None:
        """Look the payment up by our reference."""
        query = {"reference": _named("find", reference), "hold": str(hold)}
        asked = Asked("find", "GET", "/intents", query=query)
        found = await self._client.pages(asked, Page[Intent])
        if any((intent.reference, intent.hold) != (reference, hold) for intent in found):
            raise unsupported(asked, "it does not look intents up by reference and hold")
        payments = [holdable(asked, intent).payment() for intent in found]
        return min(payments, key=lambda p: _MOST_TELLING.index(p.state), default=None)

    async def capture(self, payment_id: str, *, amount: Money, key: str) -> Payment:
        """Take ``amount`` of the held money; the rest is released."""
        body = CaptureIntent(amount=amount.amount)
        return await self._change("capture", payment_id, body, key, done={PaymentState.CAPTURED})

    async def cancel(self, payment_id: str, *, key: str) -> Payment:
        """Release a payment that was not captured."""
        return await self._change("cancel", payment_id, None, key, done={PaymentState.RELEASED})

    async def refund(self, payment_id: str, *, amount: Money, reference: str, key: str) -> Refund:
        """Give back ``amount`` of what was captured."""
        body = CreateRefund(
            intent_id=_named("refund", payment_id), amount=amount.amount, reference=reference
        )
        asked = Asked("refund", "POST", "/refunds", body=body, key=key, changes=True)
        answer = await self._client.answer(asked, RefundAnswer)
        answered = (answer.intent_id, answer.amount, answer.currency, answer.reference)
        if answered != (payment_id, amount.amount, amount.currency, reference):
            raise malformed(asked, ValueError("another refund than the one asked for"))
        return answer.refund()

    # -- what only reads ------------------------------------------------------------------

    async def refunds(self, payment_id: str) -> list[Refund]:
        """List the refunds of a payment, oldest first."""
        asked = _about("refunds", payment_id)
        found = await self._client.pages(asked, Page[RefundAnswer])
        if any(answer.intent_id != payment_id for answer in found):
            raise malformed(asked, ValueError("refunds of other intents"))
        return [answer.refund() for answer in found]

    async def disputes(self, payment_id: str) -> list[Dispute]:
        """List the disputes of a payment, oldest first; empty where the service has no route."""
        asked = _about("disputes", payment_id)
        try:
            found = await self._client.pages(asked, Page[DisputeAnswer])
        except (InvalidRequest, Retryable) as error:
            if error.status in (404, 501):
                return []
            raise
        if any(answer.intent_id != payment_id for answer in found):
            raise malformed(asked, ValueError("disputes of other intents"))
        return [answer.dispute() for answer in found]

    async def payments(self, since: dt.datetime, until: dt.datetime) -> list[Payment]:
        """List the payments created in ``[since, until)``."""
        query = {"created_from": _rfc3339(since), "created_to": _rfc3339(until)}
        asked = Asked("payments", "GET", "/intents", query=query)
        found = await self._client.pages(asked, Page[Intent])
        return [intent.payment() for intent in found if since <= intent.created_at < until]

    async def payment_method(self, payment_method_id: str) -> PaymentMethod:
        """Read a payment method."""
        name = _named("payment_method", payment_method_id)
        asked = Asked("payment_method", "GET", f"/payment-methods/{name}")
        return (await self._client.answer(asked, MethodAnswer)).payment_method()

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> PaymentEvent:
        """Check the signature over the raw body and return the event as a hint."""
        return webhooks.verify(payload, headers, self._webhook_secrets)

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    async def _change(
        self,
        step: str,
        payment_id: str,
        body: BaseModel | None,
        key: str,
        *,
        done: set[PaymentState],
    ) -> Payment:
        """Take the payment one step on; one that is ``done`` already is a success."""
        path = f"/intents/{_named(step, payment_id)}/{step}"
        asked = Asked(step, "POST", path, body=body, key=key, changes=True)
        try:
            payment = await self._payment(asked, payment_id)
        except InvalidRequest as refusal:
            if step == "confirm" and refusal.code == "resource_missing":
                # The intent was made a moment ago: it is the method that is not there.
                raise PaymentMethodRefused(
                    str(refusal),
                    provider=PROVIDER,
                    operation=step,
                    code=refusal.code,
                    status=refusal.status,
                    request_id=refusal.request_id,
                ) from None
            if refusal.code != WRONG_STATE:
                raise
            payment = await self.retrieve(payment_id)
            if payment.state not in done:
                raise wrong_state(refusal, payment.state) from None
            return payment
        if step == "confirm" and payment.state is PaymentState.CAPTURED:
            # It is not held but taken, against what the service answered about the intent. The saga
            # undoes a refused payment by what the gateway has, and so gives the money back.
            raise unsupported(asked, "it took money that it was asked to hold")
        return payment

    async def _payment(self, asked: Asked, payment_id: str) -> Payment:
        intent = await self._client.answer(asked, Intent)
        if intent.id != payment_id:
            raise malformed(asked, ValueError("another intent than the one asked for"))
        return intent.payment()


def _about(operation: str, payment_id: str) -> Asked:
    """Return the request for what belongs to an intent; the operation is named as its route."""
    return Asked(
        operation, "GET", f"/{operation}", query={"intent_id": _named(operation, payment_id)}
    )


def _named(operation: str, identifier: str) -> str:
    """Return an id that can be asked for.

    Raises:
        InvalidRequest: no service has such an id.
    """
    if not _ID.fullmatch(identifier):
        raise InvalidRequest(
            f"{identifier[:100]!r} is no id",
            provider=PROVIDER,
            operation=operation,
            code="resource_missing",
        )
    return identifier


def _rfc3339(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
