"""``python -m benchmarks.lists``: what pages of lists cost when there are a million bookings.

On a PostgreSQL of its own, filled by COPY with a crowd of bookings (``benchmarks.crowd``): every
list, with every filter, its first page, the one behind the 10,000th row and the last, and its count
where it has one, planned for the values given and for any. A page that reads a table whole, sorts,
leaves rows out or touches too much of memory is named, and the program ends with 1.
``--reservations`` does the same for the lists of guests and venues; ``--transitions`` measures what
the indexes of lists cost those who write.
"""

import argparse
import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from rich.console import Console
from rich.table import Table

from benchmarks import crowd, crowd_at_venues, reservation_pages
from benchmarks.figures import percentile
from benchmarks.index_costs import measure_transitions
from benchmarks.pages import Case, cases, oldest_place
from benchmarks.plans import Explainer, Plan, statements_of
from localworld import postgres
from localworld.places import ROOT
from models.core.database import create_engine, create_sessions

_ROUNDS = 20


@dataclass(frozen=True)
class Seen:
    """A page as it was looked at."""

    case: Case
    where: str
    generic: bool
    plan: Plan
    took: list[float]
    """Milliseconds, of each time it was asked for."""

    @property
    def name(self) -> str:
        """What to call it."""
        how = "generic" if self.generic else "custom"
        return f"{self.case.list}: {self.case.name}, {self.where}, {how}"


async def look(
    url: str,
    rounds: int = 0,
    kinds_of_plan: Collection[bool] = (False, True),
    of: Callable[[psycopg.Connection], Iterator[Case]] = cases,
) -> list[Seen]:
    """Explain every page of every case, and ask for it ``rounds`` times.

    ``kinds_of_plan``: for given values (False) and for any (True).
    """
    found: list[Seen] = []
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    sessions = create_sessions(engine)
    with psycopg.connect(url, autocommit=True) as connection:
        explainer, oldest = Explainer(connection), oldest_place(connection)
        for case in of(connection):
            async with sessions() as session:
                places = await case.places(session, oldest)
            for where, after in places.items():
                (sent,) = await statements_of(sessions, case.page(after))
                for generic in kinds_of_plan:
                    plan = explainer.explain(sent, generic=generic)
                    took: list[float] = []
                    with explainer.prepared(sent, generic=generic) as execute:
                        for _ in range(rounds):
                            began = time.perf_counter()
                            connection.execute(execute).fetchall()
                            took.append((time.perf_counter() - began) * 1000)
                    found.append(Seen(case, where, generic, plan, took))
    await engine.dispose()
    return found


def faults(found: Sequence[Seen]) -> list[str]:
    """Return what is wrong with the plans."""
    return [
        f"{one.name}: {fault} ({', '.join(one.plan.indexes)})"
        for one in found
        for fault in one.plan.faults(
            limit=one.case.limit,
            counts=one.case.counts,
            ranges=one.case.ranges,
            named=one.case.named,
            joined=one.case.joined,
            generic=one.generic,
        )
    ]


def show(found: Sequence[Seen], console: Console) -> None:
    """Print a line for each list, kind of plan and place, and the slowest."""
    table = Table(box=None, pad_edge=False)
    for heading in ("list", "plan", "page", "cases", "p50 ms", "p99 ms", "buffers", "most"):
        table.add_column(heading, justify="left" if heading in {"list", "plan"} else "right")
    groups: dict[tuple[str, bool, str], list[Seen]] = {}
    for one in found:
        groups.setdefault((one.case.list, one.generic, one.where), []).append(one)
    for (name, generic, where), measured in groups.items():
        times = [time for one in measured for time in one.took]
        buffers = sorted(one.plan.buffers + one.plan.beside for one in measured)
        table.add_row(
            *(name, "generic" if generic else "custom", where, str(len(measured))),
            *(f"{percentile(times, 0.5):.2f}", f"{percentile(times, 0.99):.2f}"),
            *(str(statistics.median_low(buffers)), str(buffers[-1])),
        )
    console.print(table)
    for one in sorted(found, key=lambda one: -statistics.median(one.took))[:5]:
        touched = f"{one.plan.buffers} + {one.plan.beside} buffers"
        console.print(f"slow: {one.name}: {statistics.median(one.took):.2f} ms, {touched}")


def migrate(url: str) -> None:
    """Bring the database up to the newest revision."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("script_location", str(ROOT / "migrations"))
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--bookings", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--reservations", action="store_true", help="lists of guests and venues, instead"
    )
    parser.add_argument("--transitions", action="store_true", help="what writers pay, instead")
    given = parser.parse_args(arguments)
    console = Console(width=140)
    directory = Path(tempfile.mkdtemp(prefix="tripsaga-lists-"))
    server = postgres.start(directory / "postgres", fast=True)
    try:
        migrate(server.url)
        began = time.perf_counter()
        fill = crowd_at_venues.fill if given.reservations else crowd.fill
        fill(server.url, given.bookings, given.seed)
        console.print(f"{given.bookings:,} bookings in {time.perf_counter() - began:.0f} s")
        if given.transitions:
            measure_transitions(server.cluster, console)
            return 0
        of = reservation_pages.cases if given.reservations else cases
        found = asyncio.run(look(server.url, _ROUNDS, of=of))
        show(found, console)
        wrong = faults(found)
        for one in wrong:
            console.print(f"[red]{one}[/]")
        return 1 if wrong else 0
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
