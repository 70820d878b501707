"""Answers of GetYourGuide about bookings (``specs/getyourguide``), read strictly."""

import datetime as dt
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    StrictInt,
    field_validator,
    model_validator,
)

from models.core.money import Money
from models.core.text import Text
from suppliers.core.answers import Amount, JsonAnswer, LocalTime, Loose, LooseList, Message, Moment
from suppliers.getyourguide.requests import Asked

BookingStatus = Literal[
    "temp",
    "unconfirmed",
    "confirmed",
    "canceled",
    "deleted",
    "deleted_by_customer",
    "deleted_by_daemon",
]


class _Held(Message):
    shopping_cart_hash: Text = Field(min_length=1)
    booking_hash: Text = Field(min_length=1)
    status: Literal["temp"]
    return_code: Loose[Amount] = None
    reservation_expires_at: AwareDatetime

    @field_validator("return_code")
    @classmethod
    def _zero(cls, code: Decimal | None) -> Decimal | None:
        if code:
            raise ValueError("the booking service did not succeed")
        return code


class _HeldData(Message):
    bookings: _Held


class Held(Message):
    """``POST /bookings``: a temporary booking in a cart."""

    data: _HeldData


class _BookedCategory(Message):
    category_id: StrictInt
    number_of_participants: StrictInt


class _Bookable(Message):
    option_id: Loose[StrictInt] = None
    datetime: Loose[LocalTime] = None
    datetime_utc: Loose[Moment] = None
    datetime_type: Loose[str] = None
    price: Loose[Amount] = None
    currently_cancellable_at_no_fee: Loose[bool] = None
    categories: Loose[list[_BookedCategory]] = None


class _Ticket(Message):
    booking_reference: Loose[Text] = None
    ticket_url: Loose[Text] = None
    emergency_phone_number: Loose[Text] = None


class Booking(Message):
    """A booking, as ``GET /bookings/{hash}`` and carts show it."""

    booking_hash: Text = Field(min_length=1)
    booking_status: BookingStatus
    shopping_cart_hash: Loose[Text] = None
    bookable: Loose[_Bookable] = None
    ticket: Loose[_Ticket] = None

    @property
    def gone(self) -> bool:
        """It does not stand (any more)."""
        return self.booking_status not in ("temp", "unconfirmed", "confirmed")

    @property
    def starts_at(self) -> dt.datetime | None:
        """When it starts (UTC), where it says so to the minute."""
        item = self.item
        return None if item.datetime_type == "date" else item.datetime_utc

    @property
    def item(self) -> _Bookable:
        """What was booked, as far as it says."""
        return self.bookable or _Bookable()

    def stated_price(self, answer: JsonAnswer, currency: str) -> Money | None:
        """Return what it costs; None where that is not said readably."""
        price = self.item.price
        return None if price is None else answer.stated(price, currency)

    def price(self, answer: JsonAnswer, currency: str) -> Money:
        """Return what it costs, where that must be known.

        Raises:
            UnknownOutcome, Retryable: it does not say.
        """
        price = self.stated_price(answer, currency)
        if price is None:
            message = f"GetYourGuide does not say a price of {self.booking_hash}: bookable.price"
            raise answer.unsettled(message, code="malformed_answer")
        return price

    def other_than(self, asked: Asked) -> list[str]:
        """Return in what it is not what was asked for, as far as it says."""
        item = self.item
        wrong = []
        if item.option_id not in (None, asked.option_id):
            wrong.append(f"it is option {item.option_id}")
        if item.datetime is not None and item.datetime != asked.datetime:
            wrong.append(f"it starts on {item.datetime}")
        if item.categories is None:
            return wrong
        booked = sorted((c.category_id, c.number_of_participants) for c in item.categories)
        ordered = sorted((c.category_id, c.number_of_participants) for c in asked.categories)
        if booked != ordered:
            wrong.append(f"it is for {sum(number for _, number in booked)} people")
        return wrong

    def facts(self) -> dict[str, Any]:
        """Return what is worth keeping beside the reservation."""
        ticket = self.ticket or _Ticket()
        facts = {
            "shopping_cart_hash": self.shopping_cart_hash,
            "voucher_url": ticket.ticket_url,
            "emergency_phone": ticket.emergency_phone_number,
        }
        return {name: value for name, value in facts.items() if value is not None}


class _Enveloped(Message):
    booking: Booking


class Shown(Message):
    """``GET /bookings/{hash}``; published without the envelope that all others have."""

    booking: Booking | None = None
    data: _Enveloped | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.booking is None) == (self.data is None):
            raise ValueError("one booking, with or without an envelope")
        return self

    @property
    def found(self) -> Booking:
        """The booking."""
        found = self.data.booking if self.data else self.booking
        assert found is not None
        return found


class _CartStatus(Message):
    shopping_cart_hash: Text
    status: Literal["open", "in_payment", "completed", "invalid"]


class _InCart(Message):
    booking_hash: Text
    booking_status: Loose[BookingStatus] = None

    @property
    def gone(self) -> bool:
        """It says that it does not stand (any more)."""
        return self.booking_status not in (None, "temp", "unconfirmed", "confirmed")


class _CartShown(_CartStatus):
    bookings: LooseList[_InCart] = Field(default_factory=list)


class _CartData(Message):
    shopping_cart: _CartShown


class CartShown(Message):
    """``GET /carts/{hash}``."""

    data: _CartData


class PaymentInfo(Message):
    """What a confirmed cart charges."""

    payment_currency: Loose[str] = None
    total_price: Loose[Amount] = None


class ConfirmedCart(_CartStatus):
    """A cart after its confirmation."""

    bookings: list[Booking] = Field(min_length=1)
    payment_info: Loose[PaymentInfo] = None


class CartConfirmed(Message):
    """``POST /carts``."""

    data: ConfirmedCart


class _Deleted(Message):
    booking_hash: Text
    booking_status: BookingStatus


class _DeletedData(Message):
    bookings: _Deleted


class Deleted(Message):
    """``DELETE /bookings/{hash}``."""

    data: _DeletedData
