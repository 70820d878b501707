"""Stripe's answers, read strictly: only what we use, and nothing that is not as published.

An answer that does not fit raises ``pydantic.ValidationError``; what that means is the caller's
to say (reliability.md S21).
"""

import calendar
import datetime as dt
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field

from models.core.money import Money
from payments.core.declines import telling_code
from payments.core.protocol import Dispute, Payment, PaymentMethod, PaymentState, Refund
from payments.stripe.amounts import from_stripe

Entry = TypeVar("Entry", bound=BaseModel)

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


Metadata = Annotated[dict[str, str], BeforeValidator(lambda value: value or {})]
"""Our own keys in it: ``booking_id`` and ``hold`` of a payment, ``refund_key`` of a refund."""


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
    currency: str | None = None
    disputed: bool = False
    payment_method_details: _MethodDetails | None = None

    @property
    def given_back(self) -> int:
        """What was refunded of what was taken, minor units.

        What a partial capture or a cancellation releases is no part of ``amount_refunded`` since
        version 2025-03-31.basil (docs/decisions/0070-the-gateways-version.md).
        """
        return self.amount_refunded if self.captured else 0


class _LastError(BaseModel):
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None


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
    metadata: Metadata = {}

    @property
    def hold(self) -> int:
        """Which of its booking's payments it is; those made before we counted are the first."""
        count = self.metadata.get("hold", "1")
        return int(count) if count.isdecimal() else 1

    def payment(self) -> Payment:
        """Return it in our words. Raises ValueError: an amount that is none in its currency."""
        charge = self.latest_charge if isinstance(self.latest_charge, ChargeAnswer) else None
        details = charge.payment_method_details if charge else None
        lapses = details.card.capture_before if details and details.card else None
        failure = self.last_payment_error
        return Payment(
            id=self.id,
            state=STATES[self.status],
            amount=from_stripe(self.amount, self.currency),
            captured=from_stripe(self.amount_received, self.currency).amount,
            refunded=from_stripe(charge.given_back if charge else 0, self.currency).amount,
            disputed=charge.disputed if charge else False,
            charge_id=charge.id if charge else _text(self.latest_charge),
            payment_method_id=self.payment_method,
            capture_before=_moment(lapses) if lapses is not None else None,
            client_secret=self.client_secret,
            next_action=self.next_action,
            decline_code=telling_code(failure.code, failure.decline_code, failure.advice_code)
            if failure
            else None,
            booking_id=self.metadata.get("booking_id"),
            hold=self.hold,
        )


class RefundAnswer(BaseModel):
    """A refund."""

    object: Literal["refund"]
    id: str
    amount: Amount
    currency: str
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    created: int
    metadata: Metadata = {}
    failure_reason: str | None = None

    def refund(self) -> Refund:
        """Return it in our words."""
        return Refund(
            id=self.id,
            amount=from_stripe(self.amount, self.currency),
            status=self.status,
            created_at=_moment(self.created),
            reference=self.metadata.get("refund_key"),
            failure_reason=self.failure_reason,
        )


class _BalanceTransaction(BaseModel):
    amount: Annotated[int, Field(strict=True)]
    currency: str


class DisputeAnswer(BaseModel):
    """A dispute, or the enquiry that may become one."""

    object: Literal["dispute"]
    id: str
    payment_intent: Reference = None
    charge: ChargeAnswer | str | None = None
    amount: Amount
    currency: str
    balance_transactions: list[_BalanceTransaction] = []
    status: str
    reason: str
    created: int

    @property
    def moved_money(self) -> bool:
        """Whether money was taken back: not by early warnings, nor by disputes prevented."""
        return not self.status.startswith("warning_") and self.status != "prevented"

    def dispute(self, payment_id: str) -> Dispute:
        """Return it in our words; a status we do not know is an open dispute."""
        ended: Final[dict[str, Literal["won", "lost"]]] = {"won": "won", "lost": "lost"}
        return Dispute(
            id=self.id,
            payment_id=self.payment_intent or payment_id,
            amount=self._withdrawn(),
            status=ended.get(self.status, "open"),
            reason=self.reason
            if not self._foreign
            else f"{self.reason}, claimed: {from_stripe(self.amount, self.currency)}",
            created_at=_moment(self.created),
        )

    @property
    def _foreign(self) -> str | None:
        """The charge's currency, where the bank claims another."""
        charge = self.charge if isinstance(self.charge, ChargeAnswer) else None
        return charge.currency if charge and charge.currency != self.currency else None

    def _withdrawn(self) -> Money:
        """Return what was taken back, in the charge's currency.

        Where the bank claims another currency, the withdrawal tells if it is in the charge's; else
        the dispute covers all that is left of the charge: less is never given back twice.
        """
        if not self._foreign or not isinstance(self.charge, ChargeAnswer):
            return from_stripe(self.amount, self.currency)
        moved = (-m.amount for m in self.balance_transactions if m.currency == self._foreign)
        left = self.charge.amount_captured - self.charge.amount_refunded
        return from_stripe(next((m for m in moved if m > 0), left), self._foreign)


class Page(BaseModel):
    """One page of a list, newest first; its entries are read one by one."""

    object: Literal["list"]
    data: list[dict[str, Any]]
    has_more: bool

    def read(self, kind: type[Entry]) -> list[Entry]:
        """Return its entries. Raises ValidationError: one is not as published."""
        return [kind.model_validate(entry) for entry in self.data]


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


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
