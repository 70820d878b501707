"""Messages about what providers offer."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from models.marketplace.catalogue.tables import (
    HotelPackageRoomRow,
    HotelPackageRow,
    ItineraryDayRow,
    ListingRow,
    PickupRow,
    RatePlanRow,
    RoomRow,
    TourPackageRow,
)

Place = tuple[dt.datetime, str]
"""When something was made, and its id: where it stands in a list."""


@dataclass(frozen=True)
class RoomWhole:
    """A room with its rate plans."""

    room: RoomRow
    plans: Sequence[RatePlanRow]


@dataclass(frozen=True)
class ListingWhole:
    """A listing with its rooms, archived ones included."""

    listing: ListingRow
    rooms: Sequence[RoomWhole]


@dataclass(frozen=True)
class PackageWhole:
    """A hotel package with its rooms, and the listing's currency."""

    package: HotelPackageRow
    rooms: Sequence[HotelPackageRoomRow]
    currency: str


@dataclass(frozen=True)
class TourWhole:
    """A tour with its days and pickups."""

    tour: TourPackageRow
    itinerary: Sequence[ItineraryDayRow]
    pickups: Sequence[PickupRow]


@dataclass(frozen=True)
class NightsChanged:
    """What became of nights that were put."""

    nights: int
    """How many were meant."""
    created: int
    changed: int
    """Of those that were there already; the others were so."""


@dataclass(frozen=True)
class DeparturesMade:
    """What became of departures that were asked for."""

    asked: int
    created: int
    """The others were there already, whatever their time and seats."""
