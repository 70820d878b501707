"""How PostgreSQL carries out searches and quotes of a market, and how long they take.

    python -m benchmarks.market_search --rooms 100000 --nights 365

starts a PostgreSQL of its own, fills it (``benchmarks.market``) and measures; ``--keep DIR`` keeps
the database there and fills it only once. The tests use the plans of a smaller one.
"""

import argparse
import asyncio
import datetime as dt
import statistics
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.context import OF_LISTS
from benchmarks import market
from benchmarks.plans import Explainer, Plan, statements_of
from localworld import postgres
from localworld.places import ROOT
from models.core.database import Sessions, create_engine, create_sessions
from models.marketplace.quotes.messages import Asker, RoomWish, SeatsWish, StayWish
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.reading import read_listing, read_tour
from models.marketplace.quotes.repository import find_quote, make_quote
from models.marketplace.search.packages import PackageQuestion, find_packages
from models.marketplace.search.pages import ANY_PRICE, Place
from models.marketplace.search.places import Area, Box, City
from models.marketplace.search.stays import StayQuestion, find_stays
from models.marketplace.search.tours import TourQuestion, find_departures, find_tours

NIGHTS = 7
CHECK_IN = market.FIRST_NIGHT + dt.timedelta(days=20)
CHECK_OUT = CHECK_IN + dt.timedelta(days=NIGHTS)
LIMIT = 21
"""A page of twenty, and the row that tells of another one."""
LARGE_PAGES = 250
"""Of 8 kB; smaller tables are rightly read whole."""
_ASKER = Asker(str(uuid.uuid4()), None)


@dataclass(frozen=True)
class Case:
    """Something that is asked."""

    name: str
    ask: Callable[[AsyncSession], Awaitable[Any]]
    buffers: int
    """Of 8 kB, at most; a search reads so many for each room of its city."""


def cases(url: str, size: market.Size) -> list[Case]:
    """Return what is asked of a market."""
    now = dt.datetime.now(dt.UTC)
    city = City(market.city(1))
    first = size.rooms_of_city // market.ROOMS_OF_LISTING
    south = 1 + first % 250 / 1000
    box = Box(-0.001, south, 1.001, south + 0.1)
    listing, room, plan = _offered(url, market.city(1))
    tour = market.id_of("tour", 1)
    departure = market.id_of("departure", "1 22")
    wish = StayWish(
        listing, *(CHECK_IN, CHECK_OUT), (RoomWish(room, Party(1), plan),), market.CURRENCY
    )
    behind = Place(market.CURRENCY, 40_000, market.id_of("listing", first))

    def stays(area: Area, after: Place | None = None) -> Callable[[AsyncSession], Awaitable[Any]]:
        question = StayQuestion(area, CHECK_IN, CHECK_OUT, Party(2, (5,)), 1)
        return lambda session: find_stays(session, question, now, after=after, limit=LIMIT)

    packages = PackageQuestion(city, Party(2), 1, CHECK_IN)
    tours = TourQuestion(city, 2, CHECK_IN, CHECK_IN + dt.timedelta(days=30), ANY_PRICE)

    async def departures(session: AsyncSession) -> None:
        read = await read_tour(session, tour, None)
        await find_departures(session, read, 2, CHECK_IN, CHECK_OUT, limit=LIMIT)

    async def found(session: AsyncSession) -> None:
        quote = await make_quote(session, str(uuid.uuid4()), _ASKER, wish)
        await find_quote(session, quote.id, _ASKER)

    each = size.rooms_of_city
    return [
        Case("stays of a city", stays(city), 300 + 20 * each),
        Case("stays of a city, behind a place", stays(city, behind), 300 + 20 * each),
        Case("stays in a box", stays(box), 300 + 20 * each),
        Case(
            "packages of a city",
            lambda session: find_packages(session, packages, now, after=None, limit=LIMIT),
            300 + 10 * each,
        ),
        Case(
            "tours of a city",
            lambda session: find_tours(session, tours, now, after=None, limit=LIMIT),
            300 + 3 * each,
        ),
        Case("departures of a tour", departures, 60),
        Case(
            "offers of a listing",
            lambda session: read_listing(session, listing, CHECK_IN, CHECK_OUT),
            140,
        ),
        Case("a quote of a stay", found, 90),
        Case(
            "a quote of seats",
            lambda session: make_quote(
                session,
                *(str(uuid.uuid4()), _ASKER, SeatsWish(tour, departure, 2, market.CURRENCY)),
            ),
            40,
        ),
    ]


_LARGE = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relpages > %s"
_OFFERED = """
SELECT r.listing_id::text, r.id::text, min(q.id::text)
FROM listings l JOIN rooms r ON r.listing_id = l.id JOIN rate_plans q ON q.room_id = r.id
WHERE l.city_norm = %s AND (SELECT count(*) FROM inventory_nights n WHERE n.room_id = r.id
    AND n.night >= %s AND n.night < %s AND NOT n.closed AND n.available > 0) = %s
GROUP BY r.id ORDER BY r.id LIMIT 1
"""


def _offered(url: str, city: str) -> tuple[str, str, str]:
    """Return a listing of a city with a room and a plan that can be had."""
    with psycopg.connect(url) as connection:
        found = connection.execute(_OFFERED, [city, CHECK_IN, CHECK_OUT, NIGHTS]).fetchone()
    assert found is not None, "nothing is free in this city"
    return found[0], found[1], found[2]


@dataclass(frozen=True)
class Seen:
    """How a statement of a case is carried out."""

    name: str
    plan: Plan
    buffers: int
    generic: bool
    large: frozenset[str]
    """Tables of more than :data:`LARGE_PAGES`."""

    @property
    def faults(self) -> list[str]:
        """What is wrong with it: it reads a large table whole, or too much."""
        found = [f"{table} is read whole" for table in self.plan.scans if table in self.large]
        touched = self.plan.buffers + self.plan.beside
        if touched > self.buffers:
            found.append(f"{touched} buffers are touched")
        return [f"{self.name}, {'generic' if self.generic else 'custom'}: {one}" for one in found]


async def look(
    url: str, size: market.Size, kinds_of_plan: Sequence[bool] = (True, False)
) -> list[Seen]:
    """Return how every statement of every case is carried out, planned for any values or these."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    sessions = create_sessions(engine)
    seen = []
    with psycopg.connect(url, autocommit=True) as connection:
        explainer = Explainer(connection)
        rows = connection.execute(_LARGE, [LARGE_PAGES]).fetchall()
        large = frozenset(name for (name,) in rows)
        for case in cases(url, size):
            for number, sent in enumerate(await statements_of(sessions, case.ask), 1):
                if sent[0].lstrip().startswith("INSERT"):
                    continue
                for generic in kinds_of_plan:
                    plan = explainer.explain(sent, generic=generic)
                    seen.append(Seen(f"{case.name}, {number}", plan, case.buffers, generic, large))
    await engine.dispose()
    return seen


async def measure(url: str, size: market.Size, rounds: int) -> None:
    """Print how long each case takes, with the plans that the API has."""
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), parameters=OF_LISTS
    )
    sessions = create_sessions(engine)
    for case in cases(url, size):
        taken = sorted([await _timed(sessions, case) for _ in range(rounds)][5:])
        statements = len(await statements_of(sessions, case.ask))
        p99 = taken[min(len(taken) * 99 // 100, len(taken) - 1)]
        print(
            f"{case.name}: {statements} statements, p50 {statistics.median(taken):.1f} ms,"
            f" p99 {p99:.1f} ms"
        )
    await engine.dispose()


async def _timed(sessions: Sessions, case: Case) -> float:
    async with sessions.begin() as session:
        begun = time.perf_counter()
        await case.ask(session)
        return (time.perf_counter() - begun) * 1000


def main() -> None:
    """Fill, look and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=20_000)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--rooms-of-city", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=205)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    size = market.Size(asked.rooms, asked.nights, asked.rooms_of_city)
    with tempfile.TemporaryDirectory(prefix="tripsaga-market-") as scratch:
        server = postgres.start(asked.keep or Path(scratch) / "postgres", fast=True)
        try:
            _fill(server.url, size)
            for one in asyncio.run(look(server.url, size)):
                plan = one.plan
                print(
                    f"{one.name}, {'generic' if one.generic else 'custom'}:"
                    f" {plan.buffers + plan.beside} buffers, {plan.milliseconds:.1f} ms",
                    *one.faults,
                )
            asyncio.run(measure(server.url, size, asked.rounds))
        finally:
            server.stop()


def _fill(url: str, size: market.Size) -> None:
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("postgresql://", "postgresql+psycopg://"))
    command.upgrade(config, "head")
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT EXISTS (SELECT FROM inventory_nights)").fetchone()
    if row == (False,):
        begun = time.monotonic()
        market.fill(url, size)
        print(f"filled in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
