"""The protocol that every payment gateway implements.

Money moves in two steps: authorise (manual capture), then capture exactly what was confirmed.
Every call that can move money takes our own idempotency key; the gateway's own retries are off.
Errors are those of :mod:`models.errors`, so that the saga knows one taxonomy.
"""

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict

from models.core.money import Money


class PaymentState(StrEnum):
    """Where the money is, in the gateway's eyes (Stripe PaymentIntent states, grouped)."""

    UNCONFIRMED = "UNCONFIRMED"
    """Created; no money was asked for (requires_payment_method, requires_confirmation)."""
    ACTION_REQUIRED = "ACTION_REQUIRED"
    """The traveller must authenticate (requires_action)."""
    PROCESSING = "PROCESSING"
    AUTHORISED = "AUTHORISED"
    """The money is held, not taken (requires_capture)."""
    CAPTURED = "CAPTURED"
    """The money is taken (succeeded)."""
    RELEASED = "RELEASED"
    """Cancelled; nothing is held and nothing was taken (canceled)."""


class Payment(BaseModel):
    """A payment as the gateway has it now."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The PaymentIntent (``pi_…``)."""
    state: PaymentState
    amount: Money
    """What was asked for."""
    captured: int = 0
    """Taken so far, minor units."""
    refunded: int = 0
    """Given back so far, minor units; pending refunds count."""
    disputed: bool = False
    """Whether a card holder has ever disputed it; ``disputes`` tells more."""
    charge_id: str | None = None
    payment_method_id: str | None = None
    capture_before: AwareDatetime | None = None
    """When the hold lapses by itself, UTC."""
    client_secret: str | None = None
    next_action: dict[str, Any] | None = None
    """What the traveller must do, as the gateway says it (3-D Secure)."""
    decline_code: str | None = None
    """Why the last confirmation failed, when it did."""
    booking_id: str | None = None
    """Our reference, as given to ``create``; None for payments that we did not make."""
    hold: int = 1
    """The count given to ``create`` with the reference."""


class Refund(BaseModel):
    """Money given back."""

    model_config = ConfigDict(frozen=True)

    id: str
    amount: Money
    status: str
    """succeeded, pending, requires_action, failed or canceled."""
    created_at: AwareDatetime
    reference: str | None = None
    """The key of our refund row, as given to ``refund``; None for refunds made elsewhere."""
    failure_reason: str | None = None

    @property
    def gives_back(self) -> bool:
        """Whether the money has gone, or is on its way, to the traveller."""
        return self.status not in {"failed", "canceled"}


class Dispute(BaseModel):
    """A card holder's dispute of a charge."""

    model_config = ConfigDict(frozen=True)

    id: str
    payment_id: str
    amount: Money
    """What the gateway has taken back while the dispute is open, or for good when it is lost.

    In the payment's currency, whatever currency the card holder's bank claims it in.
    """
    status: Literal["open", "won", "lost"]
    """Early warnings that move no money are not disputes."""
    reason: str = ""
    created_at: AwareDatetime


class PaymentEvent(BaseModel):
    """A verified webhook event: a hint to look at a payment anew, never a source of amounts."""

    model_config = ConfigDict(frozen=True)

    gateway: str
    id: str
    type: str
    livemode: bool
    created_at: AwareDatetime
    payment_id: str | None = None
    """The payment it is about, where the event says so."""
    booking_id: str | None = None
    """Our reference in the payment's metadata, where the event carries it."""
    known: bool = False
    """Whether it is of a type that can change money or its holds; others are only kept."""
    payload: dict[str, Any] = {}
    """The event without secrets and personal data, for operators."""


class PaymentMethod(BaseModel):
    """A stored payment method: never a card number, only what may be shown."""

    model_config = ConfigDict(frozen=True)

    id: str
    type: str
    brand: str | None = None
    last4: str | None = None
    expires: dt.date | None = None


class Gateway(Protocol):
    """Moves money. Raises only :mod:`models.errors`."""

    name: str

    async def create(
        self,
        *,
        amount: Money,
        reference: str,
        hold: int = 1,
        key: str,
    ) -> Payment:
        """Create the payment, unconfirmed and without a card, for manual capture. No money moves.

        ``reference`` is the booking id and ``hold`` counts the payments of the booking; both are
        written where ``find`` looks (Stripe: metadata ``booking_id`` and ``hold``).

        Raises:
            Declined, InvalidRequest, AuthConfig: asking again would not help.
            Retryable: nothing was created. UnknownOutcome: it may have been.
        """
        ...

    async def confirm(self, payment_id: str, *, payment_method_id: str, key: str) -> Payment:
        """Ask for the money to be held on a card; again with another card after a decline.

        Returns the payment AUTHORISED, or ACTION_REQUIRED when the traveller must authenticate.
        A payment that is already authorised is returned as it is.

        Raises:
            Declined: with the decline code; the card holder's bank refused.
            InvalidRequest: the payment method is unknown or cannot be used.
            Retryable, UnknownOutcome: no answer; ``retrieve`` tells.
        """
        ...

    async def retrieve(self, payment_id: str) -> Payment:
        """Read the payment; always safe. Raises Retryable or InvalidRequest (unknown id)."""
        ...

    async def find(
        self, reference: str, *, hold: int = 1, since: dt.datetime | None = None
    ) -> Payment | None:
        """Look a payment up by our reference and its count; None when none is visible.

        ``since`` (UTC) is when it was asked for at the earliest: where the gateway has no search,
        its list is read from then on.

        Eventually consistent (Stripe: up to a minute); prefer ``retrieve`` where the id is known.
        """
        ...

    async def capture(self, payment_id: str, *, amount: Money, key: str) -> Payment:
        """Take ``amount`` of the held money; the rest is released. Captured already is success.

        Raises:
            Declined: the hold has lapsed or was cancelled; nothing can be taken.
            Retryable, UnknownOutcome: no answer; ``retrieve`` tells.
        """
        ...

    async def cancel(self, payment_id: str, *, key: str) -> Payment:
        """Release a payment that was not captured. Released already is success.

        Raises:
            InvalidRequest: it has been captured meanwhile (``code="captured"``): refund instead.
            Retryable, UnknownOutcome: no answer; ``retrieve`` tells.
        """
        ...

    async def refund(self, payment_id: str, *, amount: Money, reference: str, key: str) -> Refund:
        """Give back ``amount`` of what was captured.

        ``reference`` is our refund row's key; ``refunds`` tells it again, so that equal amounts
        are told apart (Stripe: metadata ``refund_key``).

        Raises:
            InvalidRequest: more than is left to give back (``code="charge_already_refunded"``).
            Retryable, UnknownOutcome: no answer; repeating with the same key is safe for 23 h.
        """
        ...

    async def refunds(self, payment_id: str) -> list[Refund]:
        """List the refunds of a payment, oldest first."""
        ...

    async def disputes(self, payment_id: str) -> list[Dispute]:
        """List the disputes of a payment, oldest first; empty where the gateway knows none."""
        ...

    async def payments(self, since: dt.datetime, until: dt.datetime) -> list[Payment]:
        """List the payments created in ``[since, until)`` (UTC), for the reconciliation."""
        ...

    async def payment_method(self, payment_method_id: str) -> PaymentMethod:
        """Read a payment method. Raises InvalidRequest for an unknown one."""
        ...

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> PaymentEvent:
        """Check the signature over the raw body and return the event as a hint.

        Raises:
            InvalidRequest: not signed by the gateway, too old, from the future, or not an event
                (``code="webhook_secret_missing"`` when no secret is set: the endpoint is off).
        """
        ...

    async def close(self) -> None:
        """Close connections."""
        ...
