"""A booking as we see it: what workflows hold, the record stores and the API translates."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from models.bookings.lifecycle import (
    BookingKind,
    BookingState,
    CancelledBy,
    ItemStatus,
    PaymentPurpose,
    PaymentStatus,
    SagaState,
    is_at_rest,
)
from models.bookings.problems import Problem
from models.core.legs import Leg, confirmed_legs
from models.core.money import Currency, MinorUnits, Money
from models.core.supply import ItemType, PropertyCharge, Quote, Reservation


class Item(BaseModel):
    """One item of a booking."""

    number: int
    """1, 2, …: its place in the trip option; part of its reference and keys."""
    type: ItemType
    supplier: str
    component_id: str
    title: str
    currency: Currency
    price: MinorUnits
    """What the traveller accepted; after validation, what was quoted. Minor units of ``currency``,
    the payment's; 0 before validation where the supplier's price is in another."""
    supplier_price: Money | None = None
    """The supplier's own price, where it is not what is charged: in another currency, as a rule.
    ``quote.rate`` converted it."""
    reference: str
    """Our reference, given to the supplier; made before the first call."""
    status: ItemStatus = ItemStatus.PENDING
    saga_state: SagaState = SagaState.PLANNED
    quote: Quote | None = None
    reservation: Reservation | None = None
    fee: MinorUnits = 0
    """Kept on cancellation by the stored terms, minor units of ``currency``."""
    payment: int = 1
    """The number of the payment that pays for it."""
    booked_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None
    problem: Problem | None = None

    @property
    def required(self) -> bool:
        """Whether the trip makes no sense without it (contracts.md §1, "Rollback")."""
        return self.type is not ItemType.ACTIVITY

    @property
    def live(self) -> bool:
        """Whether the traveller has it, or will as soon as its supplier says yes."""
        return self.status is ItemStatus.CONFIRMED or self.awaited

    @property
    def legs(self) -> list[Leg]:
        """Where the traveller has to be for it, and when: as the supplier has it now, or quoted."""
        quoted = self.quote.legs if self.quote else ()
        if self.reservation is None:
            return [*quoted]
        return confirmed_legs(self.reservation.legs or quoted, self.reservation.confirmation_code)

    @property
    def pay_at_property(self) -> tuple[PropertyCharge, ...]:
        """What the traveller pays at the hotel itself, as the hotel has it now, or as quoted."""
        now = self.reservation.pay_at_property if self.reservation else ()
        return now or (self.quote.pay_at_property if self.quote else ())

    @property
    def held(self) -> bool:
        """Whether its supplier keeps it for us, to be completed."""
        return self.saga_state is SagaState.HELD

    def fee_at(self, moment: dt.datetime, by: CancelledBy = CancelledBy.GUEST) -> int:
        """Return what is kept of it when ``by`` cancels it at ``moment`` (minor units).

        The stored terms say it, but where its provider itself cancels.
        """
        if not by.pays_fee:
            return 0
        terms = self.quote.payable.terms if self.quote else None
        return terms.fee_at(moment, self.price) if terms else self.price

    @property
    def awaited(self) -> bool:
        """Whether the trip stands while this item's supplier has yet to confirm it."""
        return self.saga_state is SagaState.AWAITED


class RefundView(BaseModel):
    """Money given back to the traveller."""

    id: str
    amount: MinorUnits
    status: str
    """succeeded, pending, requires_action, failed or canceled; the last two gave nothing back."""
    at: AwareDatetime
    key: str | None = None
    """Of our durable refund row; None for a refund made at the gateway by somebody else."""
    failure_reason: str | None = None

    @property
    def gives_back(self) -> bool:
        """Whether the money has gone, or is on its way, to the traveller."""
        return self.status not in {"failed", "canceled"}


class DisputeView(BaseModel):
    """A card holder's dispute of a charge; the gateway takes the money back while it is open."""

    id: str
    amount: MinorUnits
    status: Literal["open", "won", "lost"]
    reason: str = ""
    at: AwareDatetime


class PaymentView(BaseModel):
    """A payment of a booking; amounts in minor units."""

    number: int = 1
    """1 is what the booking was paid with; 2, 3, … are later payments of the same booking."""
    purpose: PaymentPurpose = PaymentPurpose.BOOKING
    gateway: str = "stripe"
    """Who moves the money."""
    id: str | None = None
    """The PaymentIntent; None until it exists."""
    charge_id: str | None = None
    payment_method_id: str | None
    """None where nothing is to be paid."""
    currency: Currency
    amount: MinorUnits
    """What was to be paid."""
    status: PaymentStatus = PaymentStatus.PENDING
    authorised: MinorUnits = 0
    captured: MinorUnits = 0
    refunded: MinorUnits = 0
    refunds: list[RefundView] = []
    disputes: list[DisputeView] = []
    hold: int = 1
    """The ordinal of its payment at the gateway among all those of the booking: 1, 2, 3, …

    A hold that lapses is replaced by another payment there, which gets the next free ordinal.
    """
    capture_before: AwareDatetime | None = None
    waits_until: AwareDatetime | None = None
    """Until when the booking waits for the traveller: for 3-D Secure, or for another card."""
    client_secret: str | None = None
    next_action: dict[str, Any] | None = None
    change: str | None = None
    """The id of the change it pays for; None when it does not pay for a change."""

    @property
    def disputed(self) -> int:
        """What open disputes hold: with the card holder's bank until they are decided."""
        return sum(one.amount for one in self.disputes if one.status == "open")

    @property
    def lost(self) -> int:
        """What lost disputes took for good: the card holder has it."""
        return sum(one.amount for one in self.disputes if one.status == "lost")

    @property
    def left(self) -> int:
        """What is left at the gateway of what was taken, and can be given back."""
        return self.captured - self.refunded - self.disputed - self.lost

    def as_seen(self, seen: "PaymentView") -> "PaymentView":
        """Return this payment as the gateway has it (``seen``); what only the record knows stays.

        A look that does not list refunds or disputes does not forget those that are known.
        """
        return seen.model_copy(
            update={
                "number": self.number,
                "purpose": self.purpose,
                "change": self.change,
                "payment_method_id": self.payment_method_id,
                "refunds": seen.refunds or self.refunds,
                "disputes": seen.disputes or self.disputes,
            }
        )


class OpenCase(BaseModel):
    """What a person must settle about a booking (``models.core.cases``)."""

    id: int | None = None
    """None until it is recorded."""
    kind: str
    source: str
    """What it is about, for machines; at most one case of a source is open."""
    summary: str
    """What is unsettled and where to look, in plain words."""
    details: dict[str, Any] = {}
    opened_at: AwareDatetime

    @property
    def item(self) -> int | None:
        """The number of the item it is about, if any."""
        return self.details.get("item")

    @property
    def payment(self) -> int | None:
        """The number of the payment it is about, if any."""
        return self.details.get("payment")

    def renewed(self, summary: str, details: Mapping[str, Any]) -> "OpenCase":
        """Return the case as what is known now has it.

        Who cancelled, when and why stays as it was asked first, but where who has asked last pays
        no fee: by that, a decision reckons what is kept.
        """
        by = details.get("by")
        free = by is not None and not CancelledBy(by).pays_fee
        asked = {} if free or "requestedAt" not in self.details else self.details
        first = {name: value for name, value in asked.items() if name in _ASKED}
        return self.model_copy(
            update={"summary": summary, "details": {**self.details, **details, **first}}
        )


_ASKED = frozenset({"operation", "requestedAt", "by", "reason"})
"""What the details of a case have of the request to cancel that could not be carried out."""


class Visit(BaseModel):
    """Where and when a booking at a venue takes place, and for how many: no personal data."""

    venue_id: str
    """As the caller knows it."""
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    time_zone: str
    """IANA."""
    party_size: int


class Bought(BaseModel):
    """What is bought of a provider, and when it takes place: no personal data."""

    provider_id: str
    starts_at: AwareDatetime
    """Check-in, or the beginning of the tour."""
    ends_at: AwareDatetime
    time_zone: str
    """IANA."""
    party_size: int


class Booking(BaseModel):
    """A booking as it stands now."""

    id: str
    kind: BookingKind = BookingKind.TRIP
    reference: str
    trip_option_id: str | None = None
    """Of a trip, and only of a trip."""
    state: BookingState
    currency: Currency
    accepted_total: MinorUnits
    """The total the traveller accepted last: of the trip, or of its last change."""
    items: list[Item]
    payments: list[PaymentView] = Field(min_length=1)
    """In the order of their numbers, from 1."""
    paid_by_hand: MinorUnits = 0
    """Owed to the traveller and paid out by a person, not through the gateway (minor units)."""
    goodwill: MinorUnits = 0
    """Given back although the terms would have kept it (minor units)."""
    grants: list[str] = []
    """Keys of operators' goodwill refunds that have been granted: a repeat grants nothing."""
    warnings: list[str] = []
    problem: Problem | None = None
    cases: list[OpenCase] = []
    """Its open cases: what stands and what is owed is told by the state all the same."""
    cancelled_by: CancelledBy | None = None
    cancel_reason: str | None = None
    hold_expires_at: AwareDatetime | None = None
    """Until when our own claim on a place is held (UTC); None for kinds that hold nothing."""
    visit: Visit | Bought | None = None
    """Of a reservation, or of what is bought of a provider."""
    version: int = 0
    """Of the record; grows by one with every recorded transition."""
    created_at: AwareDatetime
    updated_at: AwareDatetime
    confirmed_at: AwareDatetime | None = None
    cancelled_at: AwareDatetime | None = None

    @property
    def payment(self) -> PaymentView:
        """The payment the booking was paid with (number 1)."""
        return self.payments[0]

    @property
    def waits(self) -> bool:
        """Whether a workflow waits for the traveller: for a proof, a card, or to pay for a hold."""
        return any(payment.waits_until for payment in self.payments)

    @property
    def at_rest(self) -> bool:
        """Whether no workflow runs for it, so that the record answers for it."""
        return is_at_rest(self.state, waits=self.waits)

    @property
    def next_hold(self) -> int:
        """The next free ordinal of a payment at the gateway (``PaymentView.hold``)."""
        return max(payment.hold for payment in self.payments) + 1

    @property
    def change_waits(self) -> bool:
        """Whether a change of the booking waits for its traveller: for 3-D Secure, or a card."""
        return any(payment.waits_until for payment in self.payments if payment.change)

    @property
    def captured(self) -> int:
        """What was taken, all payments together."""
        return sum(payment.captured for payment in self.payments)

    @property
    def refunded(self) -> int:
        """What was given back at the gateway, all payments together."""
        return sum(payment.refunded for payment in self.payments)

    @property
    def chargeable(self) -> int:
        """What the traveller has agreed in all to be charged; never is more captured.

        The total accepted at first, and the difference of every change since that was paid.
        """
        given_up = {PaymentStatus.RELEASED, PaymentStatus.FAILED}
        later = [payment for payment in self.payments[1:] if payment.status not in given_up]
        return self.payment.amount + sum(payment.amount for payment in later)

    @property
    def due(self) -> int:
        """What we may keep: what stands and the fees of what was cancelled (minor units)."""
        if self.confirmed_at is None:
            return 0
        fees = sum(item.fee for item in self.items if item.status is ItemStatus.CANCELLED)
        return fees + sum(item.price for item in self.live_items)

    @property
    def keep(self) -> int:
        """What must be left at the gateway once everything is settled, disputes aside."""
        return max(self.due - self.goodwill + self.paid_by_hand, 0)

    @property
    def lost(self) -> int:
        """What lost disputes took for good, all payments together."""
        return sum(payment.lost for payment in self.payments)

    @property
    def disputed(self) -> int:
        """What open disputes hold, all payments together."""
        return sum(payment.disputed for payment in self.payments)

    @property
    def owed(self) -> int:
        """What the traveller is still owed of what was taken; negative: got back too much.

        What a lost dispute took is with the traveller: it is not owed any more.
        """
        kept = self.captured - self.refunded - self.lost
        return kept - self.paid_by_hand + self.goodwill - self.due

    def warn(self, items: Iterable[Item]) -> None:
        """Tell the traveller what the quotes of items have warned of, each once."""
        told = [text for item in items if item.quote for text in item.quote.warnings]
        self.warnings = [*dict.fromkeys([*self.warnings, *told])]

    @property
    def refundable(self) -> int:
        """What is to be given back now: what open disputes cover waits until they are decided."""
        return max(self.owed - self.disputed, 0)

    @property
    def adds_up(self) -> bool:
        """Whether nothing is owed to anybody but what waits for open disputes to be decided."""
        return self.owed >= 0 and self.refundable == 0

    @property
    def in_dispute(self) -> int:
        """What is to be given back besides, once open disputes have been decided for us."""
        return min(max(self.owed, 0), self.disputed)

    @property
    def still_there(self) -> int:
        """What is left to give back, however little is due: nothing goes back a second time."""
        return max(sum(payment.left for payment in self.payments) - self.paid_by_hand, 0)

    def to_refund(self, keep: int) -> list[tuple[PaymentView, int]]:
        """Return the payments to give back from, and what is to be left of each (minor units).

        ``keep`` is what is to be left of all together. What goes back is taken from the newest
        payment first. Where nothing seems to be left to give back, the first payment is looked at.
        """
        found = []
        left = keep
        for payment in self.payments:
            share = min(max(payment.left, 0), left)
            left -= share
            if payment.left > share:
                found.append((payment, share))
        return found[::-1] or [(self.payment, keep)]

    @property
    def needs_attention(self) -> bool:
        """Whether a person must settle something about it."""
        return bool(self.cases)

    @property
    def has_payment_case(self) -> bool:
        """Whether a person must settle something about its money."""
        return any(case.payment is not None for case in self.cases)

    @property
    def held_until(self) -> dt.datetime | None:
        """Until when what is held for it is kept; None without a hold that ends."""
        ends = [
            item.reservation.held_until
            for item in self.items
            if item.held and item.reservation and item.reservation.held_until
        ]
        if self.hold_expires_at is not None:
            ends.append(self.hold_expires_at)
        return min(ends, default=None)

    def payment_seen(self, seen: PaymentView) -> PaymentView:
        """Note one of the payments, by its number, as the gateway has it; returns it as noted.

        Raises:
            KeyError: the booking has no payment of that number.
        """
        for place, payment in enumerate(self.payments):
            if payment.number == seen.number:
                noted = payment.as_seen(seen)
                self.payments = [*self.payments[:place], noted, *self.payments[place + 1 :]]
                return noted
        raise KeyError(seen.number)

    def payment_numbered(self, number: int) -> PaymentView:
        """Return the payment of that number. Raises StopIteration."""
        return next(payment for payment in self.payments if payment.number == number)

    def payment_of(self, item: Item) -> PaymentView:
        """Return the payment that pays for an item."""
        return next(payment for payment in self.payments if payment.number == item.payment)

    def item(self, number: int) -> Item:
        """Return the item with that number. Raises KeyError."""
        for item in self.items:
            if item.number == number:
                return item
        raise KeyError(number)

    @property
    def live_items(self) -> list[Item]:
        """The items the traveller has."""
        return [item for item in self.items if item.live]


class HistoryEntry(BaseModel):
    """One recorded transition of a booking."""

    version: int
    from_state: BookingState | None
    to_state: BookingState
    at: AwareDatetime
    """By the workflow's clock, which stands still while a step runs."""
    recorded_at: AwareDatetime
    """By the database's clock: the one to sort by when this is told together with attempts."""
    who: str
    why: str
