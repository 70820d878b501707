"""``python -m benchmarks.reservations``: what a confirmed reservation costs, now and at a million.

Two worlds of its own, one with an empty record and one with a crowd of reservations in it, take
turns in every round, so that a change in the machine's mood meets both. In each it reserves a slot
with nothing to pay over HTTP, asks what is free, asks the inventory the same itself, and reads what
it has made; then it counts history, SQL and CPU. All of it is at one venue, which has a tenth of
the crowd. docs/performance.md says what came out.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from functools import partial

import psycopg
from rich.console import Console
from sqlalchemy import create_engine

from benchmarks import crowd_at_venues, figures, histories, tables
from benchmarks.bookings import told
from benchmarks.crowd import BIG_CALLER
from benchmarks.doors import Door, Reserve, World
from benchmarks.rounds import Cell, Rounds, play
from benchmarks.stage import Stage, cores, stage
from benchmarks.ways import NotBookedError
from commands import callers
from models.core.callers import Scope
from settings import Settings
from temporal import connect

EMPTY, FULL = "empty", "full"
_CALLER = "venues"
_COUNTED = 20
_QUESTIONS = 100
"""Of each kind in a round, at most."""


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    bookings: int
    rounds: int
    concurrency: tuple[int, ...]
    tries: int


class Report(figures.Report):
    """What a run has found, of both worlds."""

    crowd: int
    """Reservations in the record of the full one before it began."""
    above_inventory: dict[str, float]
    """By world: p50 of asking what is free less the inventory's own, milliseconds."""
    full_by_empty: dict[str, dict[str, float]]
    """Ratios of the full world's figures to the empty one's, by what was asked."""


async def measure(plan: Plan, worlds: Sequence[World], crowd: int, console: Console) -> Report:
    """Measure everything, in turns."""
    for world in worlds:
        await world.warm_up()
    idle = await worlds[0].idle()
    rounds = Rounds()
    for number in range(1, plan.rounds + 1):
        for world in worlds if number % 2 else worlds[::-1]:
            asked: list[tuple[Door, int, int]] = [
                (world.reserve, at_once, max(plan.bookings, 2 * at_once if at_once > 1 else 1))
                for at_once in plan.concurrency
            ]
            questions = min(_QUESTIONS, 5 * plan.bookings)
            asked += [(door, 1, questions) for door in world.questions]
            for door, at_once, count in asked:
                cell = Cell(0, at_once, door.name)
                once = partial(play, cell, door, world.wishes, count, world.meter)
                played = await rounds.calmest(plan.tries, once)
                console.print(f"[dim]round {number}: {told(played)}[/]")
    counted = min(_COUNTED, plan.bookings)
    sql = [await world.sql(counted) for world in worlds]
    first = worlds[0]
    made = rounds.of(Cell(0, plan.concurrency[0], first.reserve.name))
    ids = [one.booking_id for played in made for one in played.booked][-counted:]
    history, steps = figures.of_histories([await histories.read(first.client, i) for i in ids])
    cells = figures.of_rounds(rounds, first.on.settings.database.url)
    p50 = {(cell.way, cell.concurrency): cell.p50 for cell in cells}
    return Report(
        cores=cores(),
        settings={},
        repeated_rounds=rounds.repeated,
        idle_cpu=idle,
        cells=cells,
        history=history,
        steps=steps,
        sql=sql,
        crowd=crowd,
        above_inventory={
            world.name: round(
                p50[f"check, {world.name}", 1] - p50[f"inventory, {world.name}", 1], 2
            )
            for world in worlds
        },
        full_by_empty=_ratios(cells, sql) if len(worlds) > 1 else {},
    )


def _ratios(
    cells: Sequence[figures.CellFigures], sql: Sequence[figures.SqlFigures]
) -> dict[str, dict[str, float]]:
    by_name = {(cell.way, cell.concurrency): cell for cell in cells}
    found: dict[str, dict[str, float]] = {}
    for (name, at_once), empty in by_name.items():
        kind, world = name.split(", ")
        if world == EMPTY:
            full = by_name[f"{kind}, {FULL}", at_once]
            found[f"{kind}, {at_once} at once"] = {
                "p50": round(full.p50 / empty.p50, 2),
                "per_second": round(full.per_second / empty.per_second, 2),
                "cpu": round(full.cpu_total / max(empty.cpu_total, 0.01), 2),
            }
            if kind == Reserve.kind:
                statements = sql[1].statements / sql[0].statements
                found[f"{kind}, {at_once} at once"]["statements"] = round(statements, 2)
    return found


def open_doors(keys: dict[str, str], name: str, crowd: int, settings: Settings) -> None:
    """Make the caller whose venues they are; where there is a crowd, its busiest is one of them."""
    engine = create_engine(settings.database.sqlalchemy_url)
    scopes = {Scope.RESERVATIONS_READ, Scope.RESERVATIONS_WRITE}
    keys[name] = callers.create(engine, _CALLER, scopes=scopes)
    engine.dispose()
    if crowd:
        crowd_at_venues.fill(settings.database.url, crowd)
        with psycopg.connect(settings.database.url) as connection:
            connection.execute(
                "UPDATE venues SET caller_id = c.id FROM callers c"
                " WHERE c.name = %s AND venues.id = %s",
                [_CALLER, crowd_at_venues.venue_of(BIG_CALLER, 0)],
            )


def show(report: Report, console: Console) -> None:
    """Print everything a run has found."""
    tables.show(report, console, "A confirmed reservation, nothing to be paid")
    for world, milliseconds in report.above_inventory.items():
        console.print(
            f"\nAsking what is free, above the inventory's own: {milliseconds:.1f} ms, {world}"
        )
    measured = ("p50", "per_second", "cpu", "statements")
    title = f"\nWith {report.crowd:,} reservations, in units of the empty record"
    table = tables.new_table(title, "Request", *measured)
    for what, ratios in report.full_by_empty.items():
        shown = (f"{ratios[name]:.2f}" if name in ratios else "" for name in measured)
        table.add_row(what, *shown)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; return the exit code."""
    options = _parser().parse_args(arguments)
    plan = Plan(options.bookings, options.rounds, options.concurrency, options.tries)
    crowds = {EMPTY: 0, **({FULL: options.crowd} if options.crowd else {})}
    # Ended from outside, it still stops what it has started and removes its files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    keys: dict[str, str] = {}
    with ExitStack() as running:
        stages = {
            name: running.enter_context(
                stage({}, name=f"-{name}", prepare=partial(open_doors, keys, name, crowd))
            )
            for name, crowd in crowds.items()
        }
        try:
            progress = Console(stderr=True, quiet=options.quiet)
            report = asyncio.run(_run(plan, stages, keys, options.crowd, progress))
        except NotBookedError as error:
            for on in stages.values():
                print(f"A worker's last words:\n{on.children['worker'].last_words()}")
            print(error, file=sys.stderr)
            return 1
    if options.json:
        print(report.model_dump_json(indent=2))
    else:
        show(report, Console(width=None if sys.stdout.isatty() else 160))
    return 0


async def _run(
    plan: Plan, stages: Mapping[str, Stage], keys: dict[str, str], crowd: int, progress: Console
) -> Report:
    async with AsyncExitStack() as closing:
        worlds = []
        for name, on in stages.items():
            client = await connect(on.settings)
            worlds.append(World(name, on, keys[name], client, max(plan.concurrency)))
            closing.push_async_callback(worlds[-1].close)
        return await measure(plan, worlds, crowd, progress)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reservations", description=__doc__)
    parser.add_argument("--bookings", type=int, default=40, help="in a round (default 40)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default 5)")
    parser.add_argument(
        "--concurrency",
        type=lambda text: tuple(int(part) for part in text.split(",")),
        default=(1, 32),
        help="how many reservations at once (default 1,32)",
    )
    parser.add_argument(
        "--crowd", type=int, default=1_000_000, help="reservations of the full world; 0: none"
    )
    parser.add_argument("--tries", type=int, default=3, help="of a disturbed round (default 3)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quiet", action="store_true", help="do not tell of progress")
    return parser


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The Temporal SDK can abort the interpreter while it ends (design.md); all is closed by now.
    os._exit(code)
