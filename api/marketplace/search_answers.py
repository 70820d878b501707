"""What searches find, as whoever asks sees it."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.marketplace.quote_answers import (
    QuotedPlan,
    QuotedPrice,
    QuotedTerms,
    price_answer,
    terms_answer,
)
from models.marketplace.quotes.offered import Listing
from models.marketplace.quotes.parties import Party
from models.marketplace.search.offers import StayOffer
from models.marketplace.search.packages import FoundPackage
from models.marketplace.search.stays import FoundStay
from models.marketplace.search.tours import FoundTour

HasMore = Annotated[bool, Field(description="Whether there is a page behind this one.")]
NextCursor = Annotated[str | None, Field(description="Asks for it; null: there is none.")]


class OfferedUnit(BaseModel):
    """One unit of a room, as a quote is asked for it."""

    room_id: str
    adults: int
    children: Annotated[list[int], Field(description="Their ages.")]


class ShownRoom(BaseModel):
    """A type of room."""

    id: str
    name: str
    room_type: str
    adults_max: int
    children_max: int


class ShownOffer(BaseModel):
    """Units of one type of room on one rate plan, for the whole party and stay."""

    room: ShownRoom
    rate_plan: QuotedPlan
    rooms: Annotated[list[OfferedUnit], Field(description="As a quote is to be asked for them.")]
    price: QuotedPrice
    per_night: Annotated[
        int, Field(description="The total by the number of nights, rounded: to be shown only.")
    ]
    terms: QuotedTerms
    units_left: Annotated[int, Field(description="How often the same can be had.")]


class ShownListing(BaseModel):
    """A property."""

    id: str
    title: str
    address: str
    city: str
    country: str | None
    time_zone: str
    lat: float | None = None
    lon: float | None = None
    amenities: list[str] | None = None


class ShownStay(BaseModel):
    """A listing with its cheapest offer."""

    listing: ShownListing
    offer: ShownOffer


class StayPage(BaseModel):
    """Listings where the party can stay, by currency, then the cheapest first."""

    stays: list[ShownStay]
    has_more: HasMore
    next_cursor: NextCursor


class ListedOffers(BaseModel):
    """Everything that a listing offers the party, the cheapest first."""

    listing: ShownListing
    check_in: dt.date
    check_out: dt.date
    nights: int
    offers: list[ShownOffer]


class ShownPackage(BaseModel):
    """A hotel package, at what it costs the whole party."""

    id: str
    title: str
    description: str
    template: str
    nights: int
    availability_rule: str
    weekdays: Annotated[
        list[int] | None, Field(description="On which it may begin, 1 is Monday; null: see rule.")
    ]
    season_from: dt.date | None
    season_until: Annotated[dt.date | None, Field(description="The day after its last night.")]
    listing_id: str
    listing_title: str
    city: str
    country: str | None
    time_zone: str
    rooms: Annotated[list[OfferedUnit], Field(description="As a quote is to be asked for them.")]
    room_name: str
    price_per_person: Annotated[int, Field(description="Without taxes.")]
    total: Annotated[int, Field(description="Of the whole party, taxes included; minor units.")]
    currency: str
    units_left: Annotated[
        int | None,
        Field(description="How often the room is free then; null: no day was asked for."),
    ]


class PackagePage(BaseModel):
    """Hotel packages, by currency, then the cheapest first."""

    packages: list[ShownPackage]
    has_more: HasMore
    next_cursor: NextCursor


class ShownDeparture(BaseModel):
    """A departure that can be had."""

    id: str
    date: dt.date
    starts_at: dt.datetime
    ends_at: dt.datetime
    total: Annotated[int, Field(description="Of all travellers, taxes included; minor units.")]
    currency: str
    seats_left: int


class ShownTour(BaseModel):
    """A tour with its cheapest departure, of equal ones the first."""

    id: str
    title: str
    description: str
    city: str
    country: str | None
    time_zone: str
    days: int
    cutoff_hours: Annotated[int, Field(description="Before a departure it is sold up to then.")]
    departure: ShownDeparture


class TourPage(BaseModel):
    """Tours, by currency, then the cheapest first."""

    tours: list[ShownTour]
    has_more: HasMore
    next_cursor: NextCursor


class DeparturePage(BaseModel):
    """Departures of a tour, by their day."""

    departures: list[ShownDeparture]
    has_more: HasMore
    next_cursor: NextCursor


def stay_answer(found: FoundStay) -> ShownStay:
    """Return a listing with its cheapest offer."""
    told = listing_answer(found.listing)
    told.lat, told.lon, told.amenities = found.lat, found.lon, [*found.amenities]
    return ShownStay(listing=told, offer=offer_answer(found.listing, found.offer))


def listing_answer(listing: Listing) -> ShownListing:
    """Return what is told of a listing."""
    assert listing.time_zone, "what is on sale says where it is"
    return ShownListing(
        id=listing.id,
        title=listing.title,
        address=listing.address,
        city=listing.city,
        country=listing.country,
        time_zone=listing.time_zone,
    )


def offer_answer(listing: Listing, offer: StayOffer) -> ShownOffer:
    """Return an offer of a listing."""
    assert listing.time_zone, "what is on sale says where it is"
    room, plan = offer.room, offer.plan
    return ShownOffer(
        room=ShownRoom(
            id=room.id,
            name=room.name,
            room_type=room.room_type,
            adults_max=room.adults_max,
            children_max=room.children_max,
        ),
        rate_plan=QuotedPlan(id=plan.id, name=plan.name, board=plan.board),
        rooms=units_answer(room.id, offer.parties),
        price=price_answer(offer.price),
        per_night=offer.per_night,
        terms=terms_answer(offer.terms, offer.no_show_fee, listing.time_zone),
        units_left=offer.units_left,
    )


def units_answer(room_id: str, parties: Sequence[Party]) -> list[OfferedUnit]:
    """Return units of a room as a quote is to be asked for them."""
    return [
        OfferedUnit(room_id=room_id, adults=one.adults, children=[*one.children]) for one in parties
    ]


def package_answer(found: FoundPackage) -> ShownPackage:
    """Return a package as it was found."""
    own = _own(ShownPackage, found.row, without={"rooms", "units_left"})
    return ShownPackage(
        **own,
        rooms=units_answer(found.row["room_id"], found.parties),
        units_left=_shared(found.row["units"], len(found.parties)),
    )


def tour_answer(found: FoundTour) -> ShownTour:
    """Return a tour as it was found."""
    row = found.row
    return ShownTour(
        **_own(ShownTour, row, without={"departure"}),
        departure=ShownDeparture(
            id=row["departure_id"],
            date=row["departure_date"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            total=row["total"],
            currency=row["currency"],
            seats_left=row["available"],
        ),
    )


def _own(model: type[BaseModel], row: Any, *, without: set[str]) -> dict[str, Any]:
    return {name: row[name] for name in model.model_fields if name not in without}


def _shared(units: int | None, rooms: int) -> int | None:
    return None if units is None else units // rooms
