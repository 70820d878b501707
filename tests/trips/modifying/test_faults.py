"""Row x4 of the fault matrix: every fault kind and a killed worker at every step of a change.

Either the change is carried out whole, or the old booking stands exactly as it was.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import RESOLVE_UPDATE, Resolution
from models.trips.changes import ChangeOutcome, ChangeRequest, ChangeWish
from tests.support.checker import Facts
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, Stack, create_stack
from tests.trips.modifying.changes import (
    as_it_was,
    confirmed,
    judged,
    now,
    offers,
    other_hotel,
    price,
    put,
    request,
    standing,
    swap,
)
from tests.trips.saga.cells import FAULTS, POINTS, STEPS, UNANSWERED

AFTERWARDS = {"cancel the old": ("booking_com", "cancel"), "refund": ("stripe", "refund")}
"""Steps behind the point of no return, and the call that has the effect."""


async def wanted(stack: Stack, booking: Booking, step: str) -> ChangeRequest:
    """A change that comes to ``step``: dearer, unless what it costs less is to be refunded."""
    if step == "flight":
        (flight,) = await offers(stack, "FLIGHT", activities=0)
        wish = swap(booking.items[0], flight)
        tour = (await offers(stack, "ACTIVITY", activities=1))[0]
        wish = ChangeWish(swap=wish.swap, add=[tour])
    elif step == "activity":
        wish = ChangeWish(add=[(await offers(stack, "ACTIVITY", activities=1))[0]])
    else:
        hotel = await other_hotel(stack, nights=2 if step == "refund" else 7)
        wish = swap(booking.items[1], hotel)
    quote = await price(stack, booking.id, wish)
    return request(booking.id, wish, quote.new_total)


async def settled(stack: Stack, change: ChangeRequest) -> ChangeOutcome | Booking:
    """Have a change made; answers how it ended, or the booking that waits for an operator."""
    ending = asyncio.ensure_future(put(stack, change))
    handle = stack.client.get_workflow_handle(change.booking_id)
    async with asyncio.timeout(100):
        while not ending.done():
            await asyncio.wait([ending], timeout=0.3)
            if ending.done():
                break
            try:
                booking: Booking | None = await handle.query("booking", result_type=Booking)
            except Exception:  # noqa: BLE001  (no worker, or the workflow is not there yet)
                continue
            if booking is not None and booking.state is BookingState.NEEDS_ATTENTION:
                ending.cancel()
                return booking
        return ending.result()


async def settle_by_hand(stack: Stack, parked: Booking) -> None:
    """Do what an operator does about a flight nobody knows of."""
    assert parked.case is not None
    (number,) = parked.case.items
    item = parked.item(number)
    found = [r for r in await stack.sandbox.reservations(item.reference) if r["live"]]
    resolution = Resolution(decision="resolved", who="op", note="not in the back office")
    if found:
        resolution = Resolution(
            decision="retry", who="op", note="found", supplier_ids={number: found[0]["id"]}
        )
    handle = stack.client.get_workflow_handle(parked.id)
    await handle.execute_update(RESOLVE_UPDATE, resolution)


def carried_out(facts: Facts, change: ChangeRequest) -> None:
    here = standing(facts)
    assert {component.component_id for component in change.wish.new} <= here
    assert not set(change.wish.gone) & here
    assert facts.booking["state"] == "CONFIRMED"


async def judge(
    stack: Stack, before: Facts, change: ChangeRequest, end: ChangeOutcome | Booking, *, done: bool
) -> None:
    if isinstance(end, Booking):
        await judged(stack, end.id)
        await settle_by_hand(stack, end)
        done = False
    else:
        assert end.carried_out is done, end.problem
    await now(stack, change.booking_id)
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
            ("create", "error"),
            ("authorise", "refuse"),
            ("authorise", "commit_then_hang"),
            ("flight", "hang"),
            ("hotel", "refuse"),
            ("hotel", "commit_then_hang"),
            ("activity", "refuse"),
            ("capture", "refuse"),
            ("capture", "late_commit"),
        ],
    ),
)
async def test_x4(stack: Stack, step: str, kind: str) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await wanted(stack, booking, step)
    supplier, operation = STEPS[step]
    await stack.sandbox.arm(supplier, operation, kind, reference=booking.id, **FAULTS[kind])
    end = await settled(stack, change)
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    unknown = step == "flight" and kind in UNANSWERED
    assert isinstance(end, Booking) is unknown, end
    # a hold that has lapsed is made anew; everything else that is refused ends the change
    await judge(stack, before, change, end, done=kind != "refuse" or step == "capture")


@pytest.mark.parametrize(
    ("step", "kind"),
    table(
        AFTERWARDS,
        [kind for kind in FAULTS if kind != "refuse"],
        quick=[("cancel the old", "error"), ("refund", "commit_then_hang")],
    ),
)
async def test_x4_once_it_stands(stack: Stack, step: str, kind: str) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await wanted(stack, booking, step)
    supplier, operation = AFTERWARDS[step]
    await stack.sandbox.arm(supplier, operation, kind, reference=booking.id, **FAULTS[kind])
    end = await settled(stack, change)
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    await judge(stack, before, change, end, done=True)


@pytest.fixture
async def own_stack(
    database_url: str, temporal_address: str, sandbox_url: str
) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    stack = await create_stack(
        database_url=database_url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
        name=f"change-{uuid.uuid4().hex[:8]}",
        **SOON_TAKEN_OVER,
    )
    yield stack
    await stack.close()


@pytest.mark.parametrize(
    ("step", "point"),
    table(
        [*STEPS, *AFTERWARDS],
        POINTS,
        quick=[
            ("authorise", "after"),
            ("hotel", "during"),
            ("capture", "after"),
            ("refund", "before"),
        ],
    ),
)
async def test_x4_kill(own_stack: Stack, step: str, point: str) -> None:
    stack = own_stack
    first = stack.start_worker()
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await wanted(stack, booking, step)
    first.stop()
    supplier, operation = (STEPS | AFTERWARDS)[step]
    if point == "during":
        await stack.sandbox.arm(supplier, operation, "slow", seconds=0.6, reference=booking.id)
    doomed = stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"{supplier}.{operation}:{point}"
    )
    ending = asyncio.ensure_future(settled(stack, change))
    await asyncio.to_thread(doomed.wait_until_dead)
    stack.start_worker()
    end = await ending
    assert isinstance(end, Booking) is (step == "flight"), end
    await judge(stack, before, change, end, done=True)
