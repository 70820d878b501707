"""Every step of making a reservation × every kind of fault, judged from outside."""

import asyncio
import datetime as dt
import uuid

import pytest

from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.problems import Code
from models.core.keys import booking_id, booking_reference
from suppliers.venue import VenueSupplier
from tests.reservations.places import judge, request_for, start
from tests.support.selection import table
from tests.support.stack import MakeStack, Stack
from tests.trips.saga.cells import FAULTS

S = BookingState
STEPS = {
    "reserve": ("inventory", "reserve"),
    "create": ("stripe", "create"),
    "authorise": ("stripe", "confirm"),
    "capture": ("stripe", "capture"),
}
REFUSED = {
    "reserve": (S.FAILED, Code.UNAVAILABLE),
    "create": (S.EXPIRED, Code.PAYMENT_DECLINED),
    "authorise": (S.EXPIRED, Code.PAYMENT_DECLINED),
    # the hold has lapsed: it is made anew, and then taken
    "capture": (S.CONFIRMED, None),
}


@pytest.mark.parametrize(
    ("step", "kind"),
    table(
        STEPS,
        FAULTS,
        quick=[
            # Of the money: trips/saga/test_faults. Whom nobody answers: below.
            ("reserve", "refuse"),
            ("reserve", "commit_then_error"),
        ],
    ),
)
async def test_a_fault_while_it_is_made(stack: Stack, step: str, kind: str) -> None:
    """What nobody answered is settled by asking again under our reference, or by a tombstone."""
    request = await request_for(stack, hold_seconds=34 if kind == "refuse" else 900)
    supplier, operation = STEPS[step]
    about = {"reference": request.booking_id, **FAULTS[kind]}
    await stack.sandbox.arm(supplier, operation, kind, **about)
    booking = await asyncio.wait_for((await start(stack, request)).result(), 100)
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    state, code = REFUSED[step] if kind == "refuse" else (S.CONFIRMED, None)
    assert (booking.state, booking.problem and booking.problem.code) == (state, code)
    await judge(stack, booking)


async def test_what_the_inventory_never_answers_is_given_back(stack: Stack) -> None:
    """The step's deadline passes; the reference is released, so that nothing comes late."""
    request = await request_for(stack)
    request.patience.step_deadline = 3
    await stack.sandbox.arm("inventory", "reserve", "hang", reference=request.booking_id, times=99)
    booking = await asyncio.wait_for((await start(stack, request)).result(), 60)
    assert booking.state is S.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.OUTCOME_UNKNOWN
    await judge(stack, booking)
    effects = [row["effect"] for row in await stack.sandbox.log(booking.id)]
    assert "created" not in effects


async def test_an_answer_about_another_party_is_given_back(stack: Stack) -> None:
    """It stands there under our reference, and is not what the guest has asked for."""
    request = await request_for(stack)
    request.patience.step_deadline = 3
    about = {"reference": request.booking_id, "times": 99}
    await stack.sandbox.arm("inventory", "reserve", "price_drift", **about)
    booking = await asyncio.wait_for((await start(stack, request)).result(), 60)
    assert booking.state is S.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.SUPPLIER_ANSWER_WRONG
    row = await judge(stack, booking)
    assert row["captured"] == 0
    effects = [row["effect"] for row in await stack.sandbox.log(booking.id)]
    assert {"created", "released"} <= {*effects}, effects


async def test_a_place_held_in_vain_expires(stack: Stack) -> None:
    """No card is accepted in time: the place is free, nothing is taken (I10)."""
    request = await request_for(stack, card="pm_card_chargeDeclined", hold_seconds=33)
    handle = await start(stack, request)
    await stack.until(handle, S.PAYMENT_PENDING)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is S.EXPIRED
    row = await judge(stack, booking)
    assert row["captured"] == 0


async def test_a_place_that_is_not_held_long_enough_is_not_paid_for(stack: Stack) -> None:
    """M3: what is held is lost while the card is asked; the money goes back, untaken."""
    request = await request_for(stack, hold_seconds=1)
    about = {"reference": request.booking_id, "seconds": 0.7}
    await stack.sandbox.arm("stripe", "create", "slow", **about)
    await stack.sandbox.arm("stripe", "confirm", "slow", **about)
    booking = await asyncio.wait_for((await start(stack, request)).result(), 60)
    assert booking.state is S.EXPIRED
    assert booking.problem is not None
    assert booking.problem.code is Code.HOLD_EXPIRED
    row = await judge(stack, booking)
    assert row["captured"] == 0


async def test_a_payment_that_succeeds_after_the_place_was_resold_is_released(
    make_stack: MakeStack,
) -> None:
    """Report 12 of the design: the money was kept, and nothing was delivered.

    The hold ends while the bank thinks; the venue gives the seat away, and another guest has it.
    Then the bank says yes.
    """
    async with make_stack(f"late-{uuid.uuid4().hex[:4]}", PROVIDER_TIMEOUT_SECONDS="20") as stack:
        stack.start_worker()
        late = await request_for(stack, table="seat-1", hold_seconds=1)
        key = str(uuid.uuid4())
        other = late.model_copy(
            update={
                "booking_id": booking_id(late.caller_id, key),
                "booking_reference": booking_reference(booking_id(late.caller_id, key)),
                "idempotency_key": key,
                "guest_id": key,
                "hold_seconds": 900,
            }
        )
        about = {"reference": late.booking_id, "seconds": 6}
        await stack.sandbox.arm("stripe", "confirm", "slow", **about)
        paying = await start(stack, late)
        async with asyncio.timeout(30):
            while not await stack.sandbox.fired():
                await asyncio.sleep(0.05)
        held = await stack.recorded(late.booking_id)
        assert held.hold_expires_at is not None
        left = held.hold_expires_at - dt.datetime.now(dt.UTC)
        await asyncio.sleep(max(left.total_seconds(), 0) + 0.1)
        venue = VenueSupplier(stack.settings)
        await venue.release(held.items[0].reference)
        await venue.close()
        resold = await asyncio.wait_for((await start(stack, other)).result(), 30)
        assert (resold.state, resold.captured) == (S.CONFIRMED, 4_000)
        intent = (await stack.recorded(late.booking_id)).payment
        assert intent.status is PaymentStatus.PENDING, "the bank has answered: this run is void"

        ended = await asyncio.wait_for(paying.result(), 60)
        assert ended.state is S.EXPIRED
        assert ended.problem is not None
        assert ended.problem.code is Code.HOLD_EXPIRED
        lost = await judge(stack, ended)
        assert (lost["captured"], lost["state"]) == (0, "EXPIRED")
        assert (await stack.recorded(late.booking_id)).payment.status is PaymentStatus.RELEASED
        log = await stack.sandbox.log(late.booking_id)
        told = [row["effect"] for row in log if row["supplier"] == "stripe"]
        assert [one for one in told if one != "none"] == ["created", "authorised", "released"]
        await judge(stack, await stack.recorded(other.booking_id))


async def test_it_is_cancelled_while_it_is_made(stack: Stack) -> None:
    request = await request_for(stack)
    about = {"reference": request.booking_id, "seconds": 0.9}
    await stack.sandbox.arm("inventory", "reserve", "slow", **about)
    handle = await start(stack, request)
    cancelled = await stack.cancel(request.booking_id)
    await asyncio.wait_for(handle.result(), 60)
    assert cancelled.state is S.CANCELLED
    await judge(stack, cancelled)
