"""Every step of cancelling a reservation × every kind of fault, and the worker's death at each.

Of one that is confirmed, whose money is given back; and of one that its venue is yet to approve,
whose money is only held.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, CancelledBy, PaymentStatus
from models.bookings.messages import CancelRequest, RequestKind
from tests.reservations.places import judge, request_for, start
from tests.reservations.test_held import hold
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, MakeStack, Stack
from tests.trips.saga.cells import FAULTS, POINTS
from tests.trips.saga.test_cancel_confirmed import set_terms

S = BookingState
KEPT = [{"until": None, "fee": 4_000}]
OUTSIDE = {
    "confirmed: release": ("inventory", "release"),
    "confirmed: refund": ("stripe", "refund"),
    "held: release": ("inventory", "release"),
    "held: void": ("stripe", "cancel"),
}
RECORDED = ("confirmed: load", "confirmed: record", "held: load", "held: record")
"""Transactions of our own: what is asked is written down with the first, what came of it last."""
CALLS = {
    step: ("venue", "release") if supplier == "inventory" else (supplier, operation)
    for step, (supplier, operation) in OUTSIDE.items()
} | {step: ("record", step.split()[1]) for step in RECORDED}
"""By the names of our own calls."""


async def made(stack: Stack, step: str) -> Booking:
    if step.startswith("held"):
        return await hold(stack)
    request = await request_for(stack)
    await asyncio.wait_for((await start(stack, request)).result(), 60)
    return await stack.recorded(request.booking_id)


async def judge_cancelled(stack: Stack, booking: Booking) -> None:
    """Nothing is left of it: neither place nor money, and no more than one refund or release."""
    after = await stack.recorded(booking.id)
    assert (after.state, after.cases) == (S.CANCELLED, [])
    held = booking.state is S.HELD
    assert after.payment.status is (PaymentStatus.RELEASED if held else PaymentStatus.REFUNDED)
    assert (after.captured, after.refunded) == ((0, 0) if held else (4_000, 4_000))
    await judge(stack, after)
    log = await stack.sandbox.log(booking.id)
    effects = Counter((row["supplier"], row["effect"]) for row in log)
    given = ("stripe", "released" if held else "refunded")
    assert (effects["inventory", "released"], effects[given]) == (1, 1), effects


@pytest.mark.parametrize(
    ("step", "kind"),
    table(
        OUTSIDE,
        FAULTS,
        quick=[
            # Of a refund: trips/saga/test_cancel_confirmed, and its own tests.
            ("confirmed: release", "refuse"),
            ("confirmed: release", "commit_then_hang"),
            ("held: void", "commit_then_error"),
        ],
    ),
)
async def test_a_fault_while_it_is_cancelled(stack: Stack, step: str, kind: str) -> None:
    booking = await made(stack, step)
    supplier, operation = OUTSIDE[step]
    about = {"reference": booking.id, **FAULTS[kind]}
    await stack.sandbox.arm(supplier, operation, kind, **about)
    after = await stack.cancel(booking.id)
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    if kind == "refuse":
        # The guest keeps what the venue does not let go; the rest is given back, and a person asks.
        stands = step == "confirmed: release"
        assert after.state is (S.CONFIRMED if stands else S.CANCELLED)
        assert len(after.cases) == 1
        await stack.sandbox.clear()
        await stack.resolve(booking.id, "retry")
    await judge_cancelled(stack, booking)


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    async with make_stack(f"cancel-{uuid.uuid4().hex[:4]}", **SOON_TAKEN_OVER) as stack:
        yield stack


@pytest.mark.parametrize(
    ("step", "point"), table(CALLS, POINTS, quick=[("confirmed: record", "during")])
)
async def test_kill(own_stack: Stack, step: str, point: str) -> None:
    """The worker dies at a step; its successor cancels once, and gives back once."""
    own_stack.start_worker()
    booking = await made(own_stack, step)
    own_stack.stop_workers()
    if step in OUTSIDE and point == "during":
        await own_stack.sandbox.arm(*OUTSIDE[step], "slow", seconds=0.6, reference=booking.id)
    doomed = own_stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"{'.'.join(CALLS[step])}:{point}"
    )
    request = await own_stack.send(RequestKind.CANCEL, booking.id, CancelRequest(reason="ill"))
    doomed.wait_until_dead()
    own_stack.start_worker()
    assert await own_stack.ended(request) is None
    await judge_cancelled(own_stack, booking)


@pytest.mark.parametrize(("step", "point"), table(RECORDED, POINTS, quick=[]))
async def test_the_database_goes_away(own_stack: Stack, step: str, point: str) -> None:
    """A connection is cut at a statement, at the commit, or when it is committed and not told."""
    own_stack.start_worker()
    booking = await made(own_stack, step)
    own_stack.stop_workers()
    worker = own_stack.start_worker(
        "-m",
        "tests.support.crashing_worker",
        CRASH_AT=f"{'.'.join(CALLS[step])}:{point}",
        CRASH_CUTS="1",
    )
    request = await own_stack.send(RequestKind.CANCEL, booking.id, CancelRequest(reason="ill"))
    assert await own_stack.ended(request) is None
    assert "the connection is cut" in worker.log(), "nothing was cut: this cell is void"
    await judge_cancelled(own_stack, booking)


async def test_a_venue_whose_cancellation_is_settled_later_keeps_nothing(stack: Stack) -> None:
    """A case that a guest's cancellation left open is then about the venue's."""
    booking = await made(stack, "confirmed")
    set_terms(stack, booking.id, 1, KEPT)
    for by in (CancelledBy.GUEST, CancelledBy.PROVIDER):
        await stack.sandbox.arm("inventory", "release", "refuse", reference=booking.id)
        cancel = CancelRequest(by=by, reason=f"by {by}")
        await stack.ended(await stack.send(RequestKind.CANCEL, booking.id, cancel))
        (case,) = (await stack.recorded(booking.id)).cases
        assert (case.details["by"], case.details["reason"]) == (by, cancel.reason)
    await stack.sandbox.clear()
    after = await stack.resolve(booking.id, "retry")
    assert (after.state, after.cancelled_by) == (S.CANCELLED, CancelledBy.PROVIDER)
    assert (after.items[0].fee, after.refunded, after.cases) == (0, 4_000, [])
    await judge(stack, after)
