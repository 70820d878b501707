"""The worker is killed at each call of making a reservation: one reservation, one payment."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.bookings.lifecycle import BookingState
from tests.reservations.places import judge, request_for, start
from tests.reservations.test_faults import STEPS
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, MakeStack, Stack
from tests.trips.saga.cells import POINTS

CALLS = {**STEPS, "reserve": ("venue", "book")}
"""By the names of our own calls."""


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    async with make_stack("kill", **SOON_TAKEN_OVER) as stack:
        yield stack


@pytest.mark.parametrize(("step", "point"), table(CALLS, POINTS, quick=[("capture", "during")]))
async def test_kill(own_stack: Stack, step: str, point: str) -> None:
    request = await request_for(own_stack)
    if point == "during":
        await own_stack.sandbox.arm(*STEPS[step], "slow", seconds=0.6, reference=request.booking_id)
    supplier, operation = CALLS[step]
    doomed = own_stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"{supplier}.{operation}:{point}"
    )
    handle = await start(own_stack, request)
    doomed.wait_until_dead()
    own_stack.start_worker()
    booking = await asyncio.wait_for(handle.result(), 100)
    assert booking.state is BookingState.CONFIRMED
    await judge(own_stack, booking)
