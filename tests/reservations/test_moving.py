"""Every step of moving a reservation × every kind of fault: it is moved whole, or not at all."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind
from models.bookings.problems import Code
from models.core.venues import VenueSlot
from models.reservations.changes import MoveRequest
from tests.reservations.places import judge, judge_place, moved_to, request_for, start
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, MakeStack, Stack
from tests.trips.saga.cells import FAULTS, POINTS

S = BookingState
STEPS = {
    "update": ("inventory", "update"),
    "create": ("stripe", "create"),
    "authorise": ("stripe", "confirm"),
    "capture": ("stripe", "capture"),
    "refund": ("stripe", "refund"),
}
PARTIES = {"update": 2, "refund": 1}
"""Of two before: one pays less, and three more."""


async def reserved(stack: Stack) -> tuple[Booking, VenueSlot]:
    request = await request_for(stack)
    await asyncio.wait_for((await start(stack, request)).result(), 60)
    return await stack.recorded(request.booking_id), request.slot


async def move(stack: Stack, asked: MoveRequest) -> Code | None:
    """Have it moved; returns why not."""
    request = await stack.send(RequestKind.MOVE, asked.booking_id, asked)
    problem = await stack.ended(request)
    return None if problem is None else problem.code


@pytest.mark.parametrize(
    ("step", "kind"),
    table(
        STEPS,
        FAULTS,
        quick=[
            # Of the money: trips/modifying/test_faults. Whom nobody answers: below.
            ("update", "refuse"),
            ("update", "commit_then_hang"),
        ],
    ),
)
async def test_a_fault_while_it_is_moved(stack: Stack, step: str, kind: str) -> None:
    booking, before = await reserved(stack)
    asked = await moved_to(stack, booking, party=PARTIES.get(step, 3))
    supplier, operation = STEPS[step]
    about = {"reference": booking.id, **FAULTS[kind]}
    await stack.sandbox.arm(supplier, operation, kind, **about)
    code = await move(stack, asked)
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    refused = {
        "update": Code.UNAVAILABLE,
        "create": Code.PAYMENT_DECLINED,
        "authorise": Code.PAYMENT_DECLINED,
        # a refund becomes a case, a lapsed hold is made anew
        "refund": None,
        "capture": None,
    }
    assert code == (refused[step] if kind == "refuse" else None)
    after = await stack.recorded(booking.id)
    if (step, kind) == ("refund", "refuse"):  # it stands moved, and a person gives the money back
        assert len(after.cases) == 1
        await stack.sandbox.clear()
        after = await stack.resolve(booking.id, "retry")
    assert after.cases == []
    await judge_place(stack, after, before if code else asked.slot)
    assert (await stack.cancel(booking.id)).state is S.CANCELLED


async def test_a_move_that_cannot_be_paid_is_undone(stack: Stack) -> None:
    """The inventory has moved it; the money is not to be had, twice: it is put back."""
    booking, before = await reserved(stack)
    asked = await moved_to(stack, booking, party=3)
    about = {"reference": booking.id, "times": 2}
    await stack.sandbox.arm("stripe", "capture", "refuse", **about)
    assert await move(stack, asked) is Code.PAYMENT_DECLINED
    after = await stack.recorded(booking.id)
    await judge_place(stack, after, before)
    assert (after.captured, after.accepted_total) == (booking.captured, booking.accepted_total)
    again = await moved_to(stack, after, party=3)
    assert await move(stack, again) is None
    await judge_place(stack, await stack.recorded(booking.id), again.slot)


async def test_what_the_inventory_never_answers_is_undone_and_told(stack: Stack) -> None:
    booking, before = await reserved(stack)
    asked = await moved_to(stack, booking)
    about = {"reference": booking.id, "times": 99}
    await stack.sandbox.arm("inventory", "update", "reset", **about)
    request = await stack.send(RequestKind.MOVE, booking.id, asked, step_deadline=3)
    problem = await stack.ended(request)
    assert problem is not None
    await stack.sandbox.clear()
    after = await stack.recorded(booking.id)
    await judge_place(stack, after, before)
    assert [case.kind for case in after.cases] == ["SUPPLIER"]


async def test_it_is_cancelled_while_it_is_moved(stack: Stack) -> None:
    """What has reached the venue is finished, and then cancelled by the new terms."""
    booking, _ = await reserved(stack)
    asked = await moved_to(stack, booking)
    about = {"reference": booking.id, "seconds": 0.8}
    await stack.sandbox.arm("inventory", "update", "slow", **about)
    request = await stack.send(RequestKind.MOVE, booking.id, asked)
    while not await stack.sandbox.fired():
        await asyncio.sleep(0.02)
    cancel = await stack.send(RequestKind.CANCEL, booking.id, CancelRequest(reason="ill"))
    assert await stack.ended(request) is None
    assert await stack.ended(cancel) is None
    after = await stack.recorded(booking.id)
    assert after.state is S.CANCELLED
    await judge(stack, after)


async def test_a_cancellation_comes_before_the_venue_is_asked(stack: Stack) -> None:
    booking, _ = await reserved(stack)
    asked = await moved_to(stack, booking, party=3)
    about = {"reference": booking.id, "seconds": 0.8}
    await stack.sandbox.arm("stripe", "confirm", "slow", **about)
    request = await stack.send(RequestKind.MOVE, booking.id, asked)
    while not await stack.sandbox.fired():
        await asyncio.sleep(0.02)
    cancel = await stack.send(RequestKind.CANCEL, booking.id, CancelRequest(reason="ill"))
    problem = await stack.ended(request)
    assert problem is not None
    assert problem.code is Code.CANCELLED_BY_TRAVELER
    assert await stack.ended(cancel) is None
    after = await stack.recorded(booking.id)
    assert after.state is S.CANCELLED
    await judge(stack, after)
    moved = [row for row in await stack.sandbox.log(booking.id) if row["operation"] == "update"]
    assert moved == []


CALLS = {**STEPS, "update": ("venue", "change")}
"""By the names of our own calls."""


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    async with make_stack("move", **SOON_TAKEN_OVER) as stack:
        yield stack


@pytest.mark.parametrize(
    ("step", "point"),
    table(
        {name: call for name, call in CALLS.items() if name != "create"},
        POINTS,
        quick=[("update", "during")],
    ),
)
async def test_kill(own_stack: Stack, step: str, point: str) -> None:
    """The worker dies at a call; its successor moves the reservation once, and is paid once."""
    own_stack.start_worker()
    booking, _ = await reserved(own_stack)
    own_stack.stop_workers()
    asked = await moved_to(own_stack, booking, party=PARTIES.get(step, 3))
    if point == "during":
        await own_stack.sandbox.arm(*STEPS[step], "slow", seconds=0.6, reference=booking.id)
    supplier, operation = CALLS[step]
    doomed = own_stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"{supplier}.{operation}:{point}"
    )
    request = await own_stack.send(RequestKind.MOVE, booking.id, asked)
    doomed.wait_until_dead()
    own_stack.start_worker()
    assert await own_stack.ended(request) is None
    await judge_place(own_stack, await own_stack.recorded(booking.id), asked.slot)
