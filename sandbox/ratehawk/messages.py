"""Requests as RateHawk takes them, and its envelope. Unknown parameters are refused here."""

import datetime as dt
import secrets
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sandbox.world import Answer


class Parameters(BaseModel):
    """Any request body."""

    model_config = ConfigDict(extra="forbid")


class HotelInfo(Parameters):
    """``hotel/info``."""

    hid: int
    language: str


class Guests(Parameters):
    """Who sleeps in a room."""

    adults: int = Field(ge=1, le=20)
    children: list[int] = Field(default=[], max_length=10)


class Search(Parameters):
    """``search/hp``."""

    hid: int
    checkin: dt.date
    checkout: dt.date
    residency: str = Field(pattern="^[a-z]{2}$")
    language: str
    guests: list[Guests] = Field(min_length=1, max_length=1)
    currency: str = Field(pattern="^[A-Z]{3}$")


class Prebook(Parameters):
    """``hotel/prebook``."""

    hash: str = Field(min_length=3)
    price_increase_percent: int = Field(default=0, ge=0, le=100)


class Form(Parameters):
    """``hotel/order/booking/form``."""

    partner_order_id: str = Field(min_length=3, max_length=256)
    book_hash: str = Field(min_length=3)
    language: str
    user_ip: str


class User(Parameters):
    """Who is to be reached."""

    email: str
    phone: str = Field(min_length=5, max_length=35)
    comment: str | None = None


class Partner(Parameters):
    """Whose order it is."""

    partner_order_id: str = Field(min_length=3, max_length=256)
    comment: str | None = None
    amount_sell_b2b2c: str | None = None


def _spelled(name: str) -> str:
    if not all(unicodedata.category(c)[0] in "LM" or c in " '-,.’" for c in name):
        raise ValueError("letters, spaces and '-,.’ only")
    return name


GuestName = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_spelled)]


class Guest(Parameters):
    """Who stays; without ``is_child`` an adult, whatever the age."""

    first_name: GuestName
    last_name: GuestName
    is_child: bool = False
    age: int | None = Field(default=None, ge=0, le=17)
    gender: Literal["male", "female", "unknown"] | None = None


class RoomGuests(Parameters):
    """Who stays in one room."""

    guests: list[Guest] = Field(min_length=1)


class PaymentType(Parameters):
    """How it is paid."""

    type: Literal["deposit", "hotel", "now"]
    amount: str
    currency_code: str


class Finish(Parameters):
    """``hotel/order/booking/finish``."""

    user: User
    partner: Partner
    language: str
    rooms: list[RoomGuests] = Field(min_length=1)
    payment_type: PaymentType


class ByOrder(Parameters):
    """What is asked about one order."""

    partner_order_id: str = Field(min_length=3, max_length=256)


class Ordering(Parameters):
    """In which order."""

    ordering_type: Literal["asc", "desc"]
    ordering_by: str


class Pagination(Parameters):
    """How many, written as strings."""

    page_size: str = Field(pattern="^([1-9]|[1-4][0-9]|50)$")
    page_number: str = Field(pattern="^[1-9][0-9]{0,5}$")


class InfoSearch(Parameters):
    """Which orders."""

    partner_order_ids: list[str] = Field(min_length=1, max_length=50)


class Info(Parameters):
    """``hotel/order/info``."""

    ordering: Ordering
    pagination: Pagination
    search: InfoSearch
    language: str = "en"


def envelope(
    data: Any, *, status: str = "ok", error: str | None = None, debug: Any = None
) -> dict[str, Any]:
    """Return the envelope."""
    facts = {"request_id": secrets.token_hex(16), **(debug or {})}
    return {"data": data, "debug": facts, "error": error, "status": status}


def done(data: Any, effect: str = "none", **facts: Any) -> Answer:
    """Return a success; ``facts`` are extras of the log row."""
    return Answer(200, envelope(data), effect=effect, extra=facts)


def failed(error: str, *, http: int = 200, debug: Any = None) -> Answer:
    """Return an error; a business error has HTTP status 200."""
    return Answer(http, envelope(None, status="error", error=error, debug=debug))


def internal_error() -> Answer:
    """Return a 500."""
    return failed("unknown", http=500)


def too_many() -> Answer:
    """Return the 429 of an endpoint whose limit is used up; it is free again in a second."""
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    endpoint = {
        "is_active": True,
        "is_limited": True,
        "remaining": 0,
        "requests_number": 30,
        "seconds_number": 60,
        "reset": (now + dt.timedelta(seconds=1)).isoformat(),
    }
    debug = {"api_endpoint": endpoint, "utcnow": now.isoformat()}
    return failed("endpoint_exceeded_limit", http=429, debug=debug)
