"""Quotes as whoever asked for them sees them."""

import datetime as dt
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from models.core.terms import CancellationTerms
from models.marketplace.quotes.pricing import LineKind, Price
from models.marketplace.quotes.repository import Quote
from models.marketplace.quotes.snapshot import DeparturePart, RoomPart, Snapshot, StayPart

ProductType = Literal["STAY", "HOTEL_PACKAGE", "TOUR_PACKAGE"]


class QuotedLine(BaseModel):
    """A part of a price; it has what its kind has."""

    kind: LineKind
    amount: int
    date: Annotated[dt.date | None, Field(description="Of a night: when it begins.")] = None
    room: Annotated[int | None, Field(description="Of a night: which of `rooms`, from 1.")] = None
    room_id: Annotated[str | None, Field(description="Of a night.")] = None
    name: Annotated[str | None, Field(description="Of a tax or fee.")] = None
    count: Annotated[int | None, Field(description="Persons of a package, or seats.")] = None


class QuotedPrice(BaseModel):
    """A price, in minor units of its currency; the lines add up to it."""

    total: int
    currency: str
    lines: list[QuotedLine]


class QuotedFee(BaseModel):
    """What is kept of who cancels before a moment."""

    until: Annotated[
        dt.datetime | None, Field(description="Exclusive, UTC; null: the last step has no end.")
    ]
    until_local: Annotated[
        str | None, Field(description="The same on the clock there, such as 2027-03-10 18:00.")
    ] = None
    fee: int


class QuotedTerms(BaseModel):
    """What is kept of who cancels or does not come, in minor units of the price's currency."""

    cancellation: Annotated[
        list[QuotedFee], Field(description="In order of time; no step keeps more than a later.")
    ]
    no_show_fee: int
    guarantee: Annotated[Literal["PREPAID"], Field(description="It is paid when it is booked.")]


class QuotedProvider(BaseModel):
    """Who sells it."""

    id: str
    display_name: str


class QuotedListing(BaseModel):
    """Where one stays."""

    id: str
    title: str
    address: str
    city: str
    country: str | None
    time_zone: str
    check_in_from: Annotated[str, Field(description="On the clock there, such as 15:00.")]
    check_out_until: str


class QuotedPlan(BaseModel):
    """On which terms a room is sold."""

    id: str
    name: str
    board: str


class QuotedRoom(BaseModel):
    """One unit of a room."""

    room_id: str
    name: str
    adults: int
    children: Annotated[list[int], Field(description="Their ages.")]
    rate_plan: Annotated[QuotedPlan | None, Field(description="null: the package's terms.")]


class QuotedPackage(BaseModel):
    """A hotel package."""

    id: str
    title: str
    template: str


class QuotedDeparture(BaseModel):
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


class SoldAnswer(BaseModel):
    """What is sold. Of a stay or a package: listing, days and rooms; of a tour: a departure."""

    package: QuotedPackage | None = None
    listing: QuotedListing | None = None
    check_in: dt.date | None = None
    check_out: dt.date | None = None
    nights: int | None = None
    starts_at: Annotated[
        dt.datetime | None, Field(description="From when on one can come, UTC.")
    ] = None
    ends_at: dt.datetime | None = None
    rooms: list[QuotedRoom] | None = None
    departure: QuotedDeparture | None = None


class QuoteAnswer(SoldAnswer):
    """A quote, with what is sold."""

    id: str
    status: Annotated[
        Literal["QUOTE", "TAKEN", "EXPIRED"],
        Field(description="QUOTE: it can be held; TAKEN: it became `booking_id`."),
    ]
    product_type: ProductType
    product_id: Annotated[
        str, Field(description="Of the listing, the hotel package or the departure.")
    ]
    provider: QuotedProvider
    travelers: Annotated[int | None, Field(description="Of a tour: how many seats.")] = None
    price: QuotedPrice
    terms: QuotedTerms
    units_left: Annotated[
        int, Field(description="How often the same could be had when it was quoted.")
    ]
    created_at: dt.datetime
    expires_at: Annotated[dt.datetime, Field(description="Up to then it stands as it is.")]
    snapshot_sha256: Annotated[
        str, Field(description="Of the price snapshot that a booking keeps, hex.")
    ]
    booking_id: str | None = None


def quote_answer(quote: Quote) -> QuoteAnswer:
    """Return a quote as it is told; nothing of it is reckoned again."""
    snapshot = quote.snapshot
    return QuoteAnswer(
        id=quote.id,
        status=quote.status,
        product_id=quote.product_id,
        product_type=str(snapshot.product_type),
        provider=QuotedProvider(**snapshot.provider.model_dump()),
        price=price_answer(snapshot.price),
        terms=terms_answer(
            snapshot.terms.cancellation, snapshot.terms.no_show_fee, zone_of(snapshot)
        ),
        units_left=quote.units_left,
        created_at=quote.created_at,
        expires_at=quote.expires_at,
        snapshot_sha256=quote.sha256.hex(),
        booking_id=quote.booking_id,
        **what_is_sold(snapshot),
        **({"travelers": snapshot.departure.travelers} if snapshot.departure else {}),
    )


def what_is_sold(snapshot: Snapshot) -> dict[str, Any]:
    """Return package, listing, days and rooms, or departure and travellers."""
    found: dict[str, Any] = {"package": snapshot.package and snapshot.package.model_dump()}
    if snapshot.stay is not None:
        found |= _stay(snapshot.stay)
    if snapshot.departure is not None:
        found |= _departure(snapshot.departure)
    return found


def price_answer(price: Price) -> QuotedPrice:
    """Return a price; a line tells only what it has."""
    lines = [QuotedLine(**line.model_dump(exclude_none=True)) for line in price.lines]
    return QuotedPrice(total=price.total, currency=price.currency, lines=lines)


def terms_answer(terms: CancellationTerms, no_show_fee: int, zone: str) -> QuotedTerms:
    """Return terms with their moments on both clocks."""
    steps = [
        QuotedFee(until=None, fee=step.fee)
        if step.until is None
        else QuotedFee(
            until=step.until,
            until_local=f"{step.until.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}",
            fee=step.fee,
        )
        for step in terms.steps
    ]
    return QuotedTerms(cancellation=steps, no_show_fee=no_show_fee, guarantee="PREPAID")


def zone_of(snapshot: Snapshot) -> str:
    """Return the time zone of where it is."""
    if snapshot.stay is not None:
        return snapshot.stay.listing.time_zone
    assert snapshot.departure is not None, "it is a stay or a departure"
    return snapshot.departure.time_zone


def _stay(stay: StayPart) -> dict[str, Any]:
    listing = stay.listing.model_dump()
    times = ("check_in_from", "check_out_until")
    return {
        "listing": {**listing, **{name: f"{listing[name]:%H:%M}" for name in times}},
        "check_in": stay.check_in,
        "check_out": stay.check_out,
        "nights": stay.nights,
        "starts_at": stay.starts_at,
        "ends_at": stay.ends_at,
        "rooms": [_room(room) for room in stay.rooms],
    }


def _room(room: RoomPart) -> dict[str, Any]:
    return {**room.model_dump(), "children": [*room.children]}


def _departure(departure: DeparturePart) -> dict[str, Any]:
    told = departure.model_dump(exclude={"travelers"})
    return {
        "departure": told,
        "starts_at": departure.starts_at,
        "ends_at": departure.ends_at,
    }
