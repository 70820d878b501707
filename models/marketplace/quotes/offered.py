"""What is offered, as the catalogue and the stock have it when somebody asks. No I/O."""

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.marketplace.catalogue.lifecycle import AvailabilityRule
from models.marketplace.catalogue.terms import FeeTemplate, Kept, PriceRule, Tax


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Night(_Read):
    """A night of a room; that of the day of departure is there for its rules alone."""

    night: dt.date
    available: int
    price: int | None
    closed: bool
    closed_to_arrival: bool
    closed_to_departure: bool
    min_stay: int | None


class Plan(_Read):
    """A rate plan."""

    id: str
    name: str
    board: str
    terms: tuple[FeeTemplate, ...]
    no_show: Kept
    price_rule: PriceRule
    min_stay: int
    max_stay: int | None
    book_ahead_min: int | None
    book_ahead_max: int | None
    status: str


class Room(_Read):
    """A type of room, with the nights that were asked for, in order."""

    id: str
    name: str
    room_type: str
    adults_max: int
    children_max: int
    beds: tuple[dict[str, Any], ...]
    base_price: int
    status: str
    plans: tuple[Plan, ...]
    nights: tuple[Night, ...]


class Provider(_Read):
    """Who offers it."""

    id: str
    display_name: str
    verification_status: str


class Listing(_Read):
    """A property."""

    id: str
    title: str
    address: str
    city: str
    country: str | None
    time_zone: str | None
    check_in_from: dt.time | None
    check_out_until: dt.time | None
    currency: str
    taxes: tuple[Tax, ...]
    child_age_max: int
    status: str


class Package(_Read):
    """A hotel package."""

    id: str
    title: str
    template: str
    nights: int
    availability_rule: AvailabilityRule
    season_from: dt.date | None
    season_until: dt.date | None
    """The day after the last night."""
    weekdays: tuple[int, ...] | None
    price_per_person: int
    terms: tuple[FeeTemplate, ...]
    status: str
    units: dict[str, int]
    """How many units of each room it may be taken in."""


class Lodging(_Read):
    """A listing with rooms, and the package they are sold in, if any."""

    now: dt.datetime
    """By the database's clock."""
    listing: Listing
    provider: Provider
    rooms: tuple[Room, ...]
    package: Package | None = None


class Tour(_Read):
    """A guided tour."""

    id: str
    title: str
    city: str
    country: str | None
    time_zone: str | None
    days: int
    price: int
    currency: str
    taxes: tuple[Tax, ...]
    cutoff_hours: int
    terms: tuple[FeeTemplate, ...]
    status: str


class Departure(_Read):
    """A departure of a tour."""

    id: str
    departure_date: dt.date
    starts_at: dt.datetime
    ends_at: dt.datetime
    available: int
    price: int | None
    status: str


class Outing(_Read):
    """A tour with one departure."""

    now: dt.datetime
    tour: Tour
    provider: Provider
    departure: Departure | None
