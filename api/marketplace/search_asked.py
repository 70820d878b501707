"""What searches are asked for, as it stands in a query: read and checked."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from api.core.filters import Cursor
from api.core.problems import ApiProblem
from models.core.money import Currency
from models.core.text import ANY_LINE, Text
from models.core.times import Day
from models.marketplace.quotes.parties import OLDEST_CHILD, Party
from models.marketplace.quotes.pricing import MOST
from models.marketplace.search.pages import Prices
from models.marketplace.search.places import Area, Box, City

MOST_ROOMS = 10
_AGES = r"^(1[0-7]|[0-9])(,(1[0-7]|[0-9])){0,19}$"
_NUMBER = r"-?[0-9]{1,3}(\.[0-9]{1,9})?"
_BOX = rf"^{_NUMBER}(,{_NUMBER}){{3}}$"
_AMENITIES = r"^[a-z0-9_-]{1,40}(,[a-z0-9_-]{1,40}){0,19}$"


def _of_form(pattern: str, words: str) -> Any:
    def check(given: Any) -> Any:
        if isinstance(given, str) and re.fullmatch(pattern, given, re.ASCII):
            return given
        raise ValueError(words)

    return check


_AGES_WORDS = f"must be ages of 0 to {OLDEST_CHILD}, such as 5,9"
_BOX_WORDS = "must be west,south,east,north in degrees, such as 73.0,33.5,73.3,33.8"
_AMENITIES_WORDS = "must be names of amenities, such as wifi,pool"

CityName = Annotated[
    Text,
    StringConstraints(min_length=1, max_length=200, pattern=ANY_LINE),
    Query(description="A city's name; case and accents do not matter. This or `bbox`."),
]
BoxText = Annotated[
    str,
    BeforeValidator(_of_form(_BOX, _BOX_WORDS)),
    WithJsonSchema({"type": "string", "pattern": _BOX, "examples": ["73.0,33.5,73.3,33.8"]}),
    Query(
        description="West, south, east and north of a box on the map, degrees; it is at most 5"
        " degrees high and wide, and may lie across the date line. This or `city`."
    ),
]
Ages = Annotated[
    str,
    BeforeValidator(_of_form(_AGES, _AGES_WORDS)),
    WithJsonSchema({"type": "string", "pattern": _AGES, "examples": ["5,9"]}),
    Query(description="Ages of the children."),
]
Amenities = Annotated[
    str,
    BeforeValidator(_of_form(_AMENITIES, _AMENITIES_WORDS)),
    WithJsonSchema({"type": "string", "pattern": _AMENITIES, "examples": ["wifi,pool"]}),
    Query(description="Only where there are all of these."),
]
CheckIn = Annotated[Day, Query(description="The day of arrival, on the calendar there.")]
CheckOut = Annotated[Day, Query(description="The day of departure, which is no night any more.")]
AdultsAsked = Annotated[int, Query(ge=1, le=50, description="Of the whole party.")]
RoomsAsked = Annotated[
    int,
    Query(
        ge=1,
        le=MOST_ROOMS,
        description="Units of one type of room, over which the party is spread evenly.",
    ),
]
TravelersAsked = Annotated[int, Query(ge=1, le=500, description="Seats that are wanted together.")]
Least = Annotated[int, Query(ge=0, le=MOST, description="Minor units; needs `currency`.")]
Most = Annotated[int, Query(ge=0, le=MOST, description="Minor units; needs `currency`.")]
CurrencyAsked = Annotated[Currency, Query(description="Only what is sold in it.")]
Limit = Annotated[int, Query(ge=1, le=100, description="At most so many.")]
Behind = Annotated[Cursor, Query(description="`next_cursor` of the page before this one.")]


@dataclass(frozen=True)
class Asked:
    """Parameters that several searches have."""

    city: str | None = None
    bbox: str | None = None
    adults: int = 1
    children: str | None = None
    rooms: int = 1
    price_min: int | None = None
    price_max: int | None = None
    currency: str | None = None

    def area(self) -> Area:
        """Return where is searched. Raises ApiProblem 422."""
        if (self.city is None) is (self.bbox is None):
            raise _refused("city", "Ask for a city or for a bbox.")
        if self.city is not None:
            return City(self.city)
        assert self.bbox is not None, "it is one of the two"
        box = Box(*map(float, self.bbox.split(",")))
        if box.fault is not None:
            raise _refused("bbox", f"This is no box to search in: {box.fault}.")
        return box

    def party(self) -> Party:
        """Return who travels: at least an adult for each room. Raises ApiProblem 422."""
        if self.adults < self.rooms:
            raise _refused("rooms", "Each room needs an adult: ask for fewer rooms.")
        ages = self.children.split(",") if self.children else ()
        return Party(self.adults, tuple(map(int, ages)))

    def prices(self) -> Prices:
        """Return the prices that are wanted. Raises ApiProblem 422."""
        if self.currency is None and (self.price_min, self.price_max) != (None, None):
            raise _refused("currency", "Prices are of a currency: say which.")
        if None not in (self.price_min, self.price_max):
            assert self.price_min is not None, "both are there"
            assert self.price_max is not None, "both are there"
            if self.price_min > self.price_max:
                raise _refused("price_max", "price_max must not be less than price_min.")
        return Prices(self.currency, self.price_min, self.price_max)


def expect_days(since: dt.date, until: dt.date) -> None:
    """Make sure that some days are asked about, a year at most. Raises ApiProblem 422."""
    if not 1 <= (until - since).days <= 366:
        raise _refused("to", "to is after from, by 366 days at most.")


def _refused(field: str, detail: str) -> ApiProblem:
    return ApiProblem(422, "CONTRADICTORY_REQUEST", detail, field=field)
