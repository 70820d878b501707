"""Pages of the lists of a guest's and of a venue's reservations, as the API asks for them."""

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.crowd import BIG_CALLER, BIG_TRAVELER, NEWEST, RARE_STATE, SMALL_CALLER
from benchmarks.crowd_at_venues import DAYS, venue_of
from benchmarks.pages import Case
from models.bookings.lifecycle import BookingState
from models.bookings.listing import Place
from models.reservations.listing import count_of_guest, count_of_venue, of_guest, of_venue

_S = BookingState
_PENDING = frozenset(
    {
        _S.QUOTED,
        _S.PENDING,
        _S.VALIDATING,
        _S.HELD,
        _S.PAYMENT_PENDING,
        _S.PROCESSING,
        _S.NEEDS_ATTENTION,
    }
)
STATES: dict[str, Collection[BookingState]] = {
    "any": (),
    "CONFIRMED": [_S.CONFIRMED],
    RARE_STATE: [RARE_STATE],
    "CHECKED_IN, of nobody": [_S.CHECKED_IN],
    "PENDING": _PENDING,
    "PENDING and CONFIRMED": [*_PENDING, _S.CONFIRMED],
    "all but CONFIRMED": [state for state in _S if state is not _S.CONFIRMED],
    "all": list(_S),
}
"""What callers ask for by ``status``; the API's words stand for these states."""
_HALF = NEWEST + dt.timedelta(days=DAYS // 2)
_DAY = _HALF.replace(hour=0)
TIMES: dict[str, dict[str, dt.datetime]] = {
    "always": {},
    "from": {"since": NEWEST + dt.timedelta(days=2)},
    "to": {"until": _HALF},
    "a day": {"since": _DAY, "until": _DAY + dt.timedelta(days=1)},
}
"""``date`` of a venue's list is the last one."""


def cases(connection: psycopg.Connection) -> Iterator[Case]:
    """Yield all there are, for the crowd of reservations in this database."""
    guest = connection.execute(
        "SELECT guest_id FROM reservations WHERE caller_id = %s AND guest_id <> %s LIMIT 1",
        [BIG_CALLER, BIG_TRAVELER],
    ).fetchone()
    assert guest is not None
    guests = {"with 6 %": BIG_TRAVELER, "with a few": str(guest[0]), "unknown": "nobody"}
    venues = {
        "with 10 %": venue_of(BIG_CALLER, 0),
        "with 0.2 %": venue_of(BIG_CALLER, 1),
        "with 0.005 %": venue_of(SMALL_CALLER, 1),
        "unknown": venue_of(BIG_CALLER, -1),
    }
    for states, wanted in STATES.items():
        for times, between in TIMES.items():
            filters = {"states": wanted, **between}
            for whose, guest_id in guests.items():
                yield from _of_guest(f"{whose}, {states}, {times}", guest_id, filters)
            for which, venue in venues.items():
                yield from _of_venue(f"{which}, {states}, {times}", venue, filters)


def _of_guest(name: str, guest: str, filters: dict[str, Any]) -> Iterator[Case]:
    async def ask(session: AsyncSession, limit: int, after: Place | None) -> Any:
        return await of_guest(session, BIG_CALLER, guest, before=after, limit=limit, **filters)

    async def ask_how_many(session: AsyncSession, *_: Any) -> Any:
        return await count_of_guest(session, BIG_CALLER, guest, **filters)

    yield _listed("/guest", name, ask, filters)
    yield _counted("/guest", name, ask_how_many, filters)


def _of_venue(name: str, venue: str, filters: dict[str, Any]) -> Iterator[Case]:
    async def ask(session: AsyncSession, limit: int, after: Place | None) -> Any:
        return await of_venue(session, venue, after=after, limit=limit, **filters)

    async def ask_how_many(session: AsyncSession, *_: Any) -> Any:
        return await count_of_venue(session, venue, **filters)

    yield _listed("/venue", name, ask, filters)
    yield _counted("/venue", name, ask_how_many, filters)


def _listed(
    name: str,
    case: str,
    ask: Callable[[AsyncSession, int, Place | None], Any],
    filters: dict[str, Any],
) -> Case:
    place = ("starts_at", "booking_id")
    return Case(name, case, ask, _ranges(filters), joined=2, place=place, whole=True)


def _counted(name: str, case: str, ask: Callable[..., Any], filters: dict[str, Any]) -> Case:
    return Case(name, case, ask, _ranges(filters), counts=True)


def _ranges(filters: dict[str, Any]) -> int:
    return len(filters["states"] or BookingState)
