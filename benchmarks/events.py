"""``python -m benchmarks.events``: how soon what is committed is told, and what it costs.

On a PostgreSQL and a RabbitMQ of its own: transitions at a steady rate, each timed from its commit
until a consumer has its event (the broker's confirm comes no later), and then until a webhook
endpoint has it; what an idle relay costs in both; how fast a relay catches up; and what a
transition takes with and without its events.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import psutil
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks.figures import percentile
from benchmarks.hearing import Heard
from benchmarks.statements import logged
from localworld import postgres
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.repository import writing
from models.webhook_endpoints.fanning_out import SINK as WEBHOOKS
from tests.ledger.conftest import Books
from tests.support.databases import migrate
from tests.support.processes import Process
from tests.support.rabbitmq import Broker, broker
from tests.webhook_endpoints.conftest import World

BROKER = "rabbitmq"
"""The relay's name as a sink."""


class EventsReport(BaseModel):
    """What came out. Milliseconds, but for what says otherwise."""

    rate: float
    """Transitions a second, as planned; each has one event."""
    transitions: int
    p50: float
    """From the commit until a consumer at the broker has the event."""
    p95: float
    p99: float
    max: float
    webhook_p50: float
    """From the commit until a webhook endpoint has the event: its request is read there."""
    webhook_p95: float
    webhook_p99: float
    webhook_max: float
    caught_up: int
    """Events that waited when the relay was started."""
    caught_up_per_second: float
    idle_core_percent: float
    """Of the relay's process while nothing happens."""
    webhooks_idle_core_percent: float
    """The same where it sends webhooks, and none is due."""
    with_events: float
    without_events: float
    """Median of a transition, on this machine's disk."""
    statements_with: int
    statements_without: int
    """SQL statements of one transition."""


class Bench:
    """A record with bookings that are changed, and a relay in a process of its own."""

    def __init__(self, books: Books, at: Broker) -> None:
        self.books = books
        self.world = World(books)
        self._env = {"DATABASE_URL": books.url}
        self._broker = {"RABBITMQ_URL": at.url}
        self.bookings: list[Booking] = []

    async def prepare(self, count: int) -> None:
        """Make bookings of one caller that are confirmed."""
        self.world.caller = await self.world.add_caller()
        self.bookings = [await self.world.booking() for _ in range(count)]

    async def move(self, number: int) -> Booking:
        """Record a transition of one booking: one event."""
        moved = await self.books.record(self.bookings[number], BookingState.CONFIRMED)
        self.bookings[number] = moved
        return moved

    def relay(self, sink: str = BROKER) -> Process:
        """Start a relay to the broker, or one that sends webhooks."""
        broker = self._broker if sink == BROKER else {"WEBHOOK_MASTER_KEY": "benchmark" * 4}
        process = Process("-m", "tests.support.relay", sink, env={**self._env, **broker})
        process.wait_for_line("relay is running")
        return process

    async def behind(self, sink: str = BROKER) -> int:
        """How many events a sink has not had."""
        async with self.books.sessions() as session:
            return int(
                await session.scalar(
                    text(
                        "SELECT (SELECT count(*) FROM outbox_pending) + (SELECT last FROM"
                        " event_counter) - (SELECT coalesce(max(position), 0) FROM event_sinks"
                        " WHERE name = :sink)"
                    ),
                    {"sink": sink},
                )
                or 0
            )

    async def settled(self, sink: str = BROKER) -> None:
        """Wait until a sink has had everything."""
        while await self.behind(sink):  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.02)


async def latencies(bench: Bench, heard: Heard, rate: float, seconds: float) -> list[float]:
    """Move bookings at a steady rate; return from commit to consumer, in milliseconds."""
    committed: dict[tuple[str, int], float] = {}

    async def one(number: int) -> None:
        moved = await bench.move(number)
        committed[moved.id, moved.version] = time.monotonic()

    began, moves = time.monotonic(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        moves.append(asyncio.create_task(one(number % len(bench.bookings))))
    await asyncio.gather(*moves)
    while not committed.keys() <= heard.at.keys():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return [1000 * (heard.at[key] - at) for key, at in committed.items()]


async def cost(bench: Bench, rounds: int, *, events: bool) -> float:
    """Return the median of a transition, one after another."""
    times = []
    for number in range(rounds):
        began = time.perf_counter()
        if events:
            await bench.move(number % len(bench.bookings))
        else:
            with mock.patch.object(writing, "events_of", return_value=[]):
                await bench.move(number % len(bench.bookings))
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


async def idle(process: Process, seconds: float) -> float:
    """Return how much of a core a process takes while nothing happens, in per cent."""
    await asyncio.sleep(3)
    watched, before = psutil.Process(process.pid), time.monotonic()
    used = sum(watched.cpu_times()[:2])
    await asyncio.sleep(seconds)
    return 100 * (sum(watched.cpu_times()[:2]) - used) / (time.monotonic() - before)


async def webhooks(bench: Bench, options: argparse.Namespace) -> tuple[list[float], float]:
    """Return from commit to endpoint, in milliseconds, and what the sender takes when idle."""
    relay, heard = bench.relay(WEBHOOKS), Heard()
    try:
        await bench.settled(WEBHOOKS)  # what happened before is not sent
        async with heard.receiving() as url:
            await bench.world.endpoint(url, "booking.updated")
            times = await latencies(bench, heard, options.rate, options.seconds)
            return times, await idle(relay, options.idle)
    finally:
        relay.kill()


async def run(options: argparse.Namespace, folder: Path, at: Broker) -> EventsReport:
    """Measure."""
    log = folder / "postgres.log"
    server = postgres.start(folder / "postgres", log=log)
    migrate(server.url)
    books = Books(f"{server.url}&application_name=worker")  # whose statements are counted
    bench, heard = Bench(books, at), Heard()
    await bench.prepare(100)
    relay = bench.relay()
    try:
        async with heard.listening(at.url):
            await bench.settled()
            times = await latencies(bench, heard, options.rate, options.seconds)
            await bench.settled()
            idle_percent = await idle(relay, options.idle)
        relay.stop()
        sent, sender_percent = await webhooks(bench, options)
        costs: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(4):  # alternately: the machine has other users
            for events in (True, False):
                costs[events].append(await cost(bench, options.rounds, events=events))
        counted = {}
        for events in (True, False):
            with logged(server.url, log) as statements:
                await cost(bench, 1, events=events)
            counted[events] = statements.statements
        for start in range(0, options.backlog, 20):
            await asyncio.gather(*(bench.move((start + n) % 100) for n in range(20)))
        waiting = await bench.behind()
        relay = bench.relay()
        began = time.monotonic()
        await bench.settled()
        caught_up = time.monotonic() - began
    finally:
        relay.kill()
        await books.engine.dispose()
        server.stop()
    return EventsReport(
        rate=options.rate,
        transitions=len(times),
        p50=percentile(times, 0.5),
        p95=percentile(times, 0.95),
        p99=percentile(times, 0.99),
        max=max(times),
        webhook_p50=percentile(sent, 0.5),
        webhook_p95=percentile(sent, 0.95),
        webhook_p99=percentile(sent, 0.99),
        webhook_max=max(sent),
        caught_up=waiting,
        caught_up_per_second=waiting / caught_up,
        idle_core_percent=idle_percent,
        webhooks_idle_core_percent=sender_percent,
        with_events=statistics.median(costs[True]),
        without_events=statistics.median(costs[False]),
        statements_with=counted[True],
        statements_without=counted[False],
    )


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--idle", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--backlog", type=int, default=5_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="events-") as folder, broker() as at:
        report = asyncio.run(run(options, Path(folder), at))
    if options.json:
        sys.stdout.write(report.model_dump_json(indent=2) + "\n")
        return
    table = Table(box=None)
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in report:
        table.add_row(name, f"{value:,.1f}" if isinstance(value, float) else f"{value:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
