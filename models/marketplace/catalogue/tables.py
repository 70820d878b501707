"""Tables of what providers offer. Prices are minor units of the offer's one currency.

Dates and times of day are local to the offer's time zone.
"""

import datetime as dt
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    Time,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE
from sqlmodel import Field, SQLModel

from models.core.columns import json_column, money_column, one_of, time_column
from models.marketplace.catalogue.lifecycle import (
    AvailabilityRule,
    Board,
    OfferStatus,
    PausedBy,
    RoomStatus,
)
from models.marketplace.providers.tables import provider_column

_PUBLISHED = text("status = 'PUBLISHED'")


def owned(table: str, *, primary_key: bool = False) -> Any:
    """Return the column of the row of another table, by its id, that a row belongs to."""
    return Column(
        Uuid(as_uuid=False), ForeignKey(f"{table}.id"), primary_key=primary_key, nullable=False
    )


def _id() -> Any:
    return Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))


def _offer_checks(table: str) -> tuple[CheckConstraint, CheckConstraint]:
    """Return what holds of everything that is published."""
    return (
        CheckConstraint(one_of("status", OfferStatus), name=f"{table}_status"),
        CheckConstraint(
            f"(status = 'PAUSED') = (paused_by IS NOT NULL) AND {one_of('paused_by', PausedBy)}",
            name=f"{table}_paused_by",
        ),
    )


class ListingRow(SQLModel, table=True):
    """A property with rooms."""

    __tablename__ = "listings"
    __table_args__ = (
        Index("ix_listings_provider", "provider_id", "status"),
        Index("ux_listings_of_provider", "id", "provider_id", unique=True),
        Index("ix_listings_city", "city_norm", "id", postgresql_where=_PUBLISHED),
        Index("ix_listings_place", "lat", "lon", postgresql_where=_PUBLISHED),
        *_offer_checks("listings"),
        CheckConstraint(
            "lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name="listings_place"
        ),
    )

    id: str = _id()
    provider_id: str = Field(sa_column=provider_column())
    title: str
    description: str = ""
    address: str = ""
    city: str = ""
    city_norm: str = ""
    """As it is searched for: without case and accents."""
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    lat: float | None = Field(default=None, sa_column=Column(Double, nullable=True))
    lon: float | None = Field(default=None, sa_column=Column(Double, nullable=True))
    time_zone: str | None = None
    """IANA."""
    check_in_from: dt.time | None = Field(default=None, sa_column=Column(Time, nullable=True))
    check_out_until: dt.time | None = Field(default=None, sa_column=Column(Time, nullable=True))
    amenities: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    currency: str
    """Of all its rooms, so that a stay in two of them has one price."""
    taxes: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    """What is added to the price of the nights (``models.marketplace.catalogue.terms``)."""
    child_age_max: int = 17
    """Years: who is older counts as an adult."""
    status: str = OfferStatus.DRAFT
    paused_by: str | None = None
    version: int = 1
    published_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class RoomRow(SQLModel, table=True):
    """A type of room of a listing: all its units are alike."""

    __tablename__ = "rooms"
    __table_args__ = (
        Index("ix_rooms_listing", "listing_id"),
        CheckConstraint(one_of("status", RoomStatus), name="rooms_status"),
        CheckConstraint(
            "adults_max BETWEEN 1 AND 50 AND children_max BETWEEN 0 AND 50", name="rooms_guests"
        ),
        CheckConstraint("base_price >= 0 AND units_default >= 0", name="rooms_amounts"),
    )

    id: str = _id()
    listing_id: str = Field(sa_column=owned("listings"))
    name: str
    room_type: str
    adults_max: int
    children_max: int = 0
    beds: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    base_price: int = Field(sa_column=money_column())
    """Of a night of one unit, where the night itself says nothing else."""
    units_default: int
    """Of a night that is put up for sale without a number."""
    status: str = RoomStatus.ACTIVE
    version: int = 1
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class RatePlanRow(SQLModel, table=True):
    """On which terms a room is sold."""

    __tablename__ = "rate_plans"
    __table_args__ = (
        Index("ix_rate_plans_room", "room_id"),
        CheckConstraint(one_of("board", Board), name="rate_plans_board"),
        CheckConstraint(one_of("status", RoomStatus), name="rate_plans_status"),
        CheckConstraint(
            "min_stay >= 1 AND (max_stay IS NULL OR max_stay >= min_stay)", name="rate_plans_stay"
        ),
    )

    id: str = _id()
    room_id: str = Field(sa_column=owned("rooms"))
    name: str
    board: str = Board.ROOM_ONLY
    terms: list[dict[str, Any]] = Field(sa_column=json_column())
    """``FeeTemplate`` of ``models.marketplace.catalogue.terms``."""
    no_show: dict[str, Any] = Field(sa_column=json_column())
    """What is kept of a guest who does not come (``Kept``)."""
    price_rule: dict[str, Any] = Field(sa_column=json_column())
    """``PriceRule``."""
    min_stay: int = Field(default=1, sa_column=Column(SmallInteger, nullable=False))
    """Nights."""
    max_stay: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    book_ahead_min: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    """Days before the arrival from which on it is sold no longer."""
    book_ahead_max: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    status: str = RoomStatus.ACTIVE
    version: int = 1
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class HotelPackageRow(SQLModel, table=True):
    """Nights in rooms of a listing, sold together at a price per person."""

    __tablename__ = "hotel_packages"
    __table_args__ = (
        Index("ix_hotel_packages_provider", "provider_id", "status"),
        Index("ix_hotel_packages_listing", "listing_id"),
        ForeignKeyConstraint(
            ["listing_id", "provider_id"],
            ["listings.id", "listings.provider_id"],
            name="hotel_packages_listing_of_provider",
        ),
        *_offer_checks("hotel_packages"),
        CheckConstraint(one_of("availability_rule", AvailabilityRule), name="hotel_packages_rule"),
        CheckConstraint("nights BETWEEN 1 AND 90", name="hotel_packages_nights"),
        CheckConstraint(
            "availability_rule <> 'SEASONAL' OR season IS NOT NULL", name="hotel_packages_season"
        ),
    )

    id: str = _id()
    provider_id: str = Field(sa_column=provider_column())
    listing_id: str = Field(sa_column=owned("listings"))
    title: str
    description: str = ""
    template: str
    nights: int
    availability_rule: str
    season: Any = Field(default=None, sa_column=Column(DATERANGE, nullable=True))
    """Within which it begins and ends."""
    weekdays: list[int] | None = Field(
        default=None, sa_column=Column(ARRAY(SmallInteger), nullable=True)
    )
    """On which it may begin, ISO (1 is Monday); NULL: as its rule says."""
    price_per_person: int = Field(sa_column=money_column())
    """In the listing's currency."""
    terms: list[dict[str, Any]] = Field(sa_column=json_column())
    status: str = OfferStatus.DRAFT
    paused_by: str | None = None
    version: int = 1
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class HotelPackageRoomRow(SQLModel, table=True):
    """Rooms of a hotel package: of its listing (a trigger)."""

    __tablename__ = "hotel_package_rooms"
    __table_args__ = (CheckConstraint("units BETWEEN 1 AND 50", name="hotel_package_rooms_units"),)

    package_id: str = Field(sa_column=owned("hotel_packages", primary_key=True))
    room_id: str = Field(sa_column=owned("rooms", primary_key=True))
    units: int


class TourPackageRow(SQLModel, table=True):
    """A guided tour of some days, sold by the seat."""

    __tablename__ = "tour_packages"
    __table_args__ = (
        Index("ix_tour_packages_provider", "provider_id", "status"),
        Index("ix_tour_packages_city", "city_norm", "id", postgresql_where=_PUBLISHED),
        *_offer_checks("tour_packages"),
        CheckConstraint("days BETWEEN 1 AND 90", name="tour_packages_days"),
        CheckConstraint(
            "max_seats BETWEEN 1 AND 500 AND min_seats BETWEEN 0 AND max_seats",
            name="tour_packages_seats",
        ),
    )

    id: str = _id()
    provider_id: str = Field(sa_column=provider_column())
    title: str
    description: str = ""
    city: str = ""
    city_norm: str = ""
    country: str | None = None
    time_zone: str | None = None
    """IANA, of where it begins."""
    start_time: dt.time | None = Field(default=None, sa_column=Column(Time, nullable=True))
    days: int
    max_seats: int
    min_seats: int = 0
    """Fewer than these, and the operator may cancel the departure."""
    price: int = Field(sa_column=money_column())
    """Of a seat, where the departure itself says nothing else."""
    currency: str
    taxes: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    cutoff_hours: int = 0
    """Before its beginning from which on it is sold no longer."""
    terms: list[dict[str, Any]] = Field(sa_column=json_column())
    status: str = OfferStatus.DRAFT
    paused_by: str | None = None
    version: int = 1
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class ItineraryDayRow(SQLModel, table=True):
    """What happens on a day of a tour."""

    __tablename__ = "itinerary_days"

    package_id: str = Field(sa_column=owned("tour_packages", primary_key=True))
    day: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    title: str
    description: str = ""


class PickupRow(SQLModel, table=True):
    """Where a tour picks up its travellers."""

    __tablename__ = "pickups"

    package_id: str = Field(sa_column=owned("tour_packages", primary_key=True))
    number: int = Field(sa_column=Column(SmallInteger, primary_key=True))
    name: str
    address: str = ""
    lat: float | None = Field(default=None, sa_column=Column(Double, nullable=True))
    lon: float | None = Field(default=None, sa_column=Column(Double, nullable=True))
    minutes_before: int = 0
    """The beginning of the tour."""
