"""``python -m benchmarks.settling``: how soon an answer that never came is settled, by supplier.

On a stage of its own, each supplier books and then says nothing (``commit_then_hang``). Counted is
the time from giving the call up to knowing what became of it, as the attempt log has it, and to
the end of the booking. The suppliers answer at once otherwise, so what is left is our own: pauses,
look-ups, and where nobody can look, a person. docs/suppliers.md quotes it.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from benchmarks.bookings import trip_criteria
from benchmarks.stage import Stage, stage
from benchmarks.ways import Saga
from models.bookings.booking import Booking
from models.suppliers.listings import LISTINGS, Listing
from temporal import connect

TIMEOUT = 2.0
"""Seconds until a call is given up here; real suppliers are given up to 120."""

SETTLED = """
SELECT extract(epoch FROM settled.finished_at - lost.started_at) AS seconds
  FROM attempts lost
  JOIN attempts settled ON settled.key = lost.key AND settled.outcome IN ('done', 'refused')
 WHERE lost.booking_id = %s AND lost.provider = %s AND lost.operation = %s AND lost.number = 1
 ORDER BY settled.number DESC LIMIT 1
"""
"""The attempt that was lost is the first; what is found is written into the last that was lost."""


@dataclass
class Settled:
    """What became of lost answers at one supplier and operation."""

    seconds: list[float] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    """Seconds the whole booking took."""


async def lost(on: Stage, listing: Listing, operation: str, count: int) -> Settled:
    """Lose ``count`` answers of a supplier and see how each is settled."""
    client = await connect(on.settings)
    found = Settled()
    async with httpx.AsyncClient(
        base_url=on.settings.sandbox_url, timeout=60, trust_env=False
    ) as sandbox:
        for number in range(count):
            criteria = {**trip_criteria(number), "suppliers": {listing.type.lower(): listing.name}}
            trip = (await sandbox.post("/trip/generate", json=criteria)).raise_for_status().json()
            fault = {
                "supplier": listing.name,
                "operation": operation,
                "kind": "commit_then_hang",
                "seconds": 30,
            }
            (await sandbox.post("/_sandbox/faults", json=fault)).raise_for_status()
            handle = await Saga(on.settings, client).begin(trip)
            booking = await handle.result()
            found.ends.append(booking.state)
            found.whole.append((booking.updated_at - booking.created_at).total_seconds())
            found.seconds += _settled(on, booking, listing.name, operation)
    return found


def _settled(on: Stage, booking: Booking, supplier: str, operation: str) -> list[float]:
    with psycopg.connect(on.settings.database.url, row_factory=dict_row) as connection:
        rows = connection.execute(SETTLED, [booking.id, supplier, operation]).fetchall()
    return [max(float(row["seconds"]) - TIMEOUT, 0.0) for row in rows]


async def measure(on: Stage, count: int, console: Console) -> None:
    """Measure every supplier and print a table."""
    table = Table(
        "supplier", "operation", "answers lost", "settled after, median s", "worst", "end"
    )
    for listing in LISTINGS:
        for operation in ("book", "complete"):
            if operation == "complete" and listing.name not in ("duffel", "getyourguide"):
                continue
            one = await lost(on, listing, operation, count)
            known = bool(one.seconds)
            table.add_row(
                listing.title,
                operation,
                str(count),
                f"{statistics.median(one.seconds):.2f}" if known else "by a person",
                f"{max(one.seconds):.2f}" if known else "–",
                ", ".join(sorted(set(one.ends))),
            )
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.settling", description=__doc__)
    parser.add_argument("--bookings", type=int, default=5, help="for each supplier and operation")
    given = parser.parse_args(arguments)
    with stage({"PROVIDER_TIMEOUT_SECONDS": str(TIMEOUT)}) as on:
        asyncio.run(measure(on, given.bookings, Console(width=120)))
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The SDK may abort at the interpreter's exit after a clean end (design.md).
    os._exit(code)
