"""The fault table: every step × every kind of fault, judged from outside."""

import asyncio

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from sandbox.sellers import SELLERS
from tests.support.checker import check
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import unsettled
from tests.trips.saga.cells import (
    ALL_STEPS,
    FAULTS,
    QUICK,
    End,
    criteria_for,
    decide_by_hand,
    end_of_fault,
)


async def judge(stack: Stack, booking: Booking, end: End) -> None:
    """Hold a booking against its required end and the facts outside; settle its case, if any."""
    if end.or_confirmed and booking.state is BookingState.CONFIRMED:
        end = End(BookingState.CONFIRMED)
    assert booking.state is end.state, (booking.state, booking.problem)
    if end.code is not None:
        assert booking.problem is not None
        assert booking.problem.code is end.code
    assert bool(booking.warnings) is end.warned
    assert bool(unsettled(booking)) is end.case
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    if end.case:
        final = await decide_by_hand(stack, booking)
        assert final.state is BookingState.FAILED
        await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.parametrize(
    ("step", "kind"),
    table(ALL_STEPS, FAULTS, quick=lambda step, kind: kind in QUICK.get(step, ())),
)
async def test_fault(stack: Stack, step: str, kind: str) -> None:
    request = await stack.request(**criteria_for(step))
    supplier, operation = ALL_STEPS[step]
    await stack.sandbox.arm(supplier, operation, kind, reference=request.booking_id, **FAULTS[kind])
    handle = await stack.start(request)
    booking = await asyncio.wait_for(handle.result(), 100)

    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    await judge(stack, booking, end_of_fault(step, kind))


@pytest.mark.parametrize(
    ("supplier", "kind"),
    table(
        SELLERS,
        ["error", "reset", "hang", "malformed"],
        quick=[("booking_com", "malformed"), ("viator", "error")],
    ),
)
async def test_validation_asks_again(stack: Stack, supplier: str, kind: str) -> None:
    """Reads touch nothing: they are asked again, and nobody notices."""
    request = await stack.request(suppliers={SELLERS[supplier].sells: supplier})
    await stack.sandbox.arm(supplier, "quote", kind, seconds=20)
    handle = await stack.start(request)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert await stack.sandbox.fired() >= 1
    assert booking.state is BookingState.CONFIRMED, booking.problem
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_call_that_is_not_answered_leaves_no_stack_in_the_log(stack: Stack) -> None:
    """It is expected: a warning that names the call, for whoever reads the log."""
    (worker,) = stack.workers
    before = len(worker.log())
    request = await stack.request()
    hang = {"seconds": 20, "reference": request.booking_id}
    await stack.sandbox.arm("booking_com", "book", "hang", **hang)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert await stack.sandbox.fired() == 1
    lines = worker.log()[before:]
    assert booking.reference in lines
    assert "Traceback" not in lines
    assert '"stack"' not in lines
