"""Answers of RateHawk about orders (providers.md §3): strict in what is needed, loose elsewhere."""

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from models.core.money import Money
from models.core.supply import CancelQuote, PropertyCharge, Reservation, ReservationStatus
from models.core.text import Text
from suppliers.core.answers import JsonAnswer, Loose, LooseList, Message
from suppliers.ratehawk.errors import as_utc

_COLON_MICROSECONDS: Final = re.compile(r"(T\d\d:\d\d:\d\d):(\d{6})\Z")
"""``order/info`` writes "2021-10-23T03:00:00:000000"."""


def _decimal(value: object) -> Decimal:
    # Published as strings ("9.00"); a number where a string belongs is not what was published.
    if not isinstance(value, str) or not value or len(value) > 40:
        raise ValueError("must be an amount as a string")
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise ValueError("must be an amount as a string") from error


def _moment(value: object) -> dt.datetime:
    if not isinstance(value, str):
        raise ValueError("must be a time as a string")
    return as_utc(dt.datetime.fromisoformat(_COLON_MICROSECONDS.sub(r"\1.\2", value)))


def _day(value: object) -> dt.date:
    if not isinstance(value, str):
        raise ValueError("must be a date as a string")
    return dt.date.fromisoformat(value[:10])


def _id(value: object) -> object:
    return str(value) if type(value) is int else value


Major = Annotated[Decimal, BeforeValidator(_decimal)]
"""An amount of major units."""
Moment = Annotated[dt.datetime, BeforeValidator(_moment)]
"""A time, UTC whether or not it says so."""
Day = Annotated[dt.date, BeforeValidator(_day)]
"""A day, with or without a time behind it."""
Id = Annotated[Text, BeforeValidator(_id)]
"""An id, written as a number in one place and as a string in another."""


class _StatusOf(Message):
    partner_order_id: Loose[str] = None


class Status(Message):
    """``order/booking/finish/status``."""

    data: Loose[_StatusOf] = None

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


class _Cancelled(Message):
    amount_payable: Loose[Sum] = None


class Cancelled(Message):
    """``order/cancel``: the envelope says that it was done, this only at which fee."""

    data: Loose[_Cancelled] = None

    def fee(self, answer: JsonAnswer) -> Money | None:
        """Return the fee; None where it is not said readably."""
        return _money(self.data.amount_payable if self.data else None, answer)


class _HotelOf(Message):
    hid: Loose[int] = None


class _Partner(Message):
    order_id: str


class _GuestsOf(Message):
    adults_number: int
    children_number: int


class _RoomOf(Message):
    guest_data: Loose[_GuestsOf] = None
    room_name: Loose[Text] = None


class _OrderPolicy(Message):
    end_at: Moment | None = None
    penalty: Loose[Sum] = None


class _OrderPolicies(Message):
    policies: list[_OrderPolicy]


class _HotelOrder(Message):
    confirmation_id: Loose[Id] = None


class _AmountOfTax(Message):
    amount: Loose[Major] = None
    currency_code: Loose[str] = None


class _Tax(Message):
    """A tax or fee of an order; ``is_included`` tells whether the price has it in."""

    name: Loose[Text] = None
    is_included: Loose[bool] = None
    amount_tax: Loose[_AmountOfTax] = None


_STATUS: Final = {
    "cancelled": ReservationStatus.CANCELLED,
    "failed": ReservationStatus.REJECTED,
    "rejected": ReservationStatus.REJECTED,
}
"""The words of ``status`` that say that nothing stands; ``cancelled`` alone is in the published
examples, the others are not (†). Whatever else it says ("completed", "noshow"), the order stands:
none of RateHawk's is believed gone that does not say so."""


class Order(Message):
    """An order of ``order/info``: details, not what decides an outcome.

    Only whose it is and how it stands is needed; anything else may be missing or unreadable, as it
    is in answers about old orders.
    """

    partner_data: _Partner
    status: str
    order_id: Loose[Id] = None
    checkin_at: Loose[Day] = None
    checkout_at: Loose[Day] = None
    hotel_data: Loose[_HotelOf] = None
    rooms_data: LooseList[_RoomOf] = Field(default=[])
    amount_payable: Loose[Sum] = None
    amount_sell: Loose[Sum] = None
    cancellation_info: Loose[_OrderPolicies] = None
    supplier_data: Loose[_HotelOrder] = None
    taxes: LooseList[_Tax] = Field(default=[])

    @property
    def standing(self) -> ReservationStatus:
        """How the order stands."""
        return _STATUS.get(self.status.casefold(), ReservationStatus.CONFIRMED)

    def price(self, answer: JsonAnswer) -> Money | None:
        """Return what was booked for, of a cancelled order what it had been; None: not said."""
        cancelled = self.standing is ReservationStatus.CANCELLED
        return _money(self.amount_sell if cancelled else self.amount_payable, answer)

    def payable(self, answer: JsonAnswer) -> Money | None:
        """Return what is to be paid: of a cancelled order, the fee; None: not said."""
        return _money(self.amount_payable, answer)

    @property
    def facts(self) -> dict[str, object]:
        """What a reservation keeps of it, JSON: only what it says."""
        parties = [room.guest_data for room in self.rooms_data]
        known = [party.adults_number + party.children_number for party in parties if party]
        facts = {
            "order_id": self.order_id,
            "order_status": self.status,
            "hid": self.hotel_data.hid if self.hotel_data else None,
            "checkin": self.checkin_at.isoformat() if self.checkin_at else None,
            "checkout": self.checkout_at.isoformat() if self.checkout_at else None,
            "guests": sum(known) if known and len(known) == len(parties) else None,
            "room": ", ".join(room.room_name for room in self.rooms_data if room.room_name) or None,
            "hotel_confirmation": (
                self.supplier_data.confirmation_id if self.supplier_data else None
            ),
        }
        return {name: fact for name, fact in facts.items() if fact is not None}

    @property
    def pay_at_property(self) -> tuple[PropertyCharge, ...]:
        """The taxes and fees that are paid at the hotel."""
        told = ((tax, tax.amount_tax or _AmountOfTax()) for tax in self.taxes)
        return charges(
            (tax.is_included, tax.name, due.amount, due.currency_code) for tax, due in told
        )

    def differs_from(self, reservation: Reservation) -> str:
        """Name what is other than was booked, as far as both sides say it; else ""."""
        facts, known = self.facts, reservation.details
        names = ("hid", "checkin", "checkout", "guests")
        return ", ".join(
            name for name in names if name in known and name in facts and known[name] != facts[name]
        )

    def cancel_quote(self, answer: JsonAnswer, now: dt.datetime) -> CancelQuote:
        """Return what cancelling at ``now`` would cost, by the order's own policies."""
        if self.standing is not ReservationStatus.CONFIRMED:
            gone = self.standing is ReservationStatus.CANCELLED
            return CancelQuote(cancellable=False, gone=gone, reason=f"the order is {self.status}")
        if self.checkin_at is not None and self.checkin_at < now.date():
            return CancelQuote(cancellable=False, reason="the stay has begun")
        policies = self.cancellation_info.policies if self.cancellation_info else ()
        for policy in policies:
            if policy.end_at is None or now < policy.end_at:
                return CancelQuote(fee=_money(policy.penalty, answer), expires_at=policy.end_at)
        return CancelQuote()


class _Orders(Message):
    orders: list[Order]


class OrderList(Message):
    """``order/info``."""

    data: _Orders


def charges(
    taxes: Iterable[tuple[bool | None, str | None, Decimal | None, str | None]],
) -> tuple[PropertyCharge, ...]:
    """Return the taxes and fees that are paid at the hotel.

    One that does not say whether the price has it in is shown as well: nobody is to be surprised at
    the desk, and no sum here contains it.

    Args:
        taxes: of each whether the price has it in, RateHawk's name for it ("city_tax"), amount and
            currency, as far as they are said.
    """
    return tuple(
        PropertyCharge.of((name or "tax or fee").replace("_", " "), amount, currency or "")
        for included, name, amount, currency in taxes
        if not included and amount != 0
    )


def _money(amount: Sum | None, answer: JsonAnswer) -> Money | None:
    """Return an amount that we can do without; None where it is missing or impossible."""
    return None if amount is None else answer.stated(amount.amount, amount.currency_code)
