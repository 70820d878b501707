"""The price snapshot: what was quoted, whole, so that nothing of it is ever reckoned again.

It holds names, times of day and zone, the price with its lines and the terms with their moments:
whatever becomes of listing, plan or tax, a booking reads its own snapshot. It has no personal data.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from models.bookings.lifecycle import BookingKind
from models.core.money import MinorUnits
from models.core.terms import CancellationTerms
from models.marketplace.quotes.pricing import Price


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProviderPart(_Part):
    """Who sells it."""

    id: str
    display_name: str


class ListingPart(_Part):
    """Where one stays."""

    id: str
    title: str
    address: str
    city: str
    country: str | None
    time_zone: str
    check_in_from: dt.time
    check_out_until: dt.time


class RatePlanPart(_Part):
    """On which terms a room is sold."""

    id: str
    name: str
    board: str


class RoomPart(_Part):
    """One unit of a room, with who sleeps in it."""

    room_id: str
    name: str
    adults: int
    children: tuple[int, ...]
    """Their ages."""
    rate_plan: RatePlanPart | None
    """None: the package's terms."""


class StayPart(_Part):
    """A stay: its days on the calendar there, and from when to when (UTC)."""

    listing: ListingPart
    check_in: dt.date
    check_out: dt.date
    nights: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    rooms: tuple[RoomPart, ...]


class PackagePart(_Part):
    """A hotel package."""

    id: str
    title: str
    template: str


class DeparturePart(_Part):
    """A departure of a tour."""

    id: str
    tour_id: str
    title: str
    city: str
    country: str | None
    time_zone: str
    days: int
    date: dt.date
    starts_at: dt.datetime
    ends_at: dt.datetime
    travelers: int


class TermsPart(_Part):
    """What is kept of who cancels, or does not come."""

    cancellation: CancellationTerms
    no_show_fee: MinorUnits
    guarantee: Literal["PREPAID"] = "PREPAID"


class Snapshot(_Part):
    """What is sold, at which price and on which terms."""

    form: Literal[1] = 1
    """Of this shape: another one gets another number, and both are read."""
    product_type: BookingKind
    provider: ProviderPart
    stay: StayPart | None = None
    package: PackagePart | None = None
    departure: DeparturePart | None = None
    price: Price
    terms: TermsPart

    def content(self) -> dict[str, Any]:
        """Return it as JSON, as it is stored and hashed."""
        return self.model_dump(mode="json")


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the one spelling of a snapshot that its hash is of.

    Names sorted, no spaces, everything beyond ASCII escaped: it does not depend on the order or the
    encoding in which a database or a process keeps it. Text is taken as it is, in whatever Unicode
    form. There is no number with a fraction in it, of which JSON has many spellings.

    Raises:
        TypeError: it has one, or what is no JSON.
    """
    _expect_whole(content)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def sha256_of(content: Mapping[str, Any]) -> bytes:
    """Return the hash of a snapshot's content. Raises TypeError as :func:`canonical`."""
    return hashlib.sha256(canonical(content)).digest()


def _expect_whole(value: Any) -> None:
    match value:
        case Mapping():
            for inner in value.values():
                _expect_whole(inner)
        case list() | tuple():
            for inner in value:
                _expect_whole(inner)
        case float():
            raise TypeError("a snapshot has no numbers with fractions")
