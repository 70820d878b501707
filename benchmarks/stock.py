"""``python -m benchmarks.stock``: what holds of nights cost, and watching a million claims.

On a PostgreSQL of its own, as safe against power cuts as ``make run`` has it, with one provider's
rooms and nights: the time of a hold of seven nights, one after another; holds a second, 32 at once,
each of a room of its own and all of one room; and how long each statement of I10 about stock takes
with so many claims (``--claims``), whose counters are right.
"""

import argparse
import asyncio
import datetime as dt
import json
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import psycopg
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.lists import migrate
from localworld import postgres
from models.core.database import Sessions, create_engine, create_sessions, repeated
from models.core.keys import booking_id, booking_reference
from models.core.people import Contact
from models.core.terms import CancellationTerms
from models.marketplace.stock.limits import HoldLimits
from models.marketplace.stock.messages import HoldRequest, OpenHold
from models.marketplace.stock.opening import open_hold
from models.marketplace.stock.wanted import CLAIMS, RoomNights, Wanted
from models.operations import stock_queries

NIGHTS = 365
FIRST = dt.date.today() + dt.timedelta(days=1)  # noqa: DTZ011  (any day that is still to come)
LENGTH = 7
AT_ONCE = 32
UNITS = 100_000

_OFFERS = """
INSERT INTO provider_profiles (id, user_id, provider_type, display_name, verification_status,
    version) VALUES (%(provider)s, gen_random_uuid(), 'HOTEL_MANAGER', 'Crowd', 'APPROVED', 5);
INSERT INTO listings (id, provider_id, title, description, address, city, city_norm, time_zone,
    amenities, currency, taxes, child_age_max, status, version)
VALUES (%(listing)s, %(provider)s, 'Crowd', '', '', '', '', 'Europe/Berlin', '{}', 'EUR', '[]', 17,
    'PUBLISHED', 2);
INSERT INTO rooms (id, listing_id, name, room_type, adults_max, children_max, beds, base_price,
    units_default, status, version)
SELECT id, %(listing)s, 'Room', 'DOUBLE', 2, 0, '[]', 10000, 1, 'ACTIVE', 1
FROM unnest(%(rooms)s::uuid[]) AS id;
INSERT INTO inventory_nights (room_id, night, units)
SELECT room, %(first)s::date + n, %(units)s
FROM unnest(%(rooms)s::uuid[]) AS room, generate_series(-30, %(nights)s - 1) AS n
"""
# Half of them are over. No foreign keys: the bookings behind them are not what is measured.
_CLAIMS = """
INSERT INTO stock_claims (booking_id, item, version, line, holder_id, room_id, nights, units, state,
    expires_at)
SELECT gen_random_uuid(), 1, 1, 1, gen_random_uuid(), (%(rooms)s::uuid[])[1 + n %% %(count)s],
    daterange(begins, begins + 1 + n %% 5), 1,
    CASE WHEN begins < current_date - 5 THEN 'USED' WHEN n %% 4 = 0 THEN 'RELEASED'
        WHEN n %% 500 = 2 THEN 'HELD' ELSE 'SOLD' END, now() + interval '1 hour'
FROM generate_series(1, %(claims)s) AS n,
    LATERAL (SELECT %(first)s::date + CASE WHEN n %% 2 = 0 THEN n / 1000 %% 300
        ELSE -12 - n / 1000 %% 15 END AS begins) AS on_day
"""
_COUNT = """
UPDATE inventory_nights s SET held = c.held, sold = c.sold
FROM (SELECT room_id, lower(nights) + n AS night,
        coalesce(sum(units) FILTER (WHERE state = 'HELD'), 0) AS held,
        coalesce(sum(units) FILTER (WHERE state <> 'HELD'), 0) AS sold
    FROM stock_claims, generate_series(0, upper(nights) - lower(nights) - 1) AS n
    WHERE state IN ('HELD', 'SOLD', 'USED') GROUP BY 1, 2) AS c
WHERE s.room_id = c.room_id AND s.night = c.night
"""
_QUOTE = """
INSERT INTO quotes (id, subject_id, product_type, product_id, request, snapshot, sha256, total,
    currency, expires_at)
VALUES (%s, %s, 'STAY', %s, %s, '{}', sha256('{}'), 70000, 'EUR', now() + interval '1 day')
"""


class House:
    """A provider's listing, and people who hold its rooms."""

    def __init__(self, url: str, rooms: int) -> None:
        self.url = url
        self.provider, self.listing = str(uuid.uuid4()), str(uuid.uuid4())
        self.rooms = [str(uuid.uuid4()) for _ in range(rooms)]
        self._named = {
            "provider": self.provider,
            "listing": self.listing,
            "rooms": self.rooms,
            "first": FIRST,
            "nights": NIGHTS,
            "units": UNITS,
        }

    def fill(self, claims: int) -> None:
        """Write rooms and nights, and so many claims with the counters that they make."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in _OFFERS.split(";\n"):
                connection.execute(statement.encode(), self._named)
            if claims:
                named = {**self._named, "claims": claims, "count": len(self.rooms)}
                connection.execute(_CLAIMS, named)
                connection.execute(_COUNT)
            connection.execute("VACUUM ANALYZE")

    def requests(self, rooms: Sequence[str]) -> list[HoldRequest]:
        """Quote a stay of seven nights in each of these rooms; returns who will hold them."""
        made = []
        with psycopg.connect(self.url, autocommit=True) as connection:
            for number, room in enumerate(rooms):
                begins = FIRST + dt.timedelta(days=number * 3 % (NIGHTS - LENGTH))
                line = RoomNights(
                    room_id=room, check_in=begins, check_out=begins + dt.timedelta(days=LENGTH)
                )
                terms = CancellationTerms.free()
                wanted = Wanted(room_nights=(line,), guests=2, terms=terms)
                who, quote = str(uuid.uuid4()), str(uuid.uuid4())
                body = json.dumps({CLAIMS: wanted.model_dump(mode="json")})
                connection.execute(_QUOTE, (quote, who, self.listing, body))
                booking = booking_id(who, "key", route="benchmark")
                made.append(
                    HoldRequest(
                        booking_id=booking,
                        booking_reference=booking_reference(booking),
                        caller_id=who,
                        idempotency_key="key",
                        fingerprint="benchmark",
                        quote_id=quote,
                        traveler_id=who,
                        travelers=[],
                        contact=Contact(email="ada@example.org"),
                    )
                )
        return made


async def hold(sessions: Sessions, request: HoldRequest) -> float:
    """Hold as an activity does; returns how many milliseconds it took."""

    async def once() -> None:
        async with sessions.begin() as session:
            await _open(session, request)

    began = time.perf_counter()
    await repeated(once)
    return (time.perf_counter() - began) * 1_000


async def _open(session: AsyncSession, request: HoldRequest) -> None:
    await open_hold(session, OpenHold(request=request, run="benchmark"), limits=HoldLimits())


async def crowd(sessions: Sessions, requests: Sequence[HoldRequest]) -> float:
    """Hold everything, 32 at once; returns how many holds a second."""
    waiting = [*requests]

    async def one() -> None:
        while waiting:
            await hold(sessions, waiting.pop())

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return len(requests) / (time.perf_counter() - began)


async def measure(house: House, holds: int, console: Console) -> None:
    """Measure holds, and print what was found."""
    url = house.url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, pool_size=AT_ONCE)
    sessions = create_sessions(engine)
    rooms = [house.rooms[number % len(house.rooms)] for number in range(holds)]
    for request in house.requests(rooms[:20]):
        await hold(sessions, request)
    requests = house.requests(rooms)
    used = time.process_time()
    took = [await hold(sessions, request) for request in requests]
    cpu = (time.process_time() - used) * 1_000 / holds
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    told = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {cpu:.1f} ms of our own CPU"
    console.print(f"hold of {LENGTH} nights: {told}")
    for what, which in (("different rooms", rooms), ("one room", [house.rooms[0]] * holds)):
        per_second = await crowd(sessions, house.requests(which))
        console.print(f"{AT_ONCE} at once, {what}: {per_second:.0f} holds/s")
    await engine.dispose()


def look(url: str, console: Console) -> None:
    """Time each statement of the invariant, five times; print the median and what it finds."""
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("HELD_TOO_LONG", "MISCOUNTED_NIGHTS", "MISCOUNTED_SEATS", "AGAINST_BOOKING"):
            took = []
            for _ in range(5):
                began = time.perf_counter()
                rows = connection.execute(getattr(stock_queries, name)).fetchall()
                took.append(time.perf_counter() - began)
            console.print(f"{name}: {statistics.median(took):.2f} s, {len(rows)} found")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stock", description=__doc__)
    parser.add_argument("--rooms", type=int, default=1_000)
    parser.add_argument("--claims", type=int, default=1_000_000)
    parser.add_argument("--holds", type=int, default=300)
    given = parser.parse_args(arguments)
    console = Console(width=120)
    directory = Path(tempfile.mkdtemp(prefix="tripsaga-stock-"))
    server = postgres.start(directory / "postgres")
    try:
        migrate(server.url)
        house = House(server.url, given.rooms)
        began = time.perf_counter()
        house.fill(given.claims)
        console.print(f"{given.claims:,} claims in {time.perf_counter() - began:.0f} s")
        look(server.url, console)
        asyncio.run(measure(house, given.holds, console))
        return 0
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
