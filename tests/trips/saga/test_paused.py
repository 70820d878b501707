"""A worker that stands still for so long that another one does its work, and then goes on."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from models.bookings.lifecycle import BookingState
from tests.support.checker import check
from tests.support.stack import SOON_TAKEN_OVER, MakeStack, Stack


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    async with make_stack("paused", **SOON_TAKEN_OVER) as stack:
        yield stack


@pytest.mark.exhaustive
async def test_a_paused_worker_changes_nothing_when_it_goes_on(own_stack: Stack) -> None:
    request = await own_stack.request()
    paused = own_stack.start_worker(
        "-m",
        "tests.support.crashing_worker",
        CRASH_AT="stripe.confirm:after",
        CRASH_SIGNAL="SIGSTOP",
    )
    handle = await own_stack.start(request)
    async with asyncio.timeout(30):
        while not await own_stack.sandbox.payments(request.booking_id):
            await asyncio.sleep(0.1)
    own_stack.start_worker()
    booking = await asyncio.wait_for(handle.result(), 90)
    assert booking.state is BookingState.CONFIRMED, booking.problem

    def recorded() -> list[tuple[object, ...]]:
        with psycopg.connect(own_stack.settings.database.url) as connection:
            return connection.execute(
                "SELECT b.*, h.* FROM bookings b JOIN booking_history h ON h.booking_id = b.id"
                " WHERE b.id = %s ORDER BY h.version",
                [booking.id],
            ).fetchall()

    before = recorded()
    paused.resume()
    paused.wait_for_line("was written by a successor of this worker")
    assert recorded() == before
    await check(own_stack.sandbox, own_stack.settings.database.url, booking.id)
