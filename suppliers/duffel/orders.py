"""Answers of Duffel (API v2) about orders, payments, cancellations and events."""

import datetime as dt
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from models.core.money import Money
from models.core.supply import ReservationStatus
from models.core.text import Text
from suppliers.core.answers import Loose, LooseList, Message, Moment
from suppliers.duffel.responses import Decimals, Id, Journey

REFERENCE: Final = "trip_reference"
"""The key of our reference in an order's metadata (letters, digits, "_", "-"; at most 40)."""

Stated = Annotated[bool, BeforeValidator(bool)]
"""Whether something is stated at all, in whatever form: when something happened."""

_MONEY_BACK: Final = frozenset({"balance", "arc_bsp_cash", "card", "original_form_of_payment"})
"""Where a refund goes that is money. Airline credits and vouchers are none."""


class PaymentStatus(Message):
    """Whether an order is paid."""

    awaiting_payment: bool
    payment_required_by: Loose[Moment] = None
    price_guarantee_expires_at: Loose[Moment] = None
    paid_at: Stated = False

    @property
    def held_until(self) -> dt.datetime | None:
        """Until when the seats are kept at this price (UTC)."""
        ends = (self.payment_required_by, self.price_guarantee_expires_at)
        return min((end for end in ends if end is not None), default=None)

    @property
    def has_lapsed(self) -> bool:
        """Whether it was a hold that nobody paid in time, so that the airline has released it.

        An order that was paid at once awaits no payment either, and need not say when it was paid:
        what was to be paid by a moment that is over, and was not, is told by that moment alone.
        """
        by = self.payment_required_by
        unpaid = not self.awaiting_payment and not self.paid_at
        return unpaid and by is not None and by <= dt.datetime.now(dt.UTC)


class OrderPassenger(Message):
    """Who travels."""

    given_name: Text
    family_name: Text


class Refund(Message):
    """What comes back of a cancelled order, as far as Duffel says."""

    refund_amount: Loose[Decimals] = None
    refund_currency: Loose[str] = None
    refund_to: Loose[str] = None
    expires_at: Loose[Moment] = None
    confirmed_at: Stated = False

    def fee(self, price: Money) -> Money | None:
        """Return what is kept of ``price``; None where Duffel does not know.

        An order that awaits payment costs nothing. Airline credits and vouchers are no money, and
        of a word nobody has published it is not known.
        """
        if self.refund_to == "awaiting_payment":
            return Money(amount=0, currency=price.currency)
        if self.refund_to in ("airline_credits", "voucher"):
            return price
        if self.refund_to not in _MONEY_BACK:
            return None
        if self.refund_amount is None or self.refund_currency != price.currency:
            return None
        try:
            back = Money.from_decimal(self.refund_amount, price.currency)
        except ValueError:
            return None
        return Money(amount=max(price.amount - back.amount, 0), currency=price.currency)


class OrderCancellation(Refund):
    """An order cancellation, pending or confirmed."""

    id: Id
    order_id: Id


class Change(Message):
    """A change by the airline; open while no action has been taken on it."""

    id: Id
    action_taken: Loose[str] = None


class Document(Message):
    """A ticket."""

    unique_identifier: Text


class Order(Journey):
    """An order as Duffel has it now."""

    id: Id
    booking_reference: Loose[Text] = None
    payment_status: PaymentStatus
    passengers: LooseList[OrderPassenger] = Field(default_factory=list)
    metadata: Loose[dict[str, Any]] = None
    offer_id: Loose[str] = None
    cancelled_at: str | None = None
    cancellation: Loose[Refund] = None
    documents: LooseList[Document] = Field(default_factory=list)
    airline_initiated_changes: LooseList[Change] = Field(default_factory=list)

    @property
    def reference(self) -> str | None:
        """Our reference, from the metadata."""
        found = (self.metadata or {}).get(REFERENCE)
        return found if isinstance(found, str) else None

    @property
    def status(self) -> ReservationStatus:
        """Where it stands; gone only where it says that it was cancelled, or not paid in time.

        Not every airline issues e-tickets: an order without documents is as good as another.
        """
        if self.cancelled_at:
            return ReservationStatus.CANCELLED
        if self.payment_status.awaiting_payment:
            return ReservationStatus.HELD
        if self.payment_status.has_lapsed and not self.documents:
            return ReservationStatus.CANCELLED
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
    created_at: Loose[Moment] = None
    metadata: Loose[dict[str, Any]] = None


class _Page(Message):
    after: Loose[str] = None


class OrderList(Message):
    """``GET /air/orders``: only what matching needs, for the orders of others are among them."""

    data: list[_Listed]
    meta: Loose[_Page] = None

    @property
    def after(self) -> str | None:
        """The cursor of the next page."""
        return self.meta.after if self.meta else None


class CancellationAnswer(Message):
    """``POST /air/order_cancellations`` and ``…/actions/confirm``."""

    data: OrderCancellation


class _Payment(Message):
    id: Loose[Id] = None
    amount: Decimals
    currency: str
    status: str | None = None


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
    data: Loose[dict[str, Any]] = None

    def is_about(self, offer_id: str, reference: str) -> bool:
        """Tell whether it names an offer or our reference."""
        data = self.data or {}
        found = data.get("object", data)
        if not isinstance(found, dict):
            return False
        metadata = found.get("metadata")
        named = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
        return named == reference if named is not None else found.get("offer_id") == offer_id


class EventAnswer(Message):
    """The same, in its envelope."""

    data: Event
