"""What is sent and answered about hotel packages, tours and their departures."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.core.bodies import SAME, Body, KeyField, LocalTime, Version
from api.marketplace.catalogue.listing_schemas import About, City, OfferAnswer, Title, Zone
from api.marketplace.catalogue.words import (
    FeeBody,
    Latitude,
    Longitude,
    Tag,
    TaxBody,
    Taxes,
    Terms,
    Weekdays,
)
from models.core.money import WHOLE, Currency, MinorUnits
from models.core.text import Prose, Text
from models.core.times import Day
from models.marketplace.catalogue.lifecycle import AvailabilityRule, DepartureStatus
from models.marketplace.catalogue.places import CountryCode

_Days = Annotated[int, Field(ge=1, le=90, strict=True), WHOLE]
Seats = Annotated[int, Field(ge=1, le=500, strict=True), WHOLE]


class Season(Body):
    """Days within which a package begins and ends."""

    model_config = ConfigDict(populate_by_name=True)

    since: Annotated[Day, Field(alias="from")]
    until: Annotated[Day, Field(alias="to", description="The day after the last.")]


class PackageRoom(Body):
    """So many units of a room of the listing."""

    room_id: uuid.UUID
    units: Annotated[int, Field(ge=1, le=50, strict=True), WHOLE] = 1


class _PackageFields(Body):
    title: Title = SAME
    about: About = SAME
    template: Annotated[Tag, Field(description="What kind of package, in a short name.")] = SAME
    nights: _Days = SAME
    availability_rule: AvailabilityRule = SAME
    season: Annotated[Season | None, Field(description="Of a SEASONAL one, and no other.")] = SAME
    weekdays: Annotated[
        Weekdays | None, Field(description="On which it may begin; null: as its rule says.")
    ] = SAME
    price_per_person: Annotated[MinorUnits, Field(description="In the listing's currency.")] = SAME
    terms: Terms = SAME
    rooms: Annotated[list[PackageRoom], Field(min_length=1, max_length=20)] = SAME


class NewPackage(_PackageFields):
    """A hotel package to be made, a draft."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "listing_id": "0e0f8f52-6f0a-4b4e-8c0f-0b6f8b1f6d11",
                    "title": "Two nights and a dinner",
                    "template": "weekend",
                    "nights": 2,
                    "availability_rule": "WEEKEND_ONLY",
                    "price_per_person": 18000,
                    "terms": [{"kept": {"basis_points": 10000}}],
                    "rooms": [{"room_id": "a2a59a4c-8f3f-4d0b-9f0e-7d6c5b4a3921", "units": 1}],
                }
            ]
        }
    )

    listing_id: uuid.UUID
    title: Title
    template: Annotated[Tag, Field(description="What kind of package, in a short name.")]
    nights: _Days
    availability_rule: AvailabilityRule
    price_per_person: Annotated[MinorUnits, Field(description="In the listing's currency.")]
    terms: Terms
    rooms: Annotated[list[PackageRoom], Field(min_length=1, max_length=20)]
    idempotency_key: KeyField = None


class PackageChange(_PackageFields):
    """What is to be different about a package; rooms are sent whole."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"expected_version": 1, "price_per_person": 19000}]}
    )

    expected_version: Version | None = None


class ItineraryDay(Body):
    """What happens on a day of a tour."""

    day: _Days
    title: Title
    about: About = ""


class Pickup(Body):
    """Where a tour picks up its travellers."""

    name: Title
    address: Annotated[Text, Field(max_length=500)] = ""
    lat: Latitude | None = None
    lon: Longitude | None = None
    minutes_before: Annotated[
        int, Field(ge=0, le=1_440, strict=True, description="Before the tour begins."), WHOLE
    ] = 0


class _TourFields(Body):
    title: Title = SAME
    about: About = SAME
    city: City = SAME
    country: CountryCode = SAME
    time_zone: Zone = SAME
    start_time: Annotated[LocalTime, Field(description="Of departures that say no other.")] = SAME
    days: _Days = SAME
    max_seats: Seats = SAME
    min_seats: Annotated[int, Field(ge=0, le=500, strict=True), WHOLE] = SAME
    price: Annotated[MinorUnits, Field(description="Of a seat.")] = SAME
    currency: Currency = SAME
    taxes: Taxes = SAME
    cutoff_hours: Annotated[
        int,
        Field(ge=0, le=8_760, strict=True, description="Before it begins, the sale ends."),
        WHOLE,
    ] = SAME
    terms: Terms = SAME
    itinerary: Annotated[list[ItineraryDay], Field(max_length=90)] = SAME
    pickups: Annotated[list[Pickup], Field(max_length=50)] = SAME


class NewTour(_TourFields):
    """A tour to be made, a draft."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "provider_id": "5b8f0a52-3f0e-4a07-9a55-0f3d5f3f7d10",
                    "title": "Old town on foot",
                    "city": "Lisboa",
                    "country": "PT",
                    "time_zone": "Europe/Lisbon",
                    "start_time": "09:30",
                    "days": 1,
                    "max_seats": 12,
                    "price": 4000,
                    "currency": "EUR",
                    "terms": [
                        {"hours_before": 24, "kept": {"basis_points": 0}},
                        {"kept": {"basis_points": 10000}},
                    ],
                    "itinerary": [{"day": 1, "title": "Alfama and Mouraria"}],
                    "pickups": [{"name": "Rossio station", "minutes_before": 15}],
                }
            ]
        }
    )

    provider_id: uuid.UUID
    title: Title
    days: _Days
    max_seats: Seats
    price: Annotated[MinorUnits, Field(description="Of a seat.")]
    currency: Currency
    terms: Terms
    idempotency_key: KeyField = None


class TourChange(_TourFields):
    """What is to be different about a tour; itinerary and pickups are sent whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "expected_version": 1,
                    "itinerary": [{"day": 1, "title": "Alfama", "about": "With a fado singer."}],
                }
            ]
        }
    )

    expected_version: Version | None = None


class DeparturesBody(Body):
    """Departures to be made, one a day."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [{"from": "2027-06-01", "to": "2027-09-01", "weekdays": [6, 7]}]
        },
    )

    since: Annotated[Day, Field(alias="from", description="The first day.")]
    until: Annotated[
        Day, Field(alias="to", description="The day after the last: at most 366 after from.")
    ]
    weekdays: Weekdays = SAME
    start_time: Annotated[LocalTime, Field(description="Else the tour's.")] = SAME
    seats: Annotated[Seats, Field(description="Else the most that the tour has.")] = SAME
    price: Annotated[MinorUnits, Field(description="Of a seat; else the tour's.")] = SAME


class DepartureChange(Body):
    """What is to be different about a departure; what is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"expected_version": 1, "status": "CLOSED"}]}
    )

    seats: Annotated[int, Field(ge=0, le=500, strict=True), WHOLE] = SAME
    price: Annotated[MinorUnits | None, Field(description="Null: the tour's.")] = SAME
    status: Annotated[
        Literal["OPEN", "CLOSED"], Field(description="CLOSED: no more seats are sold.")
    ] = SAME
    expected_version: Version | None = None


class CancelDeparture(Body):
    """Why a departure is cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "storm warning"}]})

    reason: Annotated[Prose, Field(min_length=1, max_length=500)]


# -- answers -----------------------------------------------------------------------------------


class PackageAnswer(OfferAnswer):
    """A hotel package."""

    listing_id: str
    template: str
    nights: int
    availability_rule: AvailabilityRule
    season: Season | None
    weekdays: list[int] | None
    price_per_person: int
    terms: list[FeeBody]


class WholePackage(PackageAnswer):
    """A hotel package with its rooms."""

    currency: str
    rooms: list[PackageRoom]


class PackagePage(BaseModel):
    """A page of hotel packages."""

    packages: list[PackageAnswer]
    has_more: bool
    next_cursor: str | None


class TourAnswer(OfferAnswer):
    """A tour."""

    city: str
    country: str | None
    time_zone: str | None
    start_time: str | None
    days: int
    max_seats: int
    min_seats: int
    price: int
    currency: str
    taxes: list[TaxBody]
    cutoff_hours: int
    terms: list[FeeBody]


class WholeTour(TourAnswer):
    """A tour with its days and pickups."""

    itinerary: list[ItineraryDay]
    pickups: list[Pickup]


class TourPage(BaseModel):
    """A page of tours."""

    tours: list[TourAnswer]
    has_more: bool
    next_cursor: str | None


class DepartureAnswer(BaseModel):
    """A departure of a tour."""

    id: str
    tour_id: str
    departure_date: dt.date
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    time_zone: str
    seats: int
    held: int
    sold: int
    available: int
    price: int = Field(description="Of a seat: its own, or the tour's.")
    own_price: bool
    currency: str
    status: DepartureStatus
    version: int


class DeparturesAnswer(BaseModel):
    """Departures of a tour, in order."""

    departures: list[DepartureAnswer]


class DeparturesMadeAnswer(BaseModel):
    """What became of departures that were asked for."""

    asked: int
    created: int = Field(description="The others were there already, and stay as they are.")
