"""``python -m benchmarks.webhooks``: how soon an event of the gateway is acknowledged.

On a stage of its own, events of real bookings are sent to ``POST /webhooks/stripe`` at a steady
rate, new ones and repeats, while the worker handles them. Each is timed from the moment it was
due, so that a slow answer does not spare those behind it. The aim is a p99 below 200 ms at 50 a
second; Stripe itself waits for seconds.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Sequence
from typing import Any

import httpx
import psycopg
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from stripe import WebhookSignature

from benchmarks.bookings import trip_criteria
from benchmarks.figures import percentile
from benchmarks.stage import Stage, cores, stage
from benchmarks.usage import Meter
from benchmarks.ways import FrontDoor

_SECRET = "whsec_benchmark"
_DRAIN_SECONDS = 60.0


class WebhookReport(BaseModel):
    """What came out. Milliseconds, but for ``seconds`` and ``drained_after``."""

    cores: int
    rate: float
    """Deliveries a second, as planned."""
    seconds: float
    deliveries: int
    events: int
    """Of them, different ones."""
    p50: float
    p95: float
    p99: float
    max: float
    drained_after: float
    """Seconds from the last delivery until no event waited to be handled any more."""
    cpu: dict[str, float]
    """Cores kept busy meanwhile, by process; ``others`` is every foreign process."""


class Load:
    """Sends events at a steady rate, whatever the answers."""

    def __init__(self, on: Stage, events: list[dict[str, Any]], copies: int) -> None:
        self._events = events
        self._copies = copies
        self._api = httpx.AsyncClient(base_url=on.api_url, timeout=30, trust_env=False)
        self._newest: dict[str, Any] = {}
        self.taken: set[str] = set()
        self.latencies: list[float] = []

    async def run(self, rate: float, seconds: float) -> None:
        """Send for so long; returns when all are answered."""
        began = time.perf_counter()
        async with asyncio.TaskGroup() as sending:
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(due - time.perf_counter())
                sending.create_task(self._send(self._event(number), due))
        await self._api.aclose()

    def _event(self, number: int) -> dict[str, Any]:
        """Return a new event, or once more the newest: each is sent ``copies`` times."""
        if number % self._copies == 0:
            like = self._events[number // self._copies % len(self._events)]
            self._newest = {**like, "id": f"evt_{uuid.uuid4().hex}"}
        return self._newest

    async def _send(self, event: dict[str, Any], due: float) -> None:
        body = json.dumps(event, indent=2)
        signature = WebhookSignature.generate_signature_header(body, _SECRET)
        headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
        answer = await self._api.post("/webhooks/stripe", content=body, headers=headers)
        answer.raise_for_status()
        self.latencies.append(time.perf_counter() - due)
        self.taken.add(event["id"])


async def _measure(on: Stage, options: argparse.Namespace) -> WebhookReport:
    events = await _events(on, options.bookings)
    await Load(on, events, options.copies).run(options.rate, min(2.0, options.seconds))  # warms up
    await _drained(on)
    load, meter = Load(on, events, options.copies), Meter(on.pids())
    before = meter.read()
    await load.run(options.rate, options.seconds)
    usage = meter.since(before)
    drained_after = await _drained(on)
    busy = {**usage.cpu, "others": max(usage.others, 0.0)}
    figures = {
        name: round(1000 * percentile(load.latencies, share), 1)
        for name, share in {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}.items()
    }
    return WebhookReport(
        cores=cores(),
        rate=options.rate,
        seconds=round(usage.seconds, 1),
        deliveries=len(load.latencies),
        events=len(load.taken),
        drained_after=round(drained_after, 1),
        cpu={name: round(seconds / usage.seconds, 2) for name, seconds in busy.items()},
        **figures,
    )


async def _events(on: Stage, bookings: int) -> list[dict[str, Any]]:
    """Book some trips; returns what Stripe would tell of them."""
    door = FrontDoor(on.api_url, on.api_key, connections=1)
    sandbox = httpx.AsyncClient(base_url=on.settings.sandbox_url, timeout=60, trust_env=False)
    async with sandbox:
        for number in range(bookings):
            trip = await sandbox.post("/trip/generate", json=trip_criteria(number))
            await door.book(trip.raise_for_status().json())
        await door.close()
        key = {"Authorization": "Bearer sk_test_sandbox"}
        found = await sandbox.get("/stripe/v1/events", params={"limit": "100"}, headers=key)
        return list(found.raise_for_status().json()["data"])


async def _drained(on: Stage) -> float:
    """Wait until no event waits to be handled; returns the seconds it took."""
    began = time.perf_counter()
    url = on.settings.database.url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while time.perf_counter() - began < _DRAIN_SECONDS:
            query = "SELECT count(*) FROM webhook_events WHERE status = 'received'"
            found = await (await connection.execute(query)).fetchone()
            if found == (0,):
                return time.perf_counter() - began
            await asyncio.sleep(0.1)
    raise RuntimeError(f"events still wait to be handled after {_DRAIN_SECONDS:g} s")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; return the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with stage({"STRIPE_WEBHOOK_SECRET": _SECRET}) as on:
        report = asyncio.run(_measure(on, options))
    if options.json:
        print(report.model_dump_json(indent=2))
        return 0
    table = Table("deliveries", "events", "a second", "p50 ms", "p95 ms", "p99 ms", "max ms")
    counts = (report.deliveries, report.events, f"{report.rate:g}")
    times = (report.p50, report.p95, report.p99, report.max)
    table.add_row(*(str(value) for value in (*counts, *times)))
    console = Console()
    console.print(table)
    busy = ", ".join(f"{name} {share:.2f}" for name, share in report.cpu.items())
    console.print(f"drained after {report.drained_after:g} s; cores busy: {busy}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description=__doc__)
    parser.add_argument("--rate", type=float, default=50, help="deliveries a second (default 50)")
    parser.add_argument("--seconds", type=float, default=30, help="for so long (default 30)")
    parser.add_argument("--copies", type=int, default=3, help="of each event (default 3)")
    parser.add_argument("--bookings", type=int, default=10, help="it is about (default 10)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The Temporal SDK can abort the interpreter while it ends (design.md); all is closed by now.
    os._exit(code)
