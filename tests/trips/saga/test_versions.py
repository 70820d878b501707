"""A new version of the workers is rolled out while bookings are under way on the old one."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from commands.version_checks import stranded
from localworld.health import pollers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind
from tests.support.checker import check
from tests.support.deployments import Deployment, build_of, workers_of
from tests.support.environment import changed
from tests.support.stack import MakeStack, Stack
from tests.trips.saga.test_cards import authenticate

OLD, NEW = "2026-11-28.1", "2026-11-29.1"


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    async with make_stack(
        "versions",
        PROVIDER_TIMEOUT_SECONDS="20",
        AUTHENTICATION_DEADLINE_SECONDS="60",
        SHUTDOWN_GRACE_SECONDS="2",
    ) as stack:
        yield stack


@pytest.fixture
def deployment(own_stack: Stack) -> Deployment:
    return Deployment(own_stack, own_stack.settings.task_queue)


async def begin_slow(stack: Stack, seconds: float) -> WorkflowHandle[Any, Booking]:
    """Begin a booking; returns when its hotel is being booked, which takes so long."""
    request = await stack.request()
    about = {"reference": request.booking_id, "times": 1}
    fault = await stack.sandbox.arm("booking_com", "book", "slow", seconds=seconds, **about)
    handle = await stack.start(request)
    async with asyncio.timeout(30):
        while not await stack.sandbox.fired(fault):
            await asyncio.sleep(0.05)
    return handle


async def begin_waiting(stack: Stack) -> tuple[WorkflowHandle[Any, Booking], Booking]:
    """Begin a booking that waits for the traveller to authenticate."""
    request = await stack.request(payment_method="pm_card_threeDSecure2Required")
    handle = await stack.start(request)
    return handle, await stack.until(handle, BookingState.PAYMENT_PENDING)


async def confirmed(stack: Stack, handle: WorkflowHandle[Any, Booking]) -> Booking:
    booking = await asyncio.wait_for(handle.result(), 40)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    return booking


@pytest.mark.exhaustive  # in every run the old one is stopped: below
async def test_the_old_version_drains_while_the_new_one_books(
    own_stack: Stack, deployment: Deployment
) -> None:
    old = deployment.start_worker(OLD)
    await deployment.make_current(OLD)
    new = deployment.start_worker(NEW)
    waiting, at_the_bank = await begin_waiting(own_stack)
    slow = await begin_slow(own_stack, seconds=8)
    await deployment.make_current(NEW)

    # What begins now is the new version's, but for a request about what runs on the old one.
    begun = await own_stack.start(await own_stack.request())
    part = CancelRequest(reason="ill", components=["hotel"])
    cancel = await own_stack.send(RequestKind.CANCEL, waiting.id, part)
    await confirmed(own_stack, begun)
    assert (await build_of(begun), await workers_of(begun)) == (NEW, {new.pid})
    await deployment.until_looked_at(OLD)
    assert await deployment.drainage(OLD) == "draining"
    # ``tripsaga doctor`` sees the workers of every version.
    settings = own_stack.settings
    asking = await pollers(own_stack.client, settings.temporal.namespace, settings.task_queue)
    assert {str(worker.pid) for worker in (old, new)} == {
        one.identity.split("@")[0] for one in asking
    }
    assert {one.version for one in asking} == {f"{deployment.name}:{b}" for b in (OLD, NEW)}

    await authenticate(at_the_bank, "succeed")
    first_run = own_stack.client.get_workflow_handle(
        waiting.id, run_id=waiting.first_execution_run_id
    )
    for handle in (waiting, slow):
        await confirmed(own_stack, handle)
    assert await own_stack.ended(cancel) is None
    for run in (slow, first_run, waiting):
        # Both versions ask every supplier's queue; the activities stayed with their workflow.
        assert (await build_of(run), await workers_of(run)) == (OLD, {old.pid})
    await deployment.until_drained(OLD)
    assert await asyncio.to_thread(old.stop) == 0, old.log()

    cancelled = await own_stack.cancel(waiting.id)
    assert cancelled.state is BookingState.CANCELLED
    assert await build_of(own_stack.client.get_workflow_handle(waiting.id)) == NEW
    await check(own_stack.sandbox, settings.database.url, waiting.id)
    assert await asyncio.to_thread(new.stop) == 0, new.log()


async def test_bookings_of_a_version_stopped_too_early_wait_and_are_moved(
    own_stack: Stack, deployment: Deployment
) -> None:
    old = deployment.start_worker(OLD)
    await deployment.make_current(OLD)
    new = deployment.start_worker(NEW)
    waiting, at_the_bank = await begin_waiting(own_stack)
    slow = await begin_slow(own_stack, seconds=8)
    assert await asyncio.to_thread(old.stop) == 0, old.log()
    stopped_at = dt.datetime.now(dt.UTC)
    seen_by = changed(own_stack.settings, worker={"deployment": deployment.name})
    asking = await stranded(own_stack.client, seen_by, stopped_at - dt.timedelta(minutes=2))
    assert asking.verdict == "ok"  # the old worker has asked within these two minutes
    asking = await stranded(own_stack.client, seen_by, stopped_at)
    assert asking.what == f"new bookings wait for workers of {deployment.name}:{OLD}"
    await deployment.make_current(NEW)
    await authenticate(at_the_bank, "succeed")

    await confirmed(own_stack, await own_stack.start(await own_stack.request()))
    await deployment.until_looked_at(OLD)
    assert await deployment.drainage(OLD) == "draining"
    assert (await own_stack.recorded(waiting.id)).state is BookingState.PAYMENT_PENDING
    assert (await own_stack.recorded(slow.id)).state is BookingState.PROCESSING
    # ``tripsaga doctor`` says who waits, and for whom.
    found = await stranded(own_stack.client, seen_by, stopped_at)
    assert found.verdict == "wrong"
    assert found.what.endswith(f": 2 on {deployment.name}:{OLD}")

    await deployment.move(OLD, NEW)
    for handle in (waiting, slow):
        await confirmed(own_stack, handle)
        assert new.pid in await workers_of(handle)
    await deployment.until_drained(OLD)
    found = await stranded(own_stack.client, seen_by, stopped_at)
    assert found.verdict == "ok"
