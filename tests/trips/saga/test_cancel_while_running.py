"""Cancelling while the trip is being booked: at every step, and during the undo."""

import asyncio

import pytest

from models.bookings.lifecycle import BookingState, CancelledBy
from models.bookings.messages import CANCEL_UPDATE, CancelOutcome, CancelRequest
from models.bookings.problems import Code
from tests.support.checker import check
from tests.support.stack import Stack
from tests.trips.saga.cells import STEPS

WISH = CancelRequest(by=CancelledBy.GUEST, who="ada", reason="changed my mind")


async def until_called(stack: Stack, booking_id: str, supplier: str, operation: str) -> None:
    """Wait until the workflow has reached a call that the sandbox answers slowly."""
    async with asyncio.timeout(30):
        while not await stack.sandbox.fired():
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("step", [step for step in STEPS if step != "capture"])
async def test_cancel_during_each_step(stack: Stack, step: str) -> None:
    """The step under way is finished, then everything is put back."""
    request = await stack.request()
    supplier, operation = STEPS[step]
    await stack.sandbox.arm(supplier, operation, "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack, request.booking_id, supplier, operation)
    outcome = await handle.execute_update(CANCEL_UPDATE, WISH, result_type=CancelOutcome)

    assert not outcome.too_late
    assert outcome.booking.state is BookingState.CANCELLED
    assert outcome.booking.cancelled_by is CancelledBy.GUEST
    assert outcome.booking.problem is not None
    assert outcome.booking.problem.code is Code.CANCELLED_BY_TRAVELER
    assert (await handle.result()).state is BookingState.CANCELLED
    facts = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    assert facts.booking["cancel_reason"] == "changed my mind"


async def test_cancel_during_the_capture_is_too_late(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "capture", "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack, request.booking_id, "stripe", "capture")
    outcome = await handle.execute_update(CANCEL_UPDATE, WISH, result_type=CancelOutcome)
    assert outcome.too_late
    assert outcome.booking.state is BookingState.CONFIRMED
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_cancel_during_the_undo_changes_nothing(stack: Stack) -> None:
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("booking_com", "book", "refuse", **about)
    handle = await stack.start(request)
    await stack.sandbox.arm("amadeus", "cancel", "slow", seconds=0.7, **about)
    await asyncio.sleep(0.3)
    outcome = await handle.execute_update(CANCEL_UPDATE, WISH, result_type=CancelOutcome)
    assert outcome.booking.state in {BookingState.FAILED, BookingState.CANCELLED}
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_two_who_cancel_get_one_answer(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm(
        "booking_com", "book", "slow", seconds=0.7, reference=request.booking_id
    )
    handle = await stack.start(request)
    await until_called(stack, request.booking_id, "booking_com", "book")
    outcomes = await asyncio.gather(
        *(handle.execute_update(CANCEL_UPDATE, WISH, result_type=CancelOutcome) for _ in range(3))
    )
    assert len({outcome.model_dump_json() for outcome in outcomes}) == 1
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_temporal_cancel_during_the_capture_is_too_late(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("stripe", "capture", "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack, request.booking_id, "stripe", "capture")
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


@pytest.mark.parametrize("step", [step for step in STEPS if step != "capture"])
async def test_temporal_cancel_during_each_step(stack: Stack, step: str) -> None:
    """An operator's Request Cancellation: the call under way is never abandoned."""
    request = await stack.request()
    supplier, operation = STEPS[step]
    await stack.sandbox.arm(supplier, operation, "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    await until_called(stack, request.booking_id, supplier, operation)
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
