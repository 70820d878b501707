"""Answers of RateHawk about orders (providers.md §3), read strictly."""

import datetime as dt
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from models.core.money import Money
from models.core.supply import CancelQuote, Reservation, ReservationStatus
from models.core.text import Text
from suppliers.core.answers import JsonAnswer, Message
from suppliers.ratehawk.errors import as_utc


def _decimal(value: object) -> Decimal:
    # Published as strings ("9.00"); a number where a string belongs is not what was published.
    if not isinstance(value, str) or not value or len(value) > 40:
        raise ValueError("must be an amount as a string")
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise ValueError("must be an amount as a string") from error


Major = Annotated[Decimal, BeforeValidator(_decimal)]
"""An amount of major units."""
Moment = Annotated[dt.datetime, AfterValidator(as_utc)]
"""A time, UTC whether or not it says so."""


class _StatusOf(Message):
    partner_order_id: str | None = None


class Status(Message):
    """``order/booking/finish/status``."""

    data: _StatusOf | None = None

    def about(self, answer: JsonAnswer, identity: str) -> None:
        """See that it is about our order.

        Raises:
            Retryable: it is about another one.
        """
        if self.data is not None and self.data.partner_order_id not in (None, identity):
            raise answer.unsettled("RateHawk answered about another order")


class Sum(Message):
    """An amount with its currency."""

    amount: Major
    currency_code: str

    def money(self, answer: JsonAnswer) -> Money:
        """Return it exactly."""
        return answer.money(self.amount, self.currency_code)


class _Cancelled(Message):
    amount_payable: Sum


class Cancelled(Message):
    """``order/cancel``."""

    data: _Cancelled


class _HotelOf(Message):
    hid: int
    id: str


class _Partner(Message):
    order_id: str


class _GuestsOf(Message):
    adults_number: int
    children_number: int


class _RoomOf(Message):
    guest_data: _GuestsOf
    room_name: Text


class _OrderPolicy(Message):
    start_at: Moment | None
    end_at: Moment | None
    penalty: Sum


class _OrderPolicies(Message):
    policies: tuple[_OrderPolicy, ...] = ()


class _HotelOrder(Message):
    confirmation_id: Text | None = None


_STATUS = {
    "completed": ReservationStatus.CONFIRMED,
    "noshow": ReservationStatus.CONFIRMED,
    "cancelled": ReservationStatus.CANCELLED,
    "failed": ReservationStatus.REJECTED,
    "rejected": ReservationStatus.REJECTED,
}
"""Order statuses; only ``completed`` and ``cancelled`` are in the published examples (†)."""


class Order(Message):
    """An order of ``order/info``: details, not what decides an outcome."""

    order_id: int
    partner_data: _Partner
    status: str
    checkin_at: dt.date
    checkout_at: dt.date
    hotel_data: _HotelOf
    rooms_data: tuple[_RoomOf, ...]
    amount_payable: Sum
    amount_sell: Sum
    cancellation_info: _OrderPolicies | None = None
    supplier_data: _HotelOrder | None = None

    def standing(self, answer: JsonAnswer) -> ReservationStatus:
        """Return how the order stands.

        Raises:
            Retryable: the status is none that we know.
        """
        if self.status not in _STATUS:
            raise answer.unsettled(f"order {self.order_id} has the unknown status {self.status!r}")
        return _STATUS[self.status]

    def price(self, answer: JsonAnswer) -> Money:
        """Return what was booked for; of a cancelled order, what it had been."""
        cancelled = self.status == "cancelled"
        return (self.amount_sell if cancelled else self.amount_payable).money(answer)

    @property
    def facts(self) -> dict[str, object]:
        """What a reservation keeps of it, JSON."""
        facts = {
            "order_id": self.order_id,
            "hid": self.hotel_data.hid,
            "checkin": self.checkin_at.isoformat(),
            "checkout": self.checkout_at.isoformat(),
            "guests": sum(
                room.guest_data.adults_number + room.guest_data.children_number
                for room in self.rooms_data
            ),
            "room": ", ".join(room.room_name for room in self.rooms_data),
        }
        if self.supplier_data is not None and self.supplier_data.confirmation_id:
            facts["hotel_confirmation"] = self.supplier_data.confirmation_id
        return facts

    def differs_from(self, reservation: Reservation) -> str:
        """Name what is other than was booked, as far as the reservation remembers; else ""."""
        facts, known = self.facts, reservation.details
        names = ("hid", "checkin", "checkout", "guests")
        return ", ".join(name for name in names if name in known and known[name] != facts[name])

    def cancel_quote(self, answer: JsonAnswer, now: dt.datetime) -> CancelQuote:
        """Return what cancelling at ``now`` would cost, by the order's own policies."""
        standing = self.standing(answer)
        if standing is not ReservationStatus.CONFIRMED:
            gone = standing is ReservationStatus.CANCELLED
            return CancelQuote(cancellable=False, gone=gone, reason=f"the order is {self.status}")
        if self.checkin_at < now.date():
            return CancelQuote(cancellable=False, reason="the stay has begun")
        policies = self.cancellation_info.policies if self.cancellation_info else ()
        for policy in policies:
            if policy.end_at is None or now < policy.end_at:
                return CancelQuote(fee=policy.penalty.money(answer), expires_at=policy.end_at)
        return CancelQuote()


class _Orders(Message):
    orders: tuple[Order, ...] = Field(max_length=50)


class OrderList(Message):
    """``order/info``."""

    data: _Orders
