"""Pages of reservations, one behind the other, are what a plain query finds: each row once.

So many there are, as a list is counted, up to a thousand.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any

import psycopg
import pytest

from benchmarks.crowd import BIG_CALLER, BIG_TRAVELER
from benchmarks.crowd_at_venues import venue_of
from benchmarks.reservation_pages import STATES, TIMES
from models.bookings.lifecycle import BookingState
from models.bookings.listing import MOST_COUNTED, Count
from models.core.database import create_engine, create_sessions
from models.reservations.listing import (
    Place,
    count_of_guest,
    count_of_venue,
    of_guest,
    of_venue,
)
from tests.support.selection import table

pytestmark = pytest.mark.xdist_group("crowd")

LIMIT = 100
_PLAIN = """
SELECT r.booking_id::text FROM reservations r JOIN bookings b ON b.id = r.booking_id
WHERE {whose} AND b.state = ANY(%(states)s) AND r.starts_at >= %(since)s AND r.starts_at < %(until)s
ORDER BY r.starts_at {way}, r.booking_id {way}
"""
_GUEST = _PLAIN.format(whose="r.caller_id = %(caller)s AND r.guest_id = %(guest)s", way="DESC")
_VENUE = _PLAIN.format(whose="r.venue_id = %(venue)s", way="ASC")
_EVER = {
    "since": dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
    "until": dt.datetime(2100, 1, 1, tzinfo=dt.UTC),
}


def plainly(url: str, query: str, states: Collection[BookingState], times: str) -> list[str]:
    values = {
        "caller": BIG_CALLER,
        "guest": BIG_TRAVELER,
        "venue": venue_of(BIG_CALLER, 0),
        "states": [str(state) for state in states or BookingState],
        **_EVER,
        **TIMES[times],
    }
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(query, values).fetchall()]


@pytest.mark.parametrize(
    ("states", "times"),
    table(
        STATES,
        TIMES,
        quick=[("any", "a day"), ("PENDING and CONFIRMED", "from"), ("all but CONFIRMED", "to")],
    ),
)
async def test_a_walk_finds_each_once(reserved_url: str, states: str, times: str) -> None:
    engine = create_engine(reserved_url.replace("postgresql://", "postgresql+psycopg://", 1))
    filters: dict[str, Any] = {"limit": LIMIT, "states": STATES[states], **TIMES[times]}

    async def walk(*, of_a_guest: bool) -> list[str]:
        seen: list[str] = []
        place: Place | None = None
        async with create_sessions(engine)() as session:
            while True:
                page = (
                    await of_guest(session, BIG_CALLER, BIG_TRAVELER, before=place, **filters)
                    if of_a_guest
                    else await of_venue(session, venue_of(BIG_CALLER, 0), after=place, **filters)
                )
                seen += [str(row["booking_id"]) for row in page]
                if len(page) < LIMIT:
                    return seen
                place = page[-1]["starts_at"], str(page[-1]["booking_id"])

    async def count(*, of_a_guest: bool) -> Count:
        filters = {"states": STATES[states], **TIMES[times]}
        async with create_sessions(engine)() as session:
            if of_a_guest:
                return await count_of_guest(session, BIG_CALLER, BIG_TRAVELER, **filters)
            return await count_of_venue(session, venue_of(BIG_CALLER, 0), **filters)

    for query, of_a_guest in ((_GUEST, True), (_VENUE, False)):
        found = plainly(reserved_url, query, STATES[states], times)
        assert await walk(of_a_guest=of_a_guest) == found
        rows = min(len(found), MOST_COUNTED)
        assert await count(of_a_guest=of_a_guest) == Count(rows, len(found) > MOST_COUNTED)
    await engine.dispose()
