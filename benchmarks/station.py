"""One version's part in ``benchmarks.versions``: its own stage, and rounds on request.

It is read by another version's interpreter, so it uses nothing but what every version has had
since the one that is compared with. Requests and answers are JSON, a line each.
"""

import asyncio
import itertools
import json
import os
import signal
import statistics
import sys
from collections import Counter
from typing import Any

import httpx

from benchmarks import bookings as ordered
from benchmarks import histories, statements
from benchmarks.rounds import Cell, play
from benchmarks.stage import Stage, stage
from benchmarks.usage import Meter
from benchmarks.ways import Saga
from temporal import connect

# The name it had at first.
trip_criteria: Any = getattr(ordered, "trip_criteria", None) or getattr(ordered, "wishes", None)


class Station:
    """Books the sample trip by the saga, as often as it is asked to."""

    def __init__(self, on: Stage, saga: Saga, client: Any) -> None:
        self._on, self._saga, self._client = on, saga, client
        self._meter = Meter(on.pids())
        self._made = itertools.count()
        self._sandbox = httpx.AsyncClient(
            base_url=on.settings.sandbox_url, timeout=60, trust_env=False
        )
        self._last: list[str] = []

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Play a round, or count what the bookings of the last round have left."""
        bookings, at_once = request["bookings"], request["at_once"]
        if not request["count"]:
            return await self._round(bookings, at_once)
        settings: Any = self._on.settings
        url = getattr(settings, "database_url", None) or settings.database.url
        with statements.logged(url, self._on.database_log) as found:
            await self._round(bookings, at_once)
        kept = [await histories.read(self._client, one) for one in self._last]
        texts: Counter[str] = found.by_text
        return {
            "events": statistics.median(one.events for one in kept),
            "workflow_tasks": statistics.median(one.workflow_tasks for one in kept),
            "activities": statistics.median(one.activities for one in kept),
            "local_activities": statistics.median(one.local_activities for one in kept),
            "history_bytes": statistics.median(one.bytes for one in kept),
            "statements": found.statements / bookings,
            "begin_commit": found.control / bookings,
            "transactions": found.transactions / bookings,
            "writing": found.writing / bookings,
            "texts": {text: count / bookings for text, count in texts.most_common()},
        }

    async def _round(self, bookings: int, at_once: int) -> dict[str, Any]:
        played = await play(
            Cell(0, at_once, Saga.name), self._saga, self._trips, bookings, self._meter
        )
        self._last = [one.booking_id for one in played.booked]
        return {
            "per_second": played.per_second,
            "latencies": played.latencies,
            "cpu": {name: used / bookings for name, used in played.usage.cpu.items()},
            "others": played.disturbance,
            "pace": played.pace,
        }

    async def _trips(self, count: int) -> list[dict[str, Any]]:
        trips = []
        for _ in range(count):
            answer = await self._sandbox.post(
                "/trip/generate", json=trip_criteria(next(self._made))
            )
            answer.raise_for_status()
            trips.append(answer.json())
        return trips


async def _serve(on: Stage) -> None:
    client = await connect(on.settings)
    station = Station(on, Saga(on.settings, client), client)
    _say({"ready": True})
    while line := await asyncio.to_thread(sys.stdin.readline):
        _say(await station.answer(json.loads(line)))


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def main() -> None:
    """Serve requests until there are no more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    changes = dict(change.split("=", 1) for change in sys.argv[1:])
    with stage(changes) as on:
        asyncio.run(_serve(on))
    os._exit(0)  # the Temporal SDK can abort the interpreter while it ends (design.md)


if __name__ == "__main__":
    main()
