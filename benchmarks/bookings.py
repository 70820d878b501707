"""``python -m benchmarks.bookings``: what a confirmed four-item trip costs.

Starts a world of its own, books the sample trip through the API, through the saga and by the plain
calls alone, in rounds that take turns, so that a change in the machine's mood meets all of them;
then counts history, SQL and CPU. docs/performance.md says what came out and what it means.
"""

import argparse
import asyncio
import datetime as dt
import itertools
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from temporalio.client import Client

from benchmarks import figures, histories, statements, tables
from benchmarks.rounds import Cell, Round, Rounds, play
from benchmarks.stage import Stage, cores, stage
from benchmarks.usage import Meter
from benchmarks.ways import FrontDoor, NotBookedError, Plain, Saga, Way
from temporal import connect

_WARMING = 16
_IDLE_SECONDS = 3.0
_COUNTED = 20
"""Bookings whose SQL and history are counted; the counts hardly differ from one to the next."""


_DESTINATIONS = ("LIS", "MAD", "BCN", "CDG", "FCO", "BER", "VIE", "PRG")
_DAYS = 280
_FIRST_DAY = 20


def trip_criteria(number: int) -> dict[str, Any]:
    """Return the criteria for the nth sample trip: the same everywhere but for place and dates.

    Spread out, for hotels and tours have only so many places on a day.
    """
    start = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=_FIRST_DAY + number * 9 % _DAYS)
    destination = _DESTINATIONS[number // _DAYS % len(_DESTINATIONS)]
    end = start + dt.timedelta(days=4)
    return {
        "destination": destination,
        "dates": {"start": start.isoformat(), "end": end.isoformat()},
        "activities": 2,
    }


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    bookings: int
    """In a round, at least."""
    rounds: int
    concurrency: tuple[int, ...]
    latencies: tuple[float, ...]
    """Seconds every supplier takes for an answer."""
    ways: tuple[str, ...]
    tries: int
    """How often a round is played at most when others disturb it; the quietest counts."""


class Benchmark:
    """One run on one stage."""

    def __init__(self, plan: Plan, on: Stage, client: Client, console: Console) -> None:
        most = max(plan.concurrency)
        self._plan = plan
        self._stage = on
        self._client = client
        self._console = console
        self._meter = Meter(on.pids())
        self._sandbox = httpx.AsyncClient(
            base_url=on.settings.sandbox_url, timeout=60, trust_env=False
        )
        ways: tuple[Way, ...] = (
            Plain(on.settings),
            Saga(on.settings, client),
            FrontDoor(on.api_url, on.api_key, connections=most),
        )
        self._ways = {way.name: way for way in ways}
        self._made = itertools.count()

    async def run(self, changes: dict[str, str]) -> figures.Report:
        """Measure everything."""
        await self._warm_up()
        self._say("idle")
        idle = await self._idle()
        rounds = await self._rounds()
        sql = [await self._sql(way) for way in self._plan.ways if way != Plain.name]
        history, steps = figures.of_histories(await self._histories(rounds))
        return figures.Report(
            cores=cores(),
            settings=changes,
            repeated_rounds=rounds.repeated,
            idle_cpu=idle,
            cells=figures.of_rounds(rounds, self._stage.settings.database.url),
            history=history,
            steps=steps,
            sql=sql,
        )

    async def close(self) -> None:
        """Close all connections."""
        for way in self._ways.values():
            await way.close()
        await self._sandbox.aclose()

    async def _warm_up(self) -> None:
        for name in self._plan.ways:
            self._say(f"warming up: {name}")
            cell = Cell(0, min(4, max(self._plan.concurrency)), name)
            bookings = min(_WARMING, 2 * self._plan.bookings)
            await play(cell, self._ways[name], self._trips, bookings, self._meter)

    async def _idle(self) -> dict[str, float]:
        before = self._meter.read()
        await asyncio.sleep(_IDLE_SECONDS)
        usage = self._meter.since(before)
        return figures.idle(usage.cpu, usage.seconds)

    async def _rounds(self) -> Rounds:
        rounds = Rounds()
        for number in range(1, self._plan.rounds + 1):
            for latency in self._plan.latencies:
                await self._set_latency(latency)
                # With slow suppliers one at a time only: at many the cores are the limit anyway.
                for concurrency in self._plan.concurrency if not latency else (1,):
                    for name in self._plan.ways:
                        cell = Cell(latency, concurrency, name)
                        played = await self._least_disturbed(cell, rounds)
                        self._say(f"round {number}: {told(played)}")
        await self._set_latency(0)
        return rounds

    async def _least_disturbed(self, cell: Cell, rounds: Rounds) -> Round:
        # Slow suppliers take time and tell little more by more bookings.
        bookings = self._plan.bookings // 4 if cell.latency else self._plan.bookings
        bookings = max(bookings, 4, 2 * cell.concurrency if cell.concurrency > 1 else 1)
        way = self._ways[cell.way]
        return await rounds.calmest(
            self._plan.tries, lambda: play(cell, way, self._trips, bookings, self._meter)
        )

    async def _sql(self, name: str) -> figures.SqlFigures:
        self._say(f"counting SQL: {name}")
        on, bookings = self._stage, min(_COUNTED, self._plan.bookings)
        with statements.logged(on.settings.database.url, on.database_log) as found:
            await play(Cell(0, 1, name), self._ways[name], self._trips, bookings, self._meter)
        return figures.of_statements(name, found, bookings)

    async def _histories(self, rounds: Rounds) -> list[histories.History]:
        name = Saga.name if Saga.name in self._plan.ways else FrontDoor.name
        cell = Cell(self._plan.latencies[0], self._plan.concurrency[0], name)
        booked = [one.booking_id for played in rounds.of(cell) for one in played.booked]
        return [await histories.read(self._client, one) for one in booked[-_COUNTED:]]

    async def _trips(self, count: int) -> list[dict[str, Any]]:
        trips = []
        for _ in range(count):
            answer = await self._sandbox.post(
                "/trip/generate", json=trip_criteria(next(self._made))
            )
            answer.raise_for_status()
            trips.append(answer.json())
        return trips

    async def _set_latency(self, seconds: float) -> None:
        answer = await self._sandbox.post("/_sandbox/latency", json={"seconds": seconds})
        answer.raise_for_status()

    def _say(self, what: str) -> None:
        self._console.print(f"[dim]{what}[/]")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; return the exit code."""
    options = _parser().parse_args(arguments)
    progress = Console(stderr=True, quiet=options.quiet)
    plan = Plan(
        bookings=options.bookings,
        rounds=options.rounds,
        concurrency=options.concurrency,
        latencies=tuple(ms / 1000 for ms in options.latency),
        ways=tuple(options.ways),
        tries=options.tries,
    )
    changes = dict(change.split("=", 1) for change in options.set)
    # Ended from outside, it still stops what it has started and removes its files.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with stage(changes) as on:
        try:
            report = asyncio.run(_measure(plan, on, progress, changes))
        except NotBookedError as error:
            worker = on.children["worker"].last_words()
            print(f"The worker's last words:\n{worker}\n{error}", file=sys.stderr)
            return 1
    if options.json:
        print(report.model_dump_json(indent=2))
    else:
        tables.show(report, Console(width=None if sys.stdout.isatty() else 160))
    return 0


async def _measure(
    plan: Plan, on: Stage, progress: Console, changes: dict[str, str]
) -> figures.Report:
    async with AsyncExitStack() as closing:
        benchmark = Benchmark(plan, on, await connect(on.settings), progress)
        closing.push_async_callback(benchmark.close)
        return await benchmark.run(changes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bookings", description=__doc__)
    parser.add_argument("--bookings", type=int, default=40, help="in a round (default 40)")
    parser.add_argument("--rounds", type=int, default=5, help="of each kind (default 5)")
    parser.add_argument(
        "--concurrency",
        type=lambda text: tuple(int(part) for part in text.split(",")),
        default=(1, 32),
        help="how many bookings at once (default 1,32)",
    )
    parser.add_argument(
        "--latency",
        type=lambda text: tuple(float(part) for part in text.split(",")),
        default=(0.0, 50.0),
        help="milliseconds suppliers take for an answer (default 0,50)",
    )
    parser.add_argument(
        "--ways",
        type=lambda text: text.split(","),
        default=[Plain.name, Saga.name, FrontDoor.name],
        help="plain,saga,api",
    )
    parser.add_argument(
        "--tries", type=int, default=3, help="of a round that others disturb (default 3)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a setting of worker and API, e.g. DISPATCH_VIATOR=local; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quiet", action="store_true", help="do not tell of progress")
    return parser


def told(played: Round) -> str:
    """Say how a round went."""
    cell = played.cell
    slow = f", suppliers {cell.latency * 1000:g} ms" if cell.latency else ""
    p50 = figures.milliseconds(figures.percentile(played.latencies, 0.5))
    return (
        f"{cell.way}, {cell.concurrency} at once{slow}: p50 {p50:.1f} ms,"
        f" {played.per_second:.1f}/s, others {played.disturbance:.2f} cores,"
        f" pace {played.pace * 1000:.1f}"
    )


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The Temporal SDK can abort the interpreter while it ends (design.md); all is closed by now.
    os._exit(code)
