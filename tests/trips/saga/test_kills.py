"""Workers killed with SIGKILL before, during and after every call that has an effect."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind
from models.trips.messages import BookTripRequest
from sandbox.sellers import SELLERS
from tests.support.checker import check
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, MakeStack, Stack
from tests.support.trips import sold_by
from tests.trips.saga.cells import ALL_STEPS, POINTS, QUICK_KILLS, criteria_for, end_of_kill
from tests.trips.saga.test_faults import judge


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    async with make_stack("kill", **SOON_TAKEN_OVER) as stack:
        yield stack


async def kill(
    stack: Stack,
    request: BookTripRequest,
    supplier: str,
    operation: str,
    point: str,
    *,
    seconds: float = 100,
) -> Booking:
    """Kill the worker at one call of a booking; how it ends on the next worker, in that time."""
    about = {"reference": request.booking_id}
    if point == "during":
        await stack.sandbox.arm(supplier, operation, "slow", seconds=0.6, **about)
    doomed = stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"{supplier}.{operation}:{point}"
    )
    handle = await stack.start(request)
    doomed.wait_until_dead()
    stack.start_worker()
    return await asyncio.wait_for(handle.result(), seconds)


@pytest.mark.parametrize(("step", "point"), table(ALL_STEPS, POINTS, quick=QUICK_KILLS))
async def test_kill(own_stack: Stack, step: str, point: str) -> None:
    request = await own_stack.request(**criteria_for(step))
    booking = await kill(own_stack, request, *ALL_STEPS[step], point)
    await judge(own_stack, booking, end_of_kill(step, point))


@pytest.mark.parametrize(
    ("step", "point"),
    table(
        ["hotel", "activity"], POINTS, quick=[]
    ),  # a local call of money: faults/test_giving_back
)
async def test_kill_during_a_local_call(own_stack: Stack, step: str, point: str) -> None:
    """Suppliers measured to be fast are asked by local activities, which begin anew."""
    request = await own_stack.request(**criteria_for(step))
    request.patience.local = ["booking_com", "stripe", "viator"]
    request.patience.quick = ["amadeus", *request.patience.local]
    booking = await kill(own_stack, request, *ALL_STEPS[step], point)
    await judge(own_stack, booking, end_of_kill(step, point))


UNDOS = [*((supplier, "cancel") for supplier in SELLERS), ("stripe", "cancel")]


@pytest.mark.parametrize(
    ("supplier", "operation", "point"),
    table(
        UNDOS,
        POINTS,
        quick=[],  # of money: faults/test_giving_back; one that a successor begins: below
    ),
)
async def test_kill_during_the_undo(
    own_stack: Stack, supplier: str, operation: str, point: str
) -> None:
    """Everything is booked, the capture is refused, and the worker dies while undoing it."""
    request = await own_stack.request(**sold_by(supplier))
    about = {"reference": request.booking_id}
    await own_stack.sandbox.arm("stripe", "capture", "refuse", times=2, **about)
    booking = await kill(own_stack, request, supplier, operation, point, seconds=90)
    assert booking.state is BookingState.FAILED
    await check(own_stack.sandbox, own_stack.settings.database.url, booking.id)


@pytest.mark.parametrize("operation", table(["create", "confirm"], quick=["confirm"]))
async def test_a_cancel_reaches_the_successor_first(own_stack: Stack, operation: str) -> None:
    """The worker dies with the money held, and its successor hears of a cancel before it pays.

    The history knows nothing of the payment: its undo must have been registered all the same.
    """
    request = await own_stack.request()
    doomed = own_stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"stripe.{operation}:after"
    )
    handle = await own_stack.start(request)
    doomed.wait_until_dead()
    assert await own_stack.sandbox.payments(request.booking_id)
    cancel = await own_stack.send(RequestKind.CANCEL, request.booking_id, CancelRequest())
    own_stack.start_worker()
    ended = await own_stack.ended(cancel)
    assert ended is None, (await own_stack.recorded(request.booking_id)).problem
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CANCELLED
    await check(own_stack.sandbox, own_stack.settings.database.url, request.booking_id)
    assert not any(
        row["effect"] == "created" and row["supplier"] != "stripe"
        for row in await own_stack.sandbox.log(request.booking_id)
    )
