"""``python -m benchmarks.orders``: both booking orders, by money at risk and by time.

On a stage of its own, whose suppliers take a second for each answer, the same trips are booked in
the contract's order and in ``undoable_first``, in turns. What would be lost if a step failed comes
from the quotes; how long it took, from the clock. docs/booking-order.md says what it means.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from benchmarks.bookings import trip_criteria
from benchmarks.stage import Stage, stage
from benchmarks.ways import Saga
from models.bookings.booking import Booking, Item
from models.core.patience import BookingOrder
from temporal import connect
from workflows.trips.book_trip import BookTrip
from workflows.trips.plan import plan

TRIP = {
    "suppliers": {"flight": "duffel", "hotel": "ratehawk", "activity": "viator"},
    "activities": 5,
}
"""Some flights cannot be held, some rooms not be given back; one tour of five neither."""


@dataclass
class Played:
    """What bookings in one order came to."""

    seconds: list[float] = field(default_factory=list)
    risks: list[list[int]] = field(default_factory=list)
    """For each booking, what is lost when stage 1, 2, … fails (minor units)."""
    stages: list[list[str]] = field(default_factory=list)


def risk(booking: Booking, order: BookingOrder) -> tuple[list[str], list[int]]:
    """Return the stages in words, and what is lost when each of them fails (minor units).

    Lost is what cannot be undone for free of the stages before, and of a stage's other items: the
    dearest of them may stand while one of the others is refused.
    """
    now = booking.confirmed_at or booking.created_at
    before = 0
    words: list[str] = []
    losses: list[int] = []
    for stage_ in plan(booking.items, order, now=now):
        fees = [_lost(item, booking) for item in stage_]
        beside = sum(fees) - min(fees) if len(fees) > 1 else 0
        words.append(" + ".join(item.type.lower() for item in stage_))
        losses.append(before + beside)
        before += sum(fees)
    return words, losses


def _lost(item: Item, booking: Booking) -> int:
    if item.quote is None or item.quote.holdable:
        return 0
    now = booking.confirmed_at or booking.created_at
    return item.quote.payable.terms.fee_at(now, item.price)


async def measure(on: Stage, count: int, latency: float) -> dict[BookingOrder, Played]:
    """Book ``count`` trips in each order, in turns."""
    client: Client = await connect(on.settings)
    played = {order: Played() for order in BookingOrder}
    async with httpx.AsyncClient(
        base_url=on.settings.sandbox_url, timeout=60, trust_env=False
    ) as sandbox:
        (await sandbox.post("/_sandbox/latency", json={"seconds": latency})).raise_for_status()
        for number in range(count):
            for order in BookingOrder:
                criteria = {**trip_criteria(number), **TRIP}
                trip = (
                    (await sandbox.post("/trip/generate", json=criteria)).raise_for_status().json()
                )
                saga = Saga(on.settings.model_copy(update={"booking_order": order.value}), client)
                begun = time.monotonic()
                booked = await saga.book(trip)
                played[order].seconds.append(time.monotonic() - begun)
                handle = client.get_workflow_handle_for(BookTrip.run, booked.booking_id)
                booking = await handle.result()
                words, losses = risk(booking, order)
                played[order].risks.append(losses)
                played[order].stages.append(words)
    return played


def show(played: dict[BookingOrder, Played], console: Console) -> None:
    """Print both orders side by side."""
    table = Table("order", "stages", "lost if the stage fails (median)", "worst", "p50 s")
    for order, one in played.items():
        most = max(map(len, one.risks))
        padded = [row + [row[-1]] * (most - len(row)) for row in one.risks]
        medians = [statistics.median(column) for column in zip(*padded, strict=True)]
        table.add_row(
            order,
            " → ".join(one.stages[0]),
            " → ".join(f"{value / 100:.2f}" for value in medians),
            f"{max(map(max, one.risks)) / 100:.2f}",
            f"{statistics.median(one.seconds):.2f}",
        )
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orders", description=__doc__)
    parser.add_argument("--bookings", type=int, default=10, help="in each order")
    parser.add_argument("--latency", type=float, default=1.0, help="seconds for each answer")
    given = parser.parse_args(arguments)
    console = Console()
    with stage({"PROVIDER_TIMEOUT_SECONDS": str(10 + given.latency)}) as on:
        show(asyncio.run(measure(on, given.bookings, given.latency)), console)
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The SDK may abort at the interpreter's exit after a clean end (design.md).
    os._exit(code)
