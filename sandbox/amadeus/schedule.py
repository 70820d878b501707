"""Who flies where and when: derived from route and date, the same every day it is asked."""

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sandbox.travel import AIRLINES, AIRPORTS, Airline, Airport, dice, kilometres

_MAX_DETOUR = 1.5
_MIN_LEG_KM = 150
_CARRIERS = 4


@dataclass(frozen=True)
class Flight:
    """One flight of one airline on one day. Times are UTC."""

    airline: Airline
    number: str
    origin: Airport
    destination: Airport
    departs: dt.datetime
    arrives: dt.datetime

    @property
    def km(self) -> float:
        """Great-circle distance."""
        return kilometres(self.origin, self.destination)


def airlines_between(origin: Airport, destination: Airport) -> list[Airline]:
    """Return up to four airlines that fly the route, those with the least detour first."""
    ranked = sorted(
        AIRLINES.values(),
        key=lambda airline: (_detour(airline, origin, destination), airline.code),
    )
    sensible = [a for a in ranked if _detour(a, origin, destination) <= _MAX_DETOUR]
    return (sensible or ranked[:2])[:_CARRIERS]


def journey(airline: Airline, origin: Airport, destination: Airport, date: dt.date) -> list[Flight]:
    """Return the flights of one direction on one day: nonstop, or over the airline's hub."""
    stops = _stops(airline, origin, destination)
    route = (airline.code, origin.code, destination.code)
    leaves = dt.datetime.combine(date, dt.time(6)) + dt.timedelta(
        minutes=5 * (dice(*route, date) % 168)
    )
    departs = origin.utc(leaves)
    flights: list[Flight] = []
    for start, end in pairwise(stops):
        if flights:
            layover = 60 + 5 * (dice(*route, date, "layover") % 19)
            departs = flights[-1].arrives + dt.timedelta(minutes=layover)
        minutes = 5 * round((30 + kilometres(start, end) / 14) / 5)
        flights.append(
            Flight(
                airline=airline,
                number=str(100 + dice(*route, start.code) % 9_800),
                origin=start,
                destination=end,
                departs=departs,
                arrives=departs + dt.timedelta(minutes=minutes),
            )
        )
    return flights


def segment(flight: Flight, segment_id: str) -> dict[str, Any]:
    """Write a flight as a segment of an offer; times are local, without a zone."""
    return {
        "departure": {
            "iataCode": flight.origin.code,
            "terminal": str(1 + dice(flight.origin.code, flight.airline.code) % 4),
            "at": flight.origin.local(flight.departs).isoformat(),
        },
        "arrival": {
            "iataCode": flight.destination.code,
            "terminal": str(1 + dice(flight.destination.code, flight.airline.code) % 4),
            "at": flight.destination.local(flight.arrives).isoformat(),
        },
        "carrierCode": flight.airline.code,
        "number": flight.number,
        "aircraft": {"code": flight.airline.aircraft},
        "operating": {"carrierCode": flight.airline.code},
        "duration": duration(flight.arrives - flight.departs),
        "id": segment_id,
        "numberOfStops": 0,
        "blacklistedInEU": False,
    }


def duration(span: dt.timedelta) -> str:
    """Write a span as ISO 8601 hours and minutes."""
    hours, minutes = divmod(int(span.total_seconds()) // 60, 60)
    return f"PT{hours}H" + (f"{minutes}M" if minutes else "")


def _stops(airline: Airline, origin: Airport, destination: Airport) -> tuple[Airport, ...]:
    hub = AIRPORTS[airline.hub]
    if hub in (origin, destination) or _detour(airline, origin, destination) > _MAX_DETOUR:
        return (origin, destination)
    return (origin, hub, destination)


def _detour(airline: Airline, origin: Airport, destination: Airport) -> float:
    """Return how many times longer the way over the hub is."""
    hub = AIRPORTS[airline.hub]
    if hub in (origin, destination):
        return 1.0
    legs = (kilometres(origin, hub), kilometres(hub, destination))
    if min(legs) < _MIN_LEG_KM:
        return float("inf")
    return sum(legs) / kilometres(origin, destination)
