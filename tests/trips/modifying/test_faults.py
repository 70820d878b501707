"""Row x4 of the fault matrix: every fault kind and a killed worker at every step of a change.

Either the change is carried out whole, or the old booking stands exactly as it was.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from models.bookings.booking import Booking
from models.trips.changes import ChangeOutcome, ChangeRequest, TripChanges
from tests.support.checker import Facts
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, MakeStack, Stack
from tests.trips.modifying.changes import (
    as_it_was,
    confirmed,
    judged,
    offers,
    other_hotel,
    price,
    put,
    request,
    standing,
    swap,
)
from tests.trips.saga.cells import FAULTS, POINTS, STEPS, UNANSWERED, decide_by_hand

AFTERWARDS = {"cancel the old": ("booking_com", "cancel"), "refund": ("stripe", "refund")}
"""Steps behind the point of no return, and the call that has the effect."""


async def change_reaching(stack: Stack, booking: Booking, step: str) -> ChangeRequest:
    """A change that comes to ``step``: dearer, unless what it costs less is to be refunded."""
    if step == "flight":
        (flight,) = await offers(stack, "FLIGHT", activities=0)
        requested = swap(booking.items[0], flight)
        tour = (await offers(stack, "ACTIVITY", activities=1))[0]
        requested = TripChanges(swap=requested.swap, add=[tour])
    elif step == "activity":
        requested = TripChanges(add=[(await offers(stack, "ACTIVITY", activities=1))[0]])
    else:
        hotel = await other_hotel(stack, nights=2 if step == "refund" else 7)
        requested = swap(booking.items[1], hotel)
    quote = await price(stack, booking.id, requested)
    return request(booking.id, requested, quote.new_total)


def carried_out(facts: Facts, change: ChangeRequest) -> None:
    here = standing(facts)
    assert {component.component_id for component in change.requested.new} <= here
    assert not set(change.requested.gone) & here
    assert facts.booking["state"] == "CONFIRMED"


async def judge(
    stack: Stack, before: Facts, change: ChangeRequest, outcome: ChangeOutcome, *, done: bool
) -> None:
    """Hold the end against what must be: carried out whole, or the booking as it was."""
    assert outcome.carried_out is done, outcome.problem
    booking = await stack.recorded(change.booking_id)
    await judged(stack, booking.id)
    if booking.needs_attention:
        await decide_by_hand(stack, booking)
    after = await judged(stack, change.booking_id)
    if done:
        carried_out(after, change)
    else:
        as_it_was(before, after)


@pytest.mark.parametrize(
    ("step", "kind"),
    table(
        STEPS,
        FAULTS,
        quick=[
            # a refused card, and an activity that is refused: test_failing; a hotel: test_api
            ("flight", "hang"),
            ("capture", "refuse"),
        ],
    ),
)
async def test_x4(stack: Stack, step: str, kind: str) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await change_reaching(stack, booking, step)
    supplier, operation = STEPS[step]
    await stack.sandbox.arm(supplier, operation, kind, reference=booking.id, **FAULTS[kind])
    outcome = await put(stack, change)
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    unknown = step == "flight" and kind in UNANSWERED
    assert (await stack.recorded(booking.id)).needs_attention is unknown
    # a hold that has lapsed is made anew; everything else that is refused ends the change
    done = not unknown and (kind != "refuse" or step == "capture")
    await judge(stack, before, change, outcome, done=done)


@pytest.mark.parametrize(
    ("step", "kind"),
    table(
        AFTERWARDS,
        [kind for kind in FAULTS if kind != "refuse"],
        # What is refused is in test_failing; faults of such calls: saga/test_undo,
        # faults/test_giving_back.
        quick=[],
    ),
)
async def test_x4_once_it_stands(stack: Stack, step: str, kind: str) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await change_reaching(stack, booking, step)
    supplier, operation = AFTERWARDS[step]
    await stack.sandbox.arm(supplier, operation, kind, reference=booking.id, **FAULTS[kind])
    outcome = await put(stack, change)
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    await judge(stack, before, change, outcome, done=True)


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    async with make_stack("change", **SOON_TAKEN_OVER) as stack:
        yield stack


@pytest.mark.parametrize(
    ("step", "point"),
    table(
        [*STEPS, *AFTERWARDS],
        POINTS,
        quick=[("capture", "during")],  # each role's kill: trips/saga/test_kills
    ),
)
async def test_x4_kill(own_stack: Stack, step: str, point: str) -> None:
    stack = own_stack
    first = stack.start_worker()
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await change_reaching(stack, booking, step)
    first.stop()
    supplier, operation = (STEPS | AFTERWARDS)[step]
    if point == "during":
        await stack.sandbox.arm(supplier, operation, "slow", seconds=0.6, reference=booking.id)
    doomed = stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"{supplier}.{operation}:{point}"
    )
    ending = asyncio.ensure_future(put(stack, change))
    await asyncio.to_thread(doomed.wait_until_dead)
    stack.start_worker()
    outcome = await ending
    unknown = step == "flight"
    assert (await stack.recorded(booking.id)).needs_attention is unknown
    await judge(stack, before, change, outcome, done=not unknown)
