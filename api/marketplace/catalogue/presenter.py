"""Rows of the catalogue as their providers are told them."""

import datetime as dt
from typing import Any, TypeVar

from pydantic import BaseModel

from api.marketplace.catalogue.listing_schemas import (
    ListingAnswer,
    NightAnswer,
    OfferAnswer,
    RatePlanAnswer,
    RoomAnswer,
    WholeListing,
    WholeRoom,
)
from api.marketplace.catalogue.package_schemas import (
    DepartureAnswer,
    ItineraryDay,
    PackageAnswer,
    PackageRoom,
    Pickup,
    Season,
    TourAnswer,
    WholePackage,
    WholeTour,
)
from models.marketplace.catalogue.messages import ListingWhole, PackageWhole, TourWhole
from models.marketplace.catalogue.tables import (
    HotelPackageRow,
    ListingRow,
    RatePlanRow,
    RoomRow,
    TourPackageRow,
)
from models.marketplace.stock.tables import DepartureRow, NightRow

Answer = TypeVar("Answer", bound=BaseModel)


def _told(answer: type[Answer], row: Any, **more: Any) -> Answer:
    """Return an answer with what a row has under the same names, and more."""
    values = {name: getattr(row, name) for name in answer.model_fields if hasattr(row, name)}
    return answer.model_validate({**values, **more})


def _offer(answer: type[Answer], row: Any, **more: Any) -> Answer:
    assert issubclass(answer, OfferAnswer)
    return _told(answer, row, about=row.description, **more)


def _clock(time: dt.time | None) -> str | None:
    return None if time is None else f"{time:%H:%M}"


def plan(row: RatePlanRow) -> RatePlanAnswer:
    """Return a rate plan."""
    return _told(RatePlanAnswer, row)


def room(row: RoomRow) -> RoomAnswer:
    """Return a room."""
    return _told(RoomAnswer, row)


def listing(row: ListingRow) -> ListingAnswer:
    """Return a listing without its rooms."""
    times = {"check_in_from": _clock(row.check_in_from)}
    return _offer(ListingAnswer, row, **times, check_out_until=_clock(row.check_out_until))


def whole_listing(whole: ListingWhole) -> WholeListing:
    """Return a listing with its rooms and their rate plans."""
    rooms = [
        WholeRoom(**room(one.room).model_dump(), rate_plans=[plan(two) for two in one.plans])
        for one in whole.rooms
    ]
    return WholeListing(**listing(whole.listing).model_dump(), rooms=rooms)


def night(row: NightRow, of: RoomRow) -> NightAnswer:
    """Return a night of a room."""
    own = row.price is not None
    return _told(NightAnswer, row, price=row.price if own else of.base_price, own_price=own)


def package(row: HotelPackageRow) -> PackageAnswer:
    """Return a hotel package without its rooms."""
    season = None if row.season is None else Season(since=row.season.lower, until=row.season.upper)
    return _offer(PackageAnswer, row, season=season)


def whole_package(whole: PackageWhole) -> WholePackage:
    """Return a hotel package with its rooms."""
    return WholePackage(
        **package(whole.package).model_dump(),
        currency=whole.currency,
        rooms=[_told(PackageRoom, one) for one in whole.rooms],
    )


def tour(row: TourPackageRow) -> TourAnswer:
    """Return a tour without its days and pickups."""
    return _offer(TourAnswer, row, start_time=_clock(row.start_time))


def whole_tour(whole: TourWhole) -> WholeTour:
    """Return a tour with its days and pickups."""
    return WholeTour(
        **tour(whole.tour).model_dump(),
        itinerary=[_told(ItineraryDay, one, about=one.description) for one in whole.itinerary],
        pickups=[_told(Pickup, one) for one in whole.pickups],
    )


def departure(row: DepartureRow, of: TourPackageRow) -> DepartureAnswer:
    """Return a departure of a tour."""
    return _told(
        DepartureAnswer,
        row,
        tour_id=row.package_id,
        available=row.seats - row.held - row.sold,
        price=of.price if row.price is None else row.price,
        own_price=row.price is not None,
        currency=of.currency,
        time_zone=of.time_zone,
    )
