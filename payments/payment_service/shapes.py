"""The messages of an HTTP payment service: what we say, and what it answers, read strictly.

The routes and these shapes together are the contract that docs/payment-service.md describes for
whoever runs such a service. Everything is snake_case JSON; amounts are integers in the currency's
minor unit, currencies ISO 4217 codes in upper case, times RFC 3339 with a zone.

An answer that does not fit raises ``pydantic.ValidationError``; what that means is the caller's
to say (reliability.md S21).
"""

import calendar
import datetime as dt
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from models.core.money import Currency, MinorUnits, Money
from payments.core.protocol import Dispute, Payment, PaymentMethod, PaymentState, Refund

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,254}$")]
"""An id of the service's, or our own: safe in a path, in a log and in a database."""

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")]
"""A stable code or type."""

Moment = Annotated[
    AwareDatetime,
    Field(ge=dt.datetime(2000, 1, 1, tzinfo=dt.UTC), lt=dt.datetime(3000, 1, 1, tzinfo=dt.UTC)),
]
"""A time of our days: years 1 and 9999 overflow when they are put into another zone."""

Status = Literal[
    "requires_payment_method",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]

STATES: Final[dict[str, PaymentState]] = {
    "requires_payment_method": PaymentState.UNCONFIRMED,
    "requires_action": PaymentState.ACTION_REQUIRED,
    "processing": PaymentState.PROCESSING,
    "requires_capture": PaymentState.AUTHORISED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.RELEASED,
}
"""The service's states as states of a payment."""


class _Answer(BaseModel):
    """What the service says: fields we do not use are ignored, wrong types are refused."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


# -- what we say -------------------------------------------------------------------------------


class CreateIntent(BaseModel):
    """``POST /intents``: plan a payment. No card is named and no money moves."""

    amount: MinorUnits
    currency: Currency
    capture_method: Literal["manual"] = "manual"
    """Confirming holds the money; only ``capture`` takes it."""
    reference: str
    """The booking's id; ``GET /intents?reference=`` finds the intent by it."""
    hold: int = Field(ge=1)
    """Which payment of the booking it is: 1, and 2 when the first hold lapsed, and so on."""
    metadata: dict[str, str] = {}


class ConfirmIntent(BaseModel):
    """``POST /intents/{id}/confirm``: hold the money on a payment method."""

    payment_method: str
    """The service's id of a stored method; never card data."""
    return_url: str | None = None
    """Where the traveller's browser goes after authentication."""


class CaptureIntent(BaseModel):
    """``POST /intents/{id}/capture``: take ``amount`` of what is held, release the rest."""

    amount: MinorUnits


class CreateRefund(BaseModel):
    """``POST /refunds``: give back ``amount`` of what was taken."""

    intent_id: str
    amount: MinorUnits
    reference: str
    """The key of our refund row; ``GET /refunds?intent_id=`` tells it again."""


# -- what it answers ---------------------------------------------------------------------------


class _Listed(_Answer):
    """What lists hold."""

    id: Identifier
    created_at: Moment


class Intent(_Listed):
    """A planned, held or made payment."""

    status: Status
    amount: MinorUnits
    """What was asked for."""
    currency: Currency
    capture_method: str
    """``manual`` for those we make; anything else is money that confirming would take at once."""
    amount_captured: MinorUnits = 0
    amount_refunded: MinorUnits = 0
    """Given back; pending refunds count, failed ones do not."""
    disputed: bool = False
    """A card holder has disputed it at some time; ``GET /disputes?intent_id=`` tells more."""
    reference: str | None = None
    hold: int = 1
    payment_method: str | None = None
    transaction_id: str | None = None
    """Of the charge at the bank, for people who talk to the bank."""
    capture_before: Moment | None = None
    """When the hold lapses by itself."""
    client_secret: str | None = None
    """Lets the traveller's browser go on with this payment, and with no other."""
    next_action: dict[str, Any] | None = None
    """With ``requires_action``: ``{"type": "redirect_to_url", "redirect_to_url": {"url": …}}``."""
    decline_code: str | None = None
    """Why the last confirmation failed, when it did."""

    def payment(self) -> Payment:
        """Return it in our words."""
        return Payment(
            id=self.id,
            state=STATES[self.status],
            amount=Money(amount=self.amount, currency=self.currency),
            captured=self.amount_captured,
            refunded=self.amount_refunded,
            disputed=self.disputed,
            charge_id=self.transaction_id,
            payment_method_id=self.payment_method,
            capture_before=self.capture_before,
            client_secret=self.client_secret,
            next_action=self.next_action,
            decline_code=self.decline_code,
            booking_id=self.reference,
        )


class RefundAnswer(_Listed):
    """Money given back, or on its way."""

    intent_id: str
    amount: MinorUnits
    currency: Currency
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    reference: str | None = None
    failure_reason: str | None = None

    def refund(self) -> Refund:
        """Return it in our words."""
        return Refund(
            id=self.id,
            amount=Money(amount=self.amount, currency=self.currency),
            status=self.status,
            created_at=self.created_at,
            reference=self.reference,
            failure_reason=self.failure_reason,
        )


class DisputeAnswer(_Listed):
    """A card holder's dispute that has moved money."""

    intent_id: str
    amount: MinorUnits
    currency: Currency
    status: Literal["open", "won", "lost"]
    reason: str = ""

    def dispute(self) -> Dispute:
        """Return it in our words."""
        return Dispute(
            id=self.id,
            payment_id=self.intent_id,
            amount=Money(amount=self.amount, currency=self.currency),
            status=self.status,
            reason=self.reason,
            created_at=self.created_at,
        )


class MethodAnswer(_Answer):
    """A stored payment method, as far as it may be shown."""

    id: str
    type: str
    brand: str | None = None
    last4: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None
    exp_month: Annotated[int, Field(ge=1, le=12)] | None = None
    exp_year: Annotated[int, Field(ge=2000, le=9999)] | None = None

    def payment_method(self) -> PaymentMethod:
        """Return it in our words; a card expires at the end of its month."""
        expires = None
        if self.exp_year is not None and self.exp_month is not None:
            last = calendar.monthrange(self.exp_year, self.exp_month)[1]
            expires = dt.date(self.exp_year, self.exp_month, last)
        return PaymentMethod(
            id=self.id, type=self.type, brand=self.brand, last4=self.last4, expires=expires
        )


Row = TypeVar("Row", bound=_Listed)


class Page(_Answer, Generic[Row]):
    """One page of a list, oldest first; the next begins ``after`` the last row's id."""

    data: list[Row]
    has_more: bool = False


class Failure(_Answer):
    """What went wrong: a stable code, and words for operators."""

    code: Word
    message: str


class ErrorAnswer(_Answer):
    """The body of every answer that is not 2xx."""

    error: Failure


class Event(_Answer):
    """The body of a webhook: a hint to read an intent anew."""

    id: Identifier
    type: Word
    livemode: bool
    """False for a service's test mode."""
    created_at: Moment
    intent_id: Identifier | None = None
    reference: Identifier | None = None
    """The intent's reference: the booking's id."""
