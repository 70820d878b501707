"""Rows 3 and 7 of the fault matrix: what ``tests/saga`` has not of them."""

import asyncio

import httpx
import pytest

from models.booking import Booking, Code
from models.lifecycle import BookingState
from tests.support.checker import check
from tests.support.stack import Stack

LATE_SECONDS = 7
"""When the attempt commits that was given up: after the step's deadline and its undo."""


async def _given_up(stack: Stack, operation: str) -> Booking:
    """Book; the first attempt at ``operation`` will commit late, the others do not at all.

    Returns the booking once everything is put back.
    """
    request = await stack.request()
    request.patience.step_deadline = 1
    request.patience.provider_timeout["stripe"] = 0  # 5 s for all attempts together
    request.patience.local = []  # for an ordinary activity that is exact
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", operation, "late_commit", seconds=LATE_SECONDS, **about)
    await stack.sandbox.arm("stripe", operation, "reset", nth=2, times=1_000, **about)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.FAILED
    await check(stack.sandbox, stack.settings.database_url, booking.id)
    return booking


async def _late(stack: Stack, operation: str) -> None:
    booking = await _given_up(stack, operation)

    async def worked_on() -> bool:
        rows = await stack.sandbox.log(booking.id)
        # one row when the attempt came, another one when it is worked on
        return sum(row.get("fault") == "late_commit" for row in rows) == 2

    assert not await worked_on(), "it was not late: this cell is void"
    async with asyncio.timeout(30):
        while not await worked_on():
            await asyncio.sleep(0.1)
    facts = await check(stack.sandbox, stack.settings.database_url, booking.id)
    assert [payment["captured"] for payment in facts.payments] == [0]
    assert not any(row["status"] == "requires_capture" for row in facts.payments)


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["create", "confirm"])
async def test_3_F16(stack: Stack, operation: str) -> None:
    """The authorisation commits after everything was put back: it holds nothing."""
    await _late(stack, operation)


@pytest.mark.slow
async def test_7_F16(stack: Stack) -> None:
    """The capture commits after the hold was released: it takes nothing."""
    await _late(stack, "capture")


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
    facts = await check(stack.sandbox, stack.settings.database_url, booking.id)
    if outcome == "succeed":
        assert booking.state is BookingState.CONFIRMED
        return
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.AUTHENTICATION_REQUIRED
    assert not any(row["live"] for row in facts.reservations)
