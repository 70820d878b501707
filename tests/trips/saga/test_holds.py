"""Holds lapse (``capture_before``): made anew in time, or the booking fails cleanly."""

import asyncio

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code
from tests.support.checker import Facts, check
from tests.support.stack import Stack


async def judged(stack: Stack, booking: Booking) -> Facts:
    return await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_hold_about_to_lapse_is_made_anew_before_it_is_needed(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm(
        "stripe", "confirm", "short_hold", seconds=40, reference=request.booking_id
    )
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    assert await stack.sandbox.fired() == 1
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert booking.payment.hold == 2
    facts = await judged(stack, booking)
    released, captured = facts.payments if facts.payments[1]["captured"] else facts.payments[::-1]
    assert (released["status"], captured["status"]) == ("canceled", "succeeded")


async def test_a_booking_whose_hold_cannot_be_made_anew_fails_cleanly(stack: Stack) -> None:
    """The second hold is refused: nothing may be left of what the first one was for."""
    request = await stack.request()
    request.patience.authentication_deadline = 1
    await stack.sandbox.arm(
        "stripe", "confirm", "short_hold", seconds=40, reference=request.booking_id
    )
    await stack.sandbox.arm("stripe", "confirm", "refuse", nth=2, reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.PAYMENT_DECLINED
    facts = await judged(stack, booking)
    assert not any(row["live"] for row in facts.reservations)


async def test_a_hold_that_lapsed_before_the_capture_is_made_anew(stack: Stack) -> None:
    """Everything is booked and the hold is gone: it is asked for once more, and then taken."""
    request = await stack.request()
    await stack.sandbox.arm("stripe", "capture", "refuse", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert booking.payment.hold == 2
    await judged(stack, booking)


@pytest.mark.exhaustive  # so in every test of test_undo
async def test_a_hold_that_lapses_twice_ends_the_trip(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "capture", "refuse", reference=request.booking_id, times=2)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)
    assert booking.state is BookingState.FAILED
    facts = await judged(stack, booking)
    assert not any(row["live"] for row in facts.reservations)
