"""Answers of Duffel (API v2) about orders, payments, cancellations and events."""

import datetime as dt
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field

from models.core.money import Money
from models.core.supply import ReservationStatus
from models.core.text import Text
from suppliers.core.answers import JsonAnswer, Message
from suppliers.duffel.responses import Decimals, Id, Journey

REFERENCE: Final = "trip_reference"
"""The key of our reference in an order's metadata (letters, digits, "_", "-"; at most 40)."""


class PaymentStatus(Message):
    """Whether an order is paid. Not awaiting and never paid: the hold has lapsed."""

    awaiting_payment: bool
    payment_required_by: AwareDatetime | None = None
    price_guarantee_expires_at: AwareDatetime | None = None
    paid_at: AwareDatetime | None = None

    @property
    def held_until(self) -> dt.datetime | None:
        """Until when the seats are kept at this price (UTC)."""
        ends = (self.payment_required_by, self.price_guarantee_expires_at)
        return min((end for end in ends if end is not None), default=None)


class OrderPassenger(Message):
    """Who travels."""

    given_name: Text
    family_name: Text


class Refund(Message):
    """An order cancellation, pending or confirmed."""

    id: Id
    order_id: Id
    refund_amount: Decimals | None = None
    refund_currency: str | None = None
    refund_to: str | None = None
    expires_at: AwareDatetime | None = None
    confirmed_at: AwareDatetime | None = None

    def fee(self, answer: JsonAnswer, price: Money) -> Money | None:
        """Return what is kept of ``price``; None where Duffel does not know.

        An order that awaits payment costs nothing. Airline credits and vouchers are no money.
        """
        if self.refund_to == "awaiting_payment":
            return Money(amount=0, currency=price.currency)
        if self.refund_to in ("airline_credits", "voucher"):
            return price
        if self.refund_amount is None or self.refund_currency != price.currency:
            return None
        back = answer.money(self.refund_amount, price.currency)
        return Money(amount=max(price.amount - back.amount, 0), currency=price.currency)


class Change(Message):
    """A change by the airline; open while no action has been taken on it."""

    id: Id
    action_taken: str | None = None


class Document(Message):
    """A ticket."""

    type: str = ""
    unique_identifier: Text


class Order(Journey):
    """An order as Duffel has it now."""

    id: Id
    booking_reference: Text
    created_at: AwareDatetime
    payment_status: PaymentStatus
    passengers: Annotated[list[OrderPassenger], Field(min_length=1, max_length=9)]
    metadata: dict[str, Any] | None = None
    offer_id: str | None = None
    cancelled_at: AwareDatetime | None = None
    cancellation: Refund | None = None
    documents: list[Document] | None = None
    airline_initiated_changes: list[Change] | None = None
    available_actions: list[str] | None = None

    @property
    def reference(self) -> str | None:
        """Our reference, from the metadata."""
        found = (self.metadata or {}).get(REFERENCE)
        return found if isinstance(found, str) else None

    @property
    def status(self) -> ReservationStatus:
        """Where it stands."""
        if self.cancelled_at is not None:
            return ReservationStatus.CANCELLED
        if self.payment_status.awaiting_payment:
            return ReservationStatus.HELD
        if self.payment_status.paid_at is None and not self.documents:
            return ReservationStatus.CANCELLED  # held, never paid, released by the airline
        return ReservationStatus.CONFIRMED

    @property
    def names(self) -> list[tuple[str, str]]:
        """Who travels, to compare."""
        return sorted((p.given_name.casefold(), p.family_name.casefold()) for p in self.passengers)


class OrderAnswer(Message):
    """``POST /air/orders`` (201) and ``GET /air/orders/{id}``."""

    data: Order


class _Listed(Message):
    id: Id
    created_at: AwareDatetime
    metadata: dict[str, Any] | None = None
    cancelled_at: AwareDatetime | None = None


class _Page(Message):
    after: str | None = None


class OrderList(Message):
    """``GET /air/orders``: only what matching needs, for the orders of others are among them."""

    data: list[_Listed]
    meta: _Page | None = None

    @property
    def after(self) -> str | None:
        """The cursor of the next page."""
        return self.meta.after if self.meta else None


class RefundAnswer(Message):
    """``POST /air/order_cancellations`` and ``…/actions/confirm``."""

    data: Refund


class _Payment(Message):
    id: Id
    amount: Decimals
    currency: str
    status: Literal["succeeded", "pending", "failed", "cancelled"] | None = None


class PaymentAnswer(Message):
    """``POST /air/payments``; older versions state no status †: answered is paid."""

    data: _Payment


class _Delivery(Message):
    event_id: Id


class Deliveries(Message):
    """``GET /air/webhooks/deliveries``."""

    data: list[_Delivery]


class Event(Message):
    """``GET /air/webhooks/events/{id}``."""

    type: str
    data: dict[str, Any] = Field(default_factory=dict)

    def is_about(self, offer_id: str, reference: str) -> bool:
        """Tell whether it names an offer or our reference."""
        found = self.data.get("object", self.data)
        if not isinstance(found, dict):
            return False
        metadata = found.get("metadata")
        named = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
        return named == reference if named is not None else found.get("offer_id") == offer_id


class EventAnswer(Message):
    """The same, in its envelope."""

    data: Event
