"""Cancelling while the trip is being booked: at every step, and during the undo."""

import asyncio

import pytest

from models.bookings.lifecycle import BookingState, CancelledBy
from models.bookings.messages import BookingRequest, CancelRequest, RequestKind
from models.bookings.problems import Code
from tests.support.checker import check
from tests.support.selection import table
from tests.support.stack import Stack
from tests.trips.saga.cells import STEPS

CANCEL = CancelRequest(by=CancelledBy.GUEST, reason="changed my mind")
BEFORE = [step for step in STEPS if step != "capture"]
"""The steps before the point of no return."""


async def until_called(stack: Stack) -> None:
    """Wait until the workflow has reached a call that the sandbox answers slowly."""
    async with asyncio.timeout(30):
        while not await stack.sandbox.fired():
            await asyncio.sleep(0.05)


async def send_cancel(stack: Stack, booking_id: str) -> BookingRequest:
    return await stack.send(RequestKind.CANCEL, booking_id, CANCEL, who="ada")


@pytest.mark.parametrize("step", table(BEFORE, quick=["hotel"]))
async def test_cancel_during_each_step(stack: Stack, step: str) -> None:
    """The step under way is finished, then everything is put back."""
    request = await stack.request()
    supplier, operation = STEPS[step]
    await stack.sandbox.arm(supplier, operation, "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack)
    cancel = await send_cancel(stack, request.booking_id)

    assert await stack.ended(cancel) is None
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CANCELLED
    assert booking.cancelled_by is CancelledBy.GUEST
    assert booking.problem is not None
    assert booking.problem.code is Code.CANCELLED_BY_TRAVELER
    facts = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    assert facts.booking["cancel_reason"] == "changed my mind"
    assert [row["to_state"] for row in facts.history].count("CANCELLED") == 1
    assert "CONFIRMED" not in [row["to_state"] for row in facts.history]


async def test_cancel_during_the_capture_is_carried_out_after_it(stack: Stack) -> None:
    """The capture cannot be stopped: the trip is confirmed, then cancelled by its terms."""
    request = await stack.request()
    await stack.sandbox.arm("stripe", "capture", "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack)
    cancel = await send_cancel(stack, request.booking_id)
    assert await stack.ended(cancel) is None
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CANCELLED
    assert booking.cancelled_by is CancelledBy.GUEST
    facts = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    assert [row["to_state"] for row in facts.history][-2:] == ["CONFIRMED", "CANCELLED"]
    assert facts.payment["captured"] > 0


async def test_cancel_during_the_undo_changes_nothing(stack: Stack) -> None:
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("booking_com", "book", "refuse", **about)
    await stack.sandbox.arm("amadeus", "cancel", "slow", seconds=0.7, **about)
    handle = await stack.start(request)
    async with asyncio.timeout(30):
        while await stack.sandbox.fired() < 2:
            await asyncio.sleep(0.05)
    cancel = await send_cancel(stack, request.booking_id)
    problem = await stack.ended(cancel)
    assert problem is not None
    assert problem.code is Code.NOT_CANCELLABLE
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.FAILED
    facts = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    assert [row["to_state"] for row in facts.history].count("FAILED") == 1


async def test_of_several_cancels_one_cancels(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm(
        "booking_com", "book", "slow", seconds=0.7, reference=request.booking_id
    )
    handle = await stack.start(request)
    await until_called(stack)
    cancels = [await send_cancel(stack, request.booking_id) for _ in range(3)]
    assert [await stack.ended(cancel) for cancel in cancels] == [None, None, None]
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CANCELLED
    facts = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    assert [row["to_state"] for row in facts.history].count("CANCELLED") == 1


async def test_temporal_cancel_during_the_capture_is_too_late(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "capture", "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack)
    await handle.cancel()
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_temporal_cancel_while_the_traveller_authenticates(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    handle = await stack.start(request)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    await handle.cancel()
    booking = await asyncio.wait_for(handle.result(), 3)  # sooner than the deadline of 4 s
    assert booking.state is BookingState.CANCELLED
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


@pytest.mark.parametrize("step", table(BEFORE, quick=["flight"]))
async def test_temporal_cancel_during_each_step(stack: Stack, step: str) -> None:
    """An operator's Request Cancellation: the call under way is never abandoned."""
    request = await stack.request()
    supplier, operation = STEPS[step]
    await stack.sandbox.arm(supplier, operation, "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack)
    await handle.cancel()
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CANCELLED
    assert booking.cancelled_by is CancelledBy.OPERATOR
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_temporal_cancel_during_the_undo_does_not_cut_it_short(stack: Stack) -> None:
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("booking_com", "book", "refuse", **about)
    slow = await stack.sandbox.arm("amadeus", "cancel", "slow", seconds=1.0, **about)
    assert slow
    handle = await stack.start(request)
    async with asyncio.timeout(30):
        while await stack.sandbox.fired() < 2:
            await asyncio.sleep(0.05)
    await handle.cancel()
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.FAILED
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)
