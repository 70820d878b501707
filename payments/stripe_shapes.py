"""Stripe's answers, read strictly: only what we use, and nothing that is not as published.

An answer that does not fit raises ``pydantic.ValidationError``; what that means is the caller's
to say (reliability.md S21).
"""

import calendar
import datetime as dt
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field

from models.money import Money
from payments.protocol import Payment, PaymentMethod, PaymentState, Refund

STATES: Final[dict[str, PaymentState]] = {
    "requires_payment_method": PaymentState.UNCONFIRMED,
    "requires_confirmation": PaymentState.UNCONFIRMED,
    "requires_action": PaymentState.ACTION_REQUIRED,
    "processing": PaymentState.PROCESSING,
    "requires_capture": PaymentState.AUTHORISED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.RELEASED,
}
"""PaymentIntent states (providers.md §1) in our words."""

Status = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]
Amount = Annotated[int, Field(ge=0, strict=True)]


def _id_of(value: Any) -> Any:
    return value.get("id") if isinstance(value, dict) else value


Reference = Annotated[str | None, BeforeValidator(_id_of)]
"""An object's id, whether Stripe expanded the object or not."""


class _Card(BaseModel):
    capture_before: int | None = None


class _MethodDetails(BaseModel):
    card: _Card | None = None


class ChargeAnswer(BaseModel):
    """A charge, as ``latest_charge`` expands to."""

    object: Literal["charge"]
    id: str
    amount: Amount
    amount_captured: Amount
    amount_refunded: Amount
    captured: bool
    payment_method_details: _MethodDetails | None = None

    @property
    def given_back(self) -> int:
        """What was refunded of what was taken, minor units.

        Stripe counts what a partial capture releases as refunded; that was never taken.
        """
        if not self.captured:
            return 0
        released = self.amount - self.amount_captured
        back = self.amount_refunded
        return back - released if back >= released else back


class _LastError(BaseModel):
    code: str | None = None
    decline_code: str | None = None


class IntentAnswer(BaseModel):
    """A payment intent."""

    object: Literal["payment_intent"]
    id: str
    status: Status
    amount: Amount
    amount_received: Amount = 0
    currency: str
    latest_charge: ChargeAnswer | str | None = None
    payment_method: Reference = None
    client_secret: str | None = None
    next_action: dict[str, Any] | None = None
    last_payment_error: _LastError | None = None

    def payment(self) -> Payment:
        """Return it in our words."""
        charge = self.latest_charge if isinstance(self.latest_charge, ChargeAnswer) else None
        details = charge.payment_method_details if charge else None
        lapses = details.card.capture_before if details and details.card else None
        failure = self.last_payment_error
        return Payment(
            id=self.id,
            state=STATES[self.status],
            amount=Money(amount=self.amount, currency=self.currency.upper()),
            captured=self.amount_received,
            refunded=charge.given_back if charge else 0,
            charge_id=charge.id if charge else _text(self.latest_charge),
            payment_method_id=self.payment_method,
            capture_before=_moment(lapses) if lapses is not None else None,
            client_secret=self.client_secret,
            next_action=self.next_action,
            decline_code=(failure.decline_code or failure.code) if failure else None,
        )


class RefundAnswer(BaseModel):
    """A refund."""

    object: Literal["refund"]
    id: str
    amount: Amount
    currency: str
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    created: int

    def refund(self) -> Refund:
        """Return it in our words."""
        return Refund(
            id=self.id,
            amount=Money(amount=self.amount, currency=self.currency.upper()),
            status=self.status,
            created_at=_moment(self.created),
        )


class RefundList(BaseModel):
    """One page of refunds, newest first."""

    object: Literal["list"]
    data: list[RefundAnswer]
    has_more: bool


class IntentSearch(BaseModel):
    """What a search for payment intents found, newest first."""

    object: Literal["search_result"]
    data: list[IntentAnswer]


class _MethodCard(BaseModel):
    brand: str
    last4: str
    exp_month: Annotated[int, Field(ge=1, le=12)]
    exp_year: Annotated[int, Field(ge=2000, le=9999)]


class MethodAnswer(BaseModel):
    """A payment method."""

    object: Literal["payment_method"]
    id: str
    type: str
    card: _MethodCard | None = None

    def payment_method(self) -> PaymentMethod:
        """Return it in our words; a card expires at the end of its month."""
        if self.card is None:
            return PaymentMethod(id=self.id, type=self.type)
        year, month = self.card.exp_year, self.card.exp_month
        return PaymentMethod(
            id=self.id,
            type=self.type,
            brand=self.card.brand,
            last4=self.card.last4,
            expires=dt.date(year, month, calendar.monthrange(year, month)[1]),
        )


class EventAnswer(BaseModel):
    """A webhook event, as far as anyone may rely on it before reading the object anew."""

    object: Literal["event"]
    id: Annotated[str, Field(min_length=1, max_length=255)]
    type: Annotated[str, Field(min_length=1, max_length=255)]
    livemode: bool
    data: dict[str, Any]


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
