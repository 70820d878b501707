"""Airports of the world by their IATA codes, from the package ``airportsdata``."""

from functools import cache
from typing import Final, NamedTuple

import airportsdata


class Airport(NamedTuple):
    """What a traveller is told about an airport."""

    name: str
    city: str | None
    country: str | None
    """ISO 3166-1 alpha-2."""
    zone: str | None
    """The IANA time zone."""


_UNKNOWN: Final = Airport("", None, None, None)


def airport(code: str) -> Airport:
    """Return the airport with an IATA code; of one that is not known, its code as its name.

    The first call reads a table of some megabytes, which takes a third of a second.
    """
    return _airports().get(code, _UNKNOWN._replace(name=code))


@cache
def _airports() -> dict[str, Airport]:
    return {
        code: Airport(
            name=one["name"] or code,
            city=one["city"] or None,
            country=one["country"] or None,
            zone=one["tz"] or None,
        )
        for code, one in airportsdata.load("IATA").items()
    }
