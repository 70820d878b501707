"""Legs: where a traveller has to be, and when, in local times and no supplier's words.

Itinerary, calendar and reminders stand on them. A flight has one leg for each segment, a stay one,
an experience one. A local time whose zone is not known is never converted.
"""

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema
from pydantic.alias_generators import to_camel

_FROZEN = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class LegKind(StrEnum):
    """What somebody does on a leg."""

    FLIGHT = "FLIGHT"
    STAY = "STAY"
    EXPERIENCE = "EXPERIENCE"


_NO_PLACE = frozenset({"Factory", "localtime", "posixrules"})
"""Files beside the zones, which say whatever a machine has them say."""


@lru_cache(maxsize=1_000)
def known_zone(name: str | None) -> str | None:
    """Return the IANA name of a time zone, or None where there is no such zone."""
    try:
        return ZoneInfo(name).key if name and name not in _NO_PLACE else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


_LOCAL = {"type": "string", "pattern": r"^\d\d:\d\d:\d\d(\.\d+)?$"}
LocalTime = Annotated[dt.time, WithJsonSchema(_LOCAL)]
"""Described as what it is: RFC 3339's ``time`` would have an offset."""


class Moment(BaseModel):
    """A point of a traveller's day, as a clock on the wall there shows it."""

    model_config = _FROZEN

    date: dt.date
    time: LocalTime | None = None
    """None: at any time of that day, or the supplier does not say."""
    zone: Annotated[str | None, AfterValidator(known_zone)] = None
    """The IANA time zone; None where it is not known."""

    @classmethod
    def of(cls, local: dt.datetime, zone: str | None = None) -> Self:
        """Return the moment of a local time; an offset it may carry is left out."""
        return cls(date=local.date(), time=local.time(), zone=zone)

    @property
    def utc(self) -> dt.datetime | None:
        """The same in UTC; None where time or zone is not known."""
        if self.time is None or self.zone is None:
            return None
        local = dt.datetime.combine(self.date, self.time, ZoneInfo(self.zone))
        return local.astimezone(dt.UTC)


class Place(BaseModel):
    """Where a leg begins or ends."""

    model_config = _FROZEN

    name: str
    code: str | None = None
    """The airport's IATA code."""
    terminal: str | None = None
    address: str | None = None
    city: str | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2."""


class Leg(BaseModel):
    """One flight, one stay or one experience."""

    model_config = _FROZEN

    kind: LegKind
    title: str
    """"IB 6253 MAD–JFK", "Hotel Aurora", "Old Town by night"."""
    provider: str
    """Who delivers it: the airline, the hotel, the tour operator."""
    start: Moment
    """Departure, first check-in, or beginning."""
    end: Moment | None = None
    """Arrival, latest check-out, or end."""
    place: Place | None = None
    """Where it starts: the airport, the hotel, the meeting point."""
    destination: Place | None = None
    """Where a flight arrives."""
    check_in_until: LocalTime | None = None
    """The latest local time to arrive or to check in, where that is stated."""
    confirmation_code: str | None = None
    """What the traveller shows there."""
    notes: tuple[str, ...] = ()
    """What else the traveller has to know there, in plain text."""


def confirmed_legs(legs: Iterable[Leg], code: str) -> list[Leg]:
    """Return legs with the confirmation code of their reservation, where they have none."""
    return [
        leg if leg.confirmation_code else leg.model_copy(update={"confirmation_code": code})
        for leg in legs
    ]
