"""Workers come and go: shutdown, two side by side, and bookings from long ago."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.bookings.lifecycle import BookingState
from tests.support.checker import check
from tests.support.stack import MakeStack, Stack
from workflows.trips.book_trip import BookTrip


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    async with make_stack("workers") as stack:
        yield stack


async def test_a_worker_told_to_stop_finishes_what_it_is_doing(own_stack: Stack) -> None:
    worker = own_stack.start_worker()
    request = await own_stack.request()
    await own_stack.sandbox.arm(
        "booking_com", "book", "slow", seconds=0.8, reference=request.booking_id
    )
    handle = await own_stack.start(request)
    async with asyncio.timeout(30):
        while not await own_stack.sandbox.fired():
            await asyncio.sleep(0.05)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log()
    own_stack.start_worker()
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED
    facts = await check(own_stack.sandbox, own_stack.settings.database.url, booking.id)
    hotel = [r for r in facts.log if r["supplier"] == "booking_com" and r["operation"] == "book"]
    assert len(hotel) == 1, "the call under way was not abandoned"
    await own_stack.sandbox.clear()


@pytest.mark.exhaustive  # the random sagas have two workers too
async def test_two_workers_side_by_side(own_stack: Stack) -> None:
    own_stack.start_worker()
    own_stack.start_worker()
    bookings = await asyncio.gather(*(own_stack.book() for _ in range(10)))
    assert {booking.state for booking in bookings} == {BookingState.CONFIRMED}
    for booking in bookings:
        await check(own_stack.sandbox, own_stack.settings.database.url, booking.id)
    assert own_stack.stop_workers() == [0, 0]


@pytest.mark.exhaustive  # tests/outbox/test_planner: it hears later
async def test_a_planner_that_does_not_listen_holds_nothing_up(own_stack: Stack) -> None:
    own_stack.start_worker(TRIP_PLANNER_URL="http://127.0.0.1:9")
    request = await own_stack.request()
    handle = await own_stack.start(request)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED


async def test_one_booking_id_is_booked_once(stack: Stack) -> None:
    request = await stack.request()
    starts = await asyncio.gather(
        *(stack.start(request) for _ in range(20)), return_exceptions=True
    )
    started = [s for s in starts if not isinstance(s, BaseException)]
    assert len(started) == 1
    assert all(isinstance(s, WorkflowAlreadyStartedError) for s in starts if s not in started)
    assert (await started[0].result()).state is BookingState.CONFIRMED
    with pytest.raises(WorkflowAlreadyStartedError):
        await stack.start(request)
    await check(stack.sandbox, stack.settings.database.url, request.booking_id)


async def test_a_booking_temporal_has_forgotten_is_answered_from_the_record(
    stack: Stack,
) -> None:
    request = await stack.request()
    first = await (await stack.start(request)).result()
    before = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    again = await stack.client.execute_workflow(
        BookTrip.run,
        request,
        id=request.booking_id,
        task_queue=stack.settings.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )
    assert again.state is BookingState.CONFIRMED
    assert again.payment.id == first.payment.id
    after = await check(stack.sandbox, stack.settings.database.url, request.booking_id)
    assert after.log == before.log
    assert after.booking == before.booking
