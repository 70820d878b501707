"""``python -m benchmarks.pressure``: what callers notice while others ask for much.

One caller reads bookings, one books, and readiness is asked, each again and again: alone, beside
hundreds of readers that ask again as soon as they are answered, and beside requests with wrong keys
at a fixed rate. What presses runs in a process of its own.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import secrets
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.bookings import trip_criteria
from benchmarks.reads import Client, booked, get
from benchmarks.stage import Stage, stage
from benchmarks.usage import Meter
from benchmarks.ways import book_body

_SECONDS = 10.0
_WRONG_CONNECTIONS = 50


def _right(url: str, key: str, ids: Sequence[str]) -> Iterator[bytes]:
    while True:
        for one in ids:
            yield get(url, key, f"/booking/{one}")


def _wrong(url: str, ids: Sequence[str]) -> Iterator[bytes]:
    while True:
        for one in ids:
            yield get(url, f"ts_{secrets.token_urlsafe(32)}", f"/booking/{one}")


async def _press(
    url: str,
    requests: Iterator[bytes],
    clients: int,
    rate: float | None,
    answered: "Synchronized[int]",
) -> None:
    """Ask for ever, over so many connections; ``rate`` requests a second, or all one can."""

    async def play(client: Client, first: float) -> None:
        await client.open()
        due = time.perf_counter() + first
        while True:
            if rate is not None:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                due += clients / rate
            await client.get()
            answered.value += 1

    await asyncio.gather(
        *(play(Client(url, requests), number / rate if rate else 0.0) for number in range(clients))
    )


def _run(
    url: str,
    key: str | None,
    ids: Sequence[str],
    clients: int,
    rate: float | None,
    answered: "Synchronized[int]",
) -> None:
    requests = _right(url, key, ids) if key else _wrong(url, ids)
    asyncio.run(_press(url, requests, clients, rate, answered))


class Probe:
    """One caller who asks again and again, with a pause, and notes what came of it."""

    def __init__(self, ask: Callable[[], Awaitable[int]], pause: float) -> None:
        self._ask, self._pause = ask, pause
        self.took: list[float] = []
        self.statuses = Counter[int]()

    async def play(self) -> None:
        """Ask until the time is over."""
        until = time.perf_counter() + _SECONDS
        while time.perf_counter() < until:
            began = time.perf_counter()
            self.statuses[await self._ask()] += 1
            self.took.append(time.perf_counter() - began)
            await asyncio.sleep(self._pause)

    @property
    def figures(self) -> str:
        """Median, 95th percentile and longest in milliseconds; how many of each status."""
        cuts = statistics.quantiles(self.took, n=20)
        times = " / ".join(f"{s * 1000:.0f}" for s in (cuts[9], cuts[18], max(self.took)))
        return f"{times} ({', '.join(f'{n} x {s}' for s, n in sorted(self.statuses.items()))})"


async def _probe(on: Stage, ids: Sequence[str], trips: Sequence[Any]) -> list[Probe]:
    reader = Client(on.api_url, _right(on.api_url, on.api_key, ids))
    await reader.open()
    offers = iter(trips)
    async with httpx.AsyncClient(
        base_url=on.api_url, timeout=60, trust_env=False, headers={"X-API-Key": on.api_key}
    ) as http:

        async def ready() -> int:
            return (await http.get("/readyz")).status_code

        async def book() -> int:
            body = book_body(next(offers))
            return (await http.post("/booking/book?wait=0", json=body)).status_code

        probes = [
            Probe(reader.get, 0.05),
            Probe(ready, 0.2),
            Probe(book, 0.5),
        ]
        await asyncio.gather(*(probe.play() for probe in probes))
    reader.close()
    return probes


async def measure(on: Stage, readers: int, rate: float) -> Table:
    """Probe alone, beside ``readers`` and beside wrong keys at ``rate`` a second."""
    ids = await booked(on)
    meter = Meter(on.pids())
    table = Table("beside", "answers/s", "read ms", "readyz ms", "book ms", "API CPU s")
    run = partial(_run, on.api_url)
    beside = {
        "nothing": None,
        f"{readers} readers": partial(run, on.api_key, ids, readers, None),
        f"{rate:.0f} wrong keys/s": partial(run, None, ids, _WRONG_CONNECTIONS, rate),
    }
    for name, press in beside.items():
        trips = await _trips(on, round(_SECONDS / 0.5) + 1)
        with contextlib.ExitStack() as running:
            answered = running.enter_context(_pressing(press)) if press else None
            if answered:
                await asyncio.to_thread(_wait, answered, readers)
            before, first = meter.read(), answered.value if answered else 0
            probes = await _probe(on, ids, trips)
            usage = meter.since(before)
            asked = (answered.value if answered else 0) - first
        table.add_row(
            name,
            f"{asked / usage.seconds:.0f}",
            *(probe.figures for probe in probes),
            f"{usage.cpu['api']:.1f}",
        )
        await asyncio.sleep(5)  # the bookings end
    return table


def _wait(answered: "Synchronized[int]", until: int) -> None:
    while answered.value < until:
        time.sleep(0.1)


@contextlib.contextmanager
def _pressing(press: Callable[..., None]) -> Iterator["Synchronized[int]"]:
    """Press from a process of its own; how many answers it has had."""
    context = multiprocessing.get_context("spawn")
    answered = context.Value("i", 0)
    process = context.Process(target=press, args=(answered,))
    process.start()
    try:
        yield answered
    finally:
        process.kill()
        process.join()


async def _trips(on: Stage, number: int) -> list[Any]:
    async with httpx.AsyncClient(
        base_url=on.settings.sandbox_url, timeout=60, trust_env=False
    ) as sandbox:
        return [
            (await sandbox.post("/trip/generate", json=trip_criteria(n))).raise_for_status().json()
            for n in range(number)
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pressure", description=__doc__)
    parser.add_argument("--readers", type=int, default=500, help="at once")
    parser.add_argument("--wrong", type=float, default=850, help="wrong keys a second")
    given = parser.parse_args(arguments)
    with stage({}) as on:
        table = asyncio.run(measure(on, given.readers, given.wrong))
        table.title = "median / 95th percentile / longest (answers)"
        Console(width=140).print(json.dumps(vars(given)), table)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The SDK may abort at the interpreter's exit after a clean end (design.md).
    os._exit(code)
