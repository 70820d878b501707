"""Bookings that suppliers carry out late, when nobody wants them any more: found and undone."""

import asyncio
import time
from typing import Any

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.suppliers.listings import title_of
from tests.suppliers.following.world import World
from tests.support.selection import table
from tests.support.trips import sold_by

LATE = 14
"""Seconds until the supplier books: after the saga has tried (5 s), given up and looked in vain."""


async def _given_up(world: World, supplier: str, **criteria: Any) -> tuple[Booking, int]:
    """Book a trip of which ``supplier`` books its item only when the saga has given it up."""
    trip = await world.stack.sandbox.trip(**criteria)
    asked = await world.stack.request(trip=trip)
    await world.stack.sandbox.arm(
        supplier, "book", "late_commit", rate=1, seconds=LATE, reference=asked.booking_id
    )
    began = time.monotonic()
    handle = await world.stack.start(asked)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert await world.stack.sandbox.fired() > 0
    number = next(item.number for item in booking.items if item.supplier == supplier)
    assert supplier not in await _standing(world, booking), time.monotonic() - began
    end = began + 30
    while supplier not in await _standing(world, booking):
        assert time.monotonic() < end, "the supplier never booked it"
        await asyncio.sleep(0.1)
    return booking, number


async def _standing(world: World, booking: Booking) -> set[str]:
    found = await world.stack.sandbox.reservations(booking.id)
    return {row["supplier"] for row in found if row["live"]}


async def _gone(world: World, booking: Booking, supplier: str) -> None:
    end = time.monotonic() + 20
    while supplier in await _standing(world, booking):
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    await world.at_rest(booking)


@pytest.mark.parametrize("supplier", table(["booking_com", "duffel"], quick=["duffel"]))
async def test_what_a_failed_booking_left_is_found_and_undone(world: World, supplier: str) -> None:
    booking, number = await _given_up(world, supplier, **sold_by(supplier))
    assert booking.state is BookingState.FAILED
    believed = world.rows(
        "SELECT outcome FROM attempts WHERE booking_id = %s AND provider = %s"
        " AND operation = 'book' ORDER BY number LIMIT 1",
        booking.id,
        supplier,
    )
    # What may not be repeated was given up as not done; what may, is in doubt for ever.
    assert (
        believed[0]["outcome"]
        in {"booking_com": ("repeated",), "duffel": ("not_done", "done")}[supplier]
    )

    summary = await world.round()

    assert summary.looks is not None
    # Duffel's own webhook may have been quicker, where one is registered.
    assert supplier == "duffel" or summary.looks.news == 1
    await _gone(world, booking, supplier)
    facts = await world.judged(booking)
    assert facts.booking["state"] == "FAILED"
    assert facts.booking["version"] == booking.version + 1
    assert f"stood at {title_of(supplier)}, and was cancelled" in facts.history[-1]["why"]
    assert world.item(booking, number)["saga_state"] == "UNDONE"
    # It is looked at further, and found gone.
    world.make_due(booking, number)
    assert (await world.round()).looks is not None
    assert world.look(booking, number)[0]["outcome"] == "unchanged"
    assert world.row(booking)["version"] == booking.version + 1


async def test_an_experience_that_a_trip_goes_without_is_undone_too(world: World) -> None:
    booking, number = await _given_up(world, "viator", activities=1)
    assert booking.state is BookingState.CONFIRMED
    assert world.item(booking, number)["status"] == "FAILED"
    await world.round()
    await _gone(world, booking, "viator")
    facts = await world.judged(booking)
    assert facts.booking["state"] == "CONFIRMED"
    assert facts.payment["refunded"] == 0


async def test_what_comes_between_two_rounds_is_found_by_the_second(world: World) -> None:
    asked = await world.stack.request()
    await world.stack.sandbox.arm(
        "booking_com",
        "book",
        "late_commit",
        rate=1,
        seconds=LATE,
        reference=asked.booking_id,
    )
    booking = await asyncio.wait_for((await world.stack.start(asked)).result(), 60)
    assert booking.state is BookingState.FAILED
    first = await world.round()
    assert first.looks is not None
    number = next(item.number for item in booking.items if item.supplier == "booking_com")
    assert world.look(booking, number)[0]["outcome"] == "unchanged"
    while "booking_com" not in await _standing(world, booking):
        await asyncio.sleep(0.1)
    world.make_due(booking, number)
    await world.round()
    await _gone(world, booking, "booking_com")
    await world.judged(booking)


async def test_what_cannot_be_undone_is_a_case(world: World) -> None:
    booking, number = await _given_up(world, "booking_com")
    await world.stack.sandbox.arm("booking_com", "cancel", "refuse", rate=1, reference=booking.id)
    await world.round()
    await world.until_case(booking)
    assert world.cases(booking) == ["SAGA"]
    assert world.item(booking, number)["saga_state"] == "UNDO_FAILED"
    assert (await world.judged(booking)).booking["state"] == "FAILED"
    await world.stack.sandbox.clear()
    await world.stack.resolve(booking.id)
    await _gone(world, booking, "booking_com")
    facts = await world.judged(booking)
    assert facts.booking["state"] == "FAILED"
    assert facts.cases == []


async def test_after_a_day_nobody_looks_any_more(world: World) -> None:
    asked = await world.stack.request()
    await world.stack.sandbox.arm(
        "booking_com", "book", "hang", rate=1, seconds=3, reference=asked.booking_id
    )
    booking = await asyncio.wait_for((await world.stack.start(asked)).result(), 60)
    number = next(item.number for item in booking.items if item.supplier == "booking_com")
    await world.round()
    assert world.look(booking, number)[0]["reason"] == "late"
    world.rows(
        "UPDATE attempts SET started_at = started_at - interval '25 hours' WHERE booking_id = %s",
        booking.id,
    )
    world.rows(
        "UPDATE supplier_looks SET since = since - interval '25 hours', due_at = now()"
        " WHERE booking_id = %s",
        booking.id,
    )
    await world.round()
    assert world.look(booking, number) == []
    await world.round()
    assert world.look(booking, number) == []


async def test_a_booking_that_nobody_works_on_becomes_a_case(world: World) -> None:
    asked = await world.stack.request(payment_method="pm_card_visa_chargeDeclined")
    asked.patience.authentication_deadline = 60
    handle = await world.stack.start(asked)
    booking = await world.stack.until(handle, BookingState.PAYMENT_PENDING)
    quiet = (
        "UPDATE bookings SET version = version + 1, updated_at = now() - interval '20 minutes'"
        " WHERE id = %s"
    )
    world.rows(quiet, booking.id)
    await world.round()
    assert world.cases(booking) == []  # its workflow waits
    await handle.terminate("a test")
    summary = await world.round()
    assert summary.quiet is not None
    assert summary.quiet.cases == 1
    assert world.cases(booking) == ["SUPPLIER"]
