"""The fault table: every step × every kind of fault, judged from outside."""

import asyncio

import pytest
from temporalio.client import WorkflowHandle

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RESOLVE_UPDATE, Resolution
from sandbox.sellers import SELLERS
from tests.support.checker import check
from tests.support.stack import Stack
from tests.trips.saga.cells import ALL_STEPS, FAULTS, NEEDS_ATTENTION, End, end_of_fault, wishes_for
from workflows.trips.book_trip import BookTrip


async def settled(stack: Stack, handle: WorkflowHandle[BookTrip, Booking]) -> Booking:
    """Wait until the booking has ended, or waits for an operator."""
    async with asyncio.timeout(100):
        ended = asyncio.ensure_future(handle.result())
        while not ended.done():
            booking = await stack.now(handle)
            if booking.state is NEEDS_ATTENTION:
                ended.cancel()
                return booking
            await asyncio.wait([ended], timeout=0.2)
        return ended.result()


async def judge(
    stack: Stack, handle: WorkflowHandle[BookTrip, Booking], booking: Booking, end: End
) -> None:
    """Hold a booking against its required end and the facts outside; settle it if it waits."""
    if end.or_confirmed and booking.state is BookingState.CONFIRMED:
        end = End(BookingState.CONFIRMED)
    assert booking.state is end.state, (booking.state, booking.problem)
    if end.code is not None:
        assert booking.problem is not None
        assert booking.problem.code is end.code
    assert bool(booking.warnings) is end.warned
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    if booking.state is NEEDS_ATTENTION:
        await settle_by_hand(stack, handle, booking)


async def settle_by_hand(
    stack: Stack, handle: WorkflowHandle[BookTrip, Booking], booking: Booking
) -> None:
    """Do what an operator does: look in the back office, then cancel it or declare it absent."""
    assert booking.case is not None
    (number,) = booking.case.items
    item = booking.item(number)
    assert item.reference in booking.case.summary
    found = [r for r in await stack.sandbox.reservations(item.reference) if r["live"]]
    resolution = Resolution(decision="resolved", who="op", note="not in the back office")
    if found:
        resolution = Resolution(
            decision="retry", who="op", note="found", supplier_ids={number: found[0]["id"]}
        )
    await handle.execute_update(RESOLVE_UPDATE, resolution)
    final = await asyncio.wait_for(handle.result(), 60)
    assert final.state is BookingState.FAILED
    assert final.case is not None
    assert final.case.resolved_by == "op"
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("step", ALL_STEPS)
async def test_fault(stack: Stack, step: str, kind: str) -> None:
    request = await stack.request(**wishes_for(step))
    supplier, operation = ALL_STEPS[step]
    await stack.sandbox.arm(supplier, operation, kind, reference=request.booking_id, **FAULTS[kind])
    handle = await stack.start(request)
    booking = await settled(stack, handle)

    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    await judge(stack, handle, booking, end_of_fault(step, kind))


@pytest.mark.parametrize("kind", ["error", "reset", "hang", "malformed"])
@pytest.mark.parametrize("supplier", SELLERS)
async def test_validation_asks_again(stack: Stack, supplier: str, kind: str) -> None:
    """Reads touch nothing: they are asked again, and nobody notices."""
    request = await stack.request(suppliers={SELLERS[supplier].sells: supplier})
    await stack.sandbox.arm(supplier, "quote", kind, seconds=20)
    handle = await stack.start(request)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert await stack.sandbox.fired() >= 1
    assert booking.state is BookingState.CONFIRMED, booking.problem
    await check(stack.sandbox, stack.settings.database.url, booking.id)
