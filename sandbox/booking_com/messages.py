"""Requests as the Demand API takes them: unknown parameters are refused, as it does."""

import datetime as dt
import secrets
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.world import Answer


class Parameters(BaseModel):
    """Any request body."""

    model_config = ConfigDict(extra="forbid")


class Booker(Parameters):
    """Who asks, for prices that depend on it."""

    country: str = Field(pattern="^[a-z]{2}$")
    platform: str = Field(pattern="^(android|desktop|ios|mobile|tablet)$")


Age = Annotated[int, Field(ge=0, le=17)]


class Guests(Parameters):
    """How many people look for how many rooms."""

    number_of_adults: int = Field(ge=1)
    number_of_rooms: int = Field(ge=1)
    children: list[Age] = []


class StaticDetails(Parameters):
    """``/accommodations/details``."""

    accommodations: list[int] = Field(min_length=1, max_length=100)
    languages: list[str] = []
    extras: list[str] = []


class Availability(Parameters):
    """``/accommodations/availability``."""

    accommodation: int
    booker: Booker
    checkin: dt.date
    checkout: dt.date
    guests: Guests
    currency: str = "EUR"
    extras: list[str] = []


class Allocation(Parameters):
    """Who sleeps in a product."""

    number_of_adults: int = Field(ge=1)
    children: list[Age] = []


class PreviewProduct(Parameters):
    """A product to preview."""

    id: str
    allocation: Allocation


class PreviewAccommodation(Parameters):
    """What to preview."""

    id: int
    checkin: dt.date
    checkout: dt.date
    products: list[PreviewProduct] = Field(min_length=1, max_length=1)


class Preview(Parameters):
    """``/orders/preview``."""

    booker: Booker
    currency: str
    accommodation: PreviewAccommodation


class Name(Parameters):
    """A booker's name."""

    first_name: str = Field(min_length=1)
    last_name: str = Field(min_length=1)


class Address(Parameters):
    """A booker's address."""

    country: str = Field(pattern="^[a-z]{2}$")
    city: str = Field(min_length=1)
    address_line: str = Field(min_length=1)
    post_code: str | None = None


class OrderBooker(Parameters):
    """Who books."""

    email: str = Field(min_length=3)
    name: Name
    telephone: str = Field(min_length=4)
    address: Address | None = None
    language: str | None = None


class Guest(Parameters):
    """Who stays."""

    name: str = Field(min_length=1)
    email: str = Field(min_length=3)


class OrderProduct(Parameters):
    """A product of the previewed order."""

    id: str
    guests: list[Guest] = Field(min_length=1)


class OrderAccommodation(Parameters):
    """The stay of the order."""

    label: str | None = Field(default=None, max_length=200)
    products: list[OrderProduct] = Field(min_length=1, max_length=1)


class AirPlus(Parameters):
    """Descriptive billing information for the agency's invoice."""

    dbi: dict[str, str] = {}


class Payment(Parameters):
    """How this sandbox's affiliate pays: by its AirPlus account, and never with a card."""

    method: str = Field(pattern="^airplus$")
    timing: str = Field(pattern="^(pay_online_now|pay_online_later)$")
    airplus: AirPlus = AirPlus()


class Create(Parameters):
    """``/orders/create``."""

    order_token: str = Field(min_length=1)
    booker: OrderBooker
    accommodation: OrderAccommodation
    payment: Payment


class Range(Parameters):
    """A time range, both ends included."""

    from_: dt.datetime = Field(alias="from")
    to: dt.datetime | None = None


class Details(Parameters):
    """``/orders/details``."""

    currency: str
    created: Range | None = None
    updated: Range | None = None
    orders: list[str] | None = Field(default=None, max_length=100)
    reservations: list[str] | None = Field(default=None, max_length=100)
    services: list[str] = []
    extras: list[str] = []
    maximum_results: int = Field(default=100, ge=1, le=100)
    page: str | None = None


class AccommodationDetails(Parameters):
    """``/orders/details/accommodations``."""

    orders: list[str] | None = Field(default=None, max_length=100)
    reservations: list[int] | None = Field(default=None, max_length=100)
    currency: str | None = None
    extras: list[str] = []
    language: str | None = None


class Cancel(Parameters):
    """``/orders/cancel``."""

    order: str
    reason: str | None = None


def request_id() -> str:
    """Return a fresh id for a request."""
    return secrets.token_hex(13)


def done(data: Any, effect: str = "none", **facts: Any) -> Answer:
    """Return a 200 answer; ``facts`` are extras of the log row."""
    return Answer(200, {"request_id": request_id(), "data": data}, effect=effect, extra=facts)


def failed(status: int, error: str, message: str, **more: Any) -> Answer:
    """Return an error in the published envelope."""
    return Answer(
        status, {"request_id": request_id(), "errors": [{"id": error, "message": message, **more}]}
    )


def invalid(error: ValidationError) -> Answer:
    """Return the 400 for a body that is not as documented."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    kind = {"missing": "missing_parameter", "extra_forbidden": "unknown_parameter"}.get(
        first["type"], "invalid_parameter"
    )
    return failed(400, kind, f"Parameter '{field}': {first['msg']}.")


def internal_error() -> Answer:
    """Return a 500."""
    return failed(500, "internal_error", "Something went wrong on our side.")


def too_many() -> Answer:
    """Return a 429."""
    return failed(429, "too_many_requests", "Too many requests.")


def sold_out() -> Answer:
    """Return the 409 for what cannot be had any more."""
    return failed(409, "order_unavailable", "The order is not available any more.")
