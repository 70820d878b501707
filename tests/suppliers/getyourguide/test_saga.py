"""Trips whose experiences are GetYourGuide's: held, confirmed before capture, awaited, undone."""

import asyncio
import datetime as dt
from typing import Any

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus
from models.bookings.problems import Code
from sandbox.getyourguide.catalogue import FEE, MANUAL, SLOW, tour_of
from sandbox.getyourguide.ledger import Start
from sandbox.getyourguide.offers import offer_of
from tests.support.checker import Facts, check
from tests.support.selection import table
from tests.support.stack import Stack

GYG: dict[str, Any] = {"suppliers": {"activity": "getyourguide"}}


async def tours_of(stack: Stack, booking: Booking) -> tuple[Facts, dict[str, list[str]]]:
    """The facts, and what happened at GetYourGuide by reference; nothing is left held."""
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    happened: dict[str, list[str]] = {}
    for row in facts.log:
        if row["supplier"] == "getyourguide" and row["effect"] != "none":
            happened.setdefault(row["reference"], []).append(row["effect"])
    return facts, happened


def held(facts: Facts) -> list[str]:
    return [r["id"] for r in facts.reservations if r["status"] == "temp"]


async def trip(stack: Stack, kind: int) -> dict[str, Any]:
    """A trip whose first experience is one of this kind."""
    found = await stack.sandbox.trip(**GYG)
    component = next(c for c in found["components"] if c["supplier"] == "getyourguide")
    offer = component["offer"]
    tour = tour_of(offer["tour_id"] // 1_000 * 1_000 + kind * 100 + offer["tour_id"] % 100)
    assert tour is not None
    start = Start(
        tour,
        dt.datetime.fromisoformat(offer["datetime"]),
        offer["participants"]["adult"],
        offer["currency"],
    )
    other = offer_of(start)
    found["totalPrice"] += other["price"] - component["price"]
    component |= {key: other[key] for key in ("title", "price", "offer")}
    return found


async def test_a_trip_is_booked(stack: Stack) -> None:
    booking = await stack.book(**GYG)
    assert booking.state is BookingState.CONFIRMED
    facts, happened = await tours_of(stack, booking)
    lines = [line for line in facts.items if line["supplier"] == "getyourguide"]
    assert len(lines) == 2
    assert all(line["status"] == "CONFIRMED" for line in lines)
    assert happened == {line["reference"]: ["created"] for line in lines}
    assert held(facts) == []
    effects = [(row["supplier"], row["effect"]) for row in facts.log]
    last = len(effects) - 1 - effects[::-1].index(("getyourguide", "created"))
    assert effects.index(("stripe", "captured")) > last


async def test_a_trip_is_undone(stack: Stack) -> None:
    asked = await stack.request(trip=await trip(stack, FEE))
    await stack.sandbox.arm("stripe", "capture", "refuse", reference=asked.booking_id, times=5)
    booking = await asyncio.wait_for((await stack.start(asked)).result(), 90)
    assert booking.state is BookingState.FAILED
    facts, happened = await tours_of(stack, booking)
    assert set(map(tuple, happened.values())) == {("created", "cancelled")}
    assert held(facts) == []


@pytest.mark.parametrize("kind", [SLOW, MANUAL])
async def test_what_its_supplier_confirms_later(stack: Stack, kind: int) -> None:
    handle = await stack.start(await stack.request(trip=await trip(stack, kind)))
    booking = await asyncio.wait_for(handle.result(), 90)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    facts, happened = await tours_of(stack, booking)
    assert set(map(tuple, happened.values())) == {("created",)}
    assert held(facts) == []
    first = next(item for item in booking.items if item.supplier == "getyourguide")
    # Free-sale is a matter of minutes and waited for; the rest stands while it is awaited.
    assert first.status is (ItemStatus.CONFIRMED if kind == SLOW else ItemStatus.PENDING)


@pytest.mark.parametrize(
    ("operation", "kind"),
    table(
        ["book", "complete"],
        ["hang", "commit_then_hang", "commit_then_error", "late_commit", "malformed"],
        quick=[("book", "late_commit")],
    ),
)
async def test_what_was_not_answered_is_booked_once(
    stack: Stack, operation: str, kind: str
) -> None:
    asked = await stack.request(**GYG)
    await stack.sandbox.arm("getyourguide", operation, kind, seconds=2, reference=asked.booking_id)
    booking = await asyncio.wait_for((await stack.start(asked)).result(), 90)
    assert booking.state is BookingState.CONFIRMED
    _, happened = await tours_of(stack, booking)
    assert sorted(happened.values()) == [["created"]] * 2


async def test_a_hold_that_is_too_short_fails_the_trip_cleanly(stack: Stack) -> None:
    asked = await stack.request(**GYG)
    await stack.sandbox.arm(
        "getyourguide", "book", "short_hold", seconds=0, reference=asked.booking_id, times=9
    )
    booking = await asyncio.wait_for((await stack.start(asked)).result(), 90)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.HOLD_EXPIRED
    facts, happened = await tours_of(stack, booking)
    assert (happened, held(facts)) == ({}, [])
    assert not [r for r in facts.reservations if r["live"]]
