"""Rows 3 and 7 of the fault matrix: what ``tests/trips/saga`` has not of them."""

import asyncio

import httpx
import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code
from tests.support.checker import check
from tests.support.stack import Stack

late_commits = pytest.mark.xdist_group("late commits")
"""In every run they are played on the record alone: ``tests/payments/test_charging``."""

LATE_SECONDS = 20
"""When the attempt commits that was given up: after the step's deadline and its undo."""


async def _given_up(stack: Stack, operation: str) -> Booking:
    """Book; the first attempt at ``operation`` will commit late, the others do not at all.

    Returns the booking once everything is put back.
    """
    request = await stack.request()
    request.patience.step_deadline = 3
    request.patience.provider_timeout["stripe"] = 0  # 5 s for all attempts together
    request.patience.local = []  # for an ordinary activity that is exact
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", operation, "late_commit", seconds=LATE_SECONDS, **about)
    await stack.sandbox.arm("stripe", operation, "reset", nth=2, times=1_000, **about)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.FAILED
    assert await _came(stack, booking) == 1, "it was never sent, or not late: this cell is void"
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    return booking


@pytest.fixture(scope="module")
async def given_up(world: Stack) -> dict[str, Booking]:
    """A booking for each step, all put back; the attempts they gave up are still to commit."""
    await world.sandbox.clear()
    world.ensure_worker()
    operations = ("create", "confirm", "capture")
    bookings = await asyncio.gather(*(_given_up(world, name) for name in operations))
    return dict(zip(operations, bookings, strict=True))


async def _holds_nothing(stack: Stack, booking: Booking) -> None:
    """Wait until the attempt has been worked on, and see that it came to nothing."""
    async with asyncio.timeout(40):
        while await _came(stack, booking) < 2:
            await asyncio.sleep(0.1)
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert [payment["captured"] for payment in facts.payments] == [0]
    assert not any(row["status"] == "requires_capture" for row in facts.payments)


async def _came(stack: Stack, booking: Booking) -> int:
    """Count: one row is written when the attempt comes, another one when it is worked on."""
    rows = await stack.sandbox.log(booking.id)
    return len([row for row in rows if row.get("fault") == "late_commit"])


@pytest.mark.exhaustive
@late_commits
@pytest.mark.parametrize("operation", ["create", "confirm"])
async def test_3_F16(stack: Stack, given_up: dict[str, Booking], operation: str) -> None:
    """The authorisation commits after everything was put back: it holds nothing."""
    await _holds_nothing(stack, given_up[operation])


@pytest.mark.exhaustive
@late_commits
async def test_7_F16(stack: Stack, given_up: dict[str, Booking]) -> None:
    """The capture commits after the hold was released: it takes nothing."""
    await _holds_nothing(stack, given_up["capture"])


@pytest.mark.parametrize("outcome", ["succeed", "nobody comes"])
async def test_7_F15(stack: Stack, outcome: str) -> None:
    """The hold has lapsed at the capture, and the bank wants a proof before it holds again."""
    request = await stack.request()
    request.patience.authentication_deadline = 60 if outcome == "succeed" else 2
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", "capture", "refuse", **about)
    await stack.sandbox.arm("stripe", "confirm", "authenticate", nth=2, **about)
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    assert waiting.payment.hold == 2
    assert all(item.live for item in waiting.items), "what is booked stands while it is waited for"
    if outcome == "succeed":
        assert waiting.payment.next_action is not None
        url = waiting.payment.next_action["redirect_to_url"]["url"]
        async with httpx.AsyncClient() as traveller:
            (await traveller.post(url, params={"outcome": outcome})).raise_for_status()
    booking = await asyncio.wait_for(handle.result(), 60)
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    if outcome == "succeed":
        assert booking.state is BookingState.CONFIRMED
        return
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.AUTHENTICATION_REQUIRED
    assert not any(row["live"] for row in facts.reservations)
