"""What is sent and answered about listings, their rooms, rate plans and nights."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool

from api.core.bodies import SAME, Body, KeyField, LocalTime, Version
from api.marketplace.catalogue.words import (
    FeeBody,
    KeptBody,
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
from models.marketplace.catalogue.lifecycle import Board, OfferStatus, PausedBy, RoomStatus
from models.marketplace.catalogue.places import CountryCode
from models.marketplace.catalogue.terms import PriceRule

Title = Annotated[Text, Field(min_length=1, max_length=200)]
About = Annotated[Prose, Field(max_length=5_000, description="In several lines.")]
City = Annotated[Text, Field(min_length=1, max_length=120)]
Zone = Annotated[Text, Field(min_length=1, max_length=64, description="IANA.")]
Units = Annotated[int, Field(ge=0, le=10_000, strict=True), WHOLE]
_Guests = Annotated[int, Field(ge=0, le=50, strict=True), WHOLE]
_Days = Annotated[int, Field(ge=0, le=730, strict=True), WHOLE]
Stay = Annotated[int, Field(ge=1, le=365, strict=True, description="Nights."), WHOLE]

_LISTING: dict[str, Any] = {
    "title": "Casa Azul",
    "about": "Six rooms around a courtyard.",
    "address": "Rua do Sol 1, 8150-100",
    "city": "São Brás de Alportel",
    "country": "PT",
    "lat": 37.15,
    "lon": -7.88,
    "time_zone": "Europe/Lisbon",
    "check_in_from": "15:00",
    "check_out_until": "11:00",
    "amenities": ["wifi", "pool"],
    "currency": "EUR",
    "taxes": [{"name": "City tax", "kind": "PER_ADULT_NIGHT", "amount": 200}],
}


class _ListingFields(Body):
    title: Title = SAME
    about: About = SAME
    address: Annotated[Text, Field(min_length=1, max_length=500)] = SAME
    city: City = SAME
    country: CountryCode = SAME
    lat: Latitude = SAME
    lon: Longitude = SAME
    time_zone: Zone = SAME
    check_in_from: LocalTime = SAME
    check_out_until: LocalTime = SAME
    amenities: Annotated[list[Tag], Field(max_length=50)] = SAME
    currency: Annotated[Currency, Field(description="Of all its rooms.")] = SAME
    taxes: Taxes = SAME
    child_age_max: Annotated[
        int, Field(ge=0, le=17, strict=True, description="Who is older counts as an adult."), WHOLE
    ] = SAME


class NewListing(_ListingFields):
    """A listing to be made: a draft, which may be completed later."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"provider_id": "5b8f0a52-3f0e-4a07-9a55-0f3d5f3f7d10", **_LISTING}]
        }
    )

    provider_id: uuid.UUID
    title: Title
    currency: Annotated[Currency, Field(description="Of all its rooms.")]
    idempotency_key: KeyField = None


class ListingChange(_ListingFields):
    """What is to be different about a listing; what is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"expected_version": 2, "title": "Casa Azul e Jardim"}]}
    )

    expected_version: Version | None = None


class BedBody(Body):
    """Beds of a kind in a room."""

    kind: Literal["SINGLE", "DOUBLE", "QUEEN", "KING", "BUNK", "SOFA", "COT"]
    count: Annotated[int, Field(ge=1, le=20, strict=True), WHOLE]


class _RoomFields(Body):
    name: Title = SAME
    room_type: Annotated[Tag, Field(description="A short name in lower case, such as double.")] = (
        SAME
    )
    adults_max: Annotated[int, Field(ge=1, le=50, strict=True), WHOLE] = SAME
    children_max: _Guests = SAME
    beds: Annotated[list[BedBody], Field(max_length=20)] = SAME
    base_price: Annotated[
        MinorUnits, Field(description="Of a night of one unit, where the night says nothing else.")
    ] = SAME
    units_default: Annotated[
        Units, Field(description="Of a night that is put up for sale without a number.")
    ] = SAME


class NewRoom(_RoomFields):
    """A type of room to be made: all its units are alike."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Double with balcony",
                    "room_type": "double",
                    "adults_max": 2,
                    "children_max": 1,
                    "beds": [{"kind": "QUEEN", "count": 1}],
                    "base_price": 9000,
                    "units_default": 3,
                }
            ]
        }
    )

    name: Title
    room_type: Annotated[Tag, Field(description="A short name in lower case, such as double.")]
    adults_max: Annotated[int, Field(ge=1, le=50, strict=True), WHOLE]
    base_price: Annotated[
        MinorUnits, Field(description="Of a night of one unit, where the night says nothing else.")
    ]
    units_default: Annotated[
        Units, Field(description="Of a night that is put up for sale without a number.")
    ]
    idempotency_key: KeyField = None


class RoomChange(_RoomFields):
    """What is to be different about a room; what is absent stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"expected_version": 1, "base_price": 9500}]}
    )

    status: Annotated[
        RoomStatus, Field(description="ARCHIVED: not offered; what is booked stays.")
    ] = SAME
    expected_version: Version | None = None


class _PlanFields(Body):
    name: Title = SAME
    board: Board = SAME
    terms: Terms = SAME
    no_show: Annotated[KeptBody, Field(description="Kept of a guest who does not come.")] = SAME
    price_rule: PriceRule = SAME
    min_stay: Stay = SAME
    max_stay: Annotated[Stay | None, Field(description="Null: none.")] = SAME
    book_ahead_min: Annotated[
        _Days | None, Field(description="Days before the arrival; null: up to it.")
    ] = SAME
    book_ahead_max: Annotated[_Days | None, Field(description="Likewise; null: any.")] = SAME


class NewRatePlan(_PlanFields):
    """Terms to sell a room on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Flexible, with breakfast",
                    "board": "BREAKFAST",
                    "terms": [
                        {"hours_before": 48, "kept": {"basis_points": 0}},
                        {"kept": {"nights": 1}},
                    ],
                    "no_show": {"basis_points": 10000},
                    "price_rule": {"basis_points": 11000},
                    "min_stay": 2,
                }
            ]
        }
    )

    name: Title
    terms: Terms
    no_show: Annotated[KeptBody, Field(description="Kept of a guest who does not come.")]
    idempotency_key: KeyField = None


class RatePlanChange(_PlanFields):
    """What is to be different about a rate plan; bookings keep the terms they were made on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"expected_version": 1, "status": "ARCHIVED"}]}
    )

    status: Annotated[RoomStatus, Field(description="ARCHIVED: not offered.")] = SAME
    expected_version: Version | None = None


class NightsBody(Body):
    """Nights to be put up for sale, or changed; what is absent stays as it is."""

    model_config = ConfigDict(
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"from": "2027-06-01", "to": "2027-09-01", "units": 3, "price": 12000},
                {"from": "2027-06-01", "to": "2027-09-01", "weekdays": [5, 6], "min_stay": 2},
            ]
        },
    )

    since: Annotated[Day, Field(alias="from", description="The first night.")]
    until: Annotated[
        Day, Field(alias="to", description="The day after the last night: at most 730 after from.")
    ]
    weekdays: Weekdays = SAME
    units: Annotated[
        Units, Field(description="In all. Of a new night, without it: the room's default.")
    ] = SAME
    price: Annotated[
        MinorUnits | None, Field(description="Of one unit; null: the room's base price.")
    ] = SAME
    closed: StrictBool = SAME
    closed_to_arrival: StrictBool = SAME
    closed_to_departure: StrictBool = SAME
    min_stay: Annotated[
        Stay | None, Field(description="Of stays that begin on it; null: as the rate plan says.")
    ] = SAME


# -- answers -----------------------------------------------------------------------------------


class RatePlanAnswer(BaseModel):
    """A rate plan."""

    id: str
    room_id: str
    name: str
    board: Board
    terms: list[FeeBody]
    no_show: KeptBody
    price_rule: PriceRule
    min_stay: int
    max_stay: int | None
    book_ahead_min: int | None
    book_ahead_max: int | None
    status: RoomStatus
    version: int


class RoomAnswer(BaseModel):
    """A room."""

    id: str
    listing_id: str
    name: str
    room_type: str
    adults_max: int
    children_max: int
    beds: list[BedBody]
    base_price: int
    units_default: int
    status: RoomStatus
    version: int


class WholeRoom(RoomAnswer):
    """A room with its rate plans."""

    rate_plans: list[RatePlanAnswer]


class OfferAnswer(BaseModel):
    """What every offer tells."""

    id: str
    provider_id: str
    title: str
    about: str
    status: OfferStatus
    paused_by: PausedBy | None
    version: int
    created_at: AwareDatetime


class ListingAnswer(OfferAnswer):
    """A listing."""

    address: str
    city: str
    country: str | None
    lat: float | None
    lon: float | None
    time_zone: str | None
    check_in_from: str | None
    check_out_until: str | None
    amenities: list[str]
    currency: str
    taxes: list[TaxBody]
    child_age_max: int
    published_at: AwareDatetime | None = Field(description="Last; null: never.")


class WholeListing(ListingAnswer):
    """A listing with its rooms, archived ones included."""

    rooms: list[WholeRoom]


class ListingPage(BaseModel):
    """A page of listings."""

    listings: list[ListingAnswer]
    has_more: bool
    next_cursor: str | None


class NightAnswer(BaseModel):
    """A night of a room."""

    night: dt.date
    units: int
    held: int
    sold: int
    available: int
    price: int = Field(description="Of one unit: its own, or the room's base price.")
    own_price: bool
    closed: bool
    closed_to_arrival: bool
    closed_to_departure: bool
    min_stay: int | None


class NightsAnswer(BaseModel):
    """Nights of a room that are up for sale; those that are not named are not."""

    room_id: str
    currency: str
    nights: list[NightAnswer]


class NightsPut(BaseModel):
    """What became of nights that were put."""

    nights: int = Field(description="That were meant.")
    created: int
    changed: int = Field(description="The others were so already.")
