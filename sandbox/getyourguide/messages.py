"""Requests as GetYourGuide takes them, its envelopes and its errors."""

import datetime as dt
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from sandbox.getyourguide.catalogue import MOST_PEOPLE, PAYMENT_CURRENCIES
from sandbox.world import Answer

UNAUTHORIZED: Final = 25
"""The one code that the specification names; the others are made up here (†)."""
BAD_REQUEST: Final = 2
NOT_FOUND: Final = 404
NOT_AVAILABLE: Final = 7
OTHER_PRICE: Final = 8
CLOSED_CART: Final = 9
NOT_CANCELLABLE: Final = 10


class Body(BaseModel):
    """Any request body; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class BaseData(Body):
    """Language and currency of a request that pays."""

    cnt_language: str = Field(default="en", min_length=2, max_length=7)
    currency: str

    @field_validator("currency")
    @classmethod
    def _payable(cls, currency: str) -> str:
        if currency not in PAYMENT_CURRENCIES:
            raise ValueError(f"{currency} is no payment currency")
        return currency


class PricedIn(Body):
    """Currency of a request that only asks."""

    currency: str = Field(pattern="^[A-Z]{3}$")


class Day(Body):
    """Which day, for whom."""

    date: dt.date
    participants: dict[str, int] = Field(min_length=1)


class PriceBreakdown(Body):
    """``POST /tours/{id}/price-breakdown``."""

    base_data: PricedIn
    data: Day


class Category(Body):
    """So many people of a price category."""

    category_id: int
    number_of_participants: int = Field(ge=1, le=MOST_PEOPLE)


class Bookable(Body):
    """What to book."""

    external_reference_id: str | None = Field(default=None, max_length=255)
    option_id: int
    datetime: dt.datetime
    price: float
    categories: list[Category] = Field(min_length=1, max_length=1)
    questions: dict[str, Any] = {}

    @property
    def people(self) -> int:
        """How many come."""
        return sum(category.number_of_participants for category in self.categories)


class NewBooking(Body):
    """A booking, for a cart that exists or a new one."""

    shopping_cart_hash: str | None = None
    bookable: Bookable


class NewBookingData(Body):
    """The envelope of a new booking."""

    booking: NewBooking


class Book(Body):
    """``POST /bookings``."""

    base_data: BaseData
    data: NewBookingData


class Person(Body):
    """Who travels."""

    salutation_code: str | None = Field(default=None, pattern="^[mfc]$")
    first_name: str = Field(min_length=1, max_length=44)
    last_name: str = Field(min_length=1, max_length=44)
    email: str = Field(pattern="^[^@]+@[^@]+$")
    phone_number: str = Field(pattern=r"^\+[0-9 ]{4,}$")


class Billing(Person):
    """Who is billed."""

    country_code: str = Field(pattern="^[A-Z]{2}$")


class MasterBill(Body):
    """This sandbox's partner pays by collective bill, and never with a card."""

    master_bill: bool

    @field_validator("master_bill")
    @classmethod
    def _chosen(cls, chosen: bool) -> bool:
        if not chosen:
            raise ValueError('must be "true"')
        return chosen


class Cart(Body):
    """The cart to confirm."""

    shopping_cart_hash: str
    billing: Billing
    traveler: Person
    payment: MasterBill


class CartData(Body):
    """The envelope of a cart."""

    shopping_cart: Cart


class Confirm(Body):
    """``POST /carts``."""

    base_data: BaseData
    data: CartData


def metadata(now: dt.datetime, query: str = "") -> dict[str, Any]:
    """Return ``_metadata``."""
    return {
        "descriptor": "GetYourGuide AG",
        "date": now.replace(tzinfo=None).isoformat(timespec="seconds"),
        "status": "OK",
        "query": query,
    }


def error(status: int, code: int, message: str, now: dt.datetime) -> Answer:
    """Return an error in the published shape; only 400, 401 and 404 have one."""
    return Answer(
        status,
        {
            "descriptor": "GetYourGuide AG",
            "apiVersion": "1",
            "method": "sandbox",
            "date": now.replace(tzinfo=None).isoformat(timespec="seconds"),
            "status": "ERROR",
            "query": "",
            "errors": [{"errorCode": code, "errorMessage": message}],
            "helpURL": "https://api.getyourguide.com/doc",
        },
    )


def too_many() -> Answer:
    """Return a 429, which has no body."""
    return Answer(429, None)


def internal_error() -> Answer:
    """Return a 500, which has no body."""
    return Answer(500, None)
