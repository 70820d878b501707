"""Requests that come while something else runs: none is lost, and their time counts."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.suppliers.following.beginning import begin_following
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind
from temporal import patience
from tests.support.checker import check
from tests.support.money import settling
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import unsettled
from tests.trips.saga.test_cancel_confirmed import confirmed, set_terms

CANCEL = CancelRequest(reason="ill")
Begin = Callable[[Stack, Booking], Awaitable[None]]


async def settle(stack: Stack, booking: Booking) -> None:
    await stack.sandbox.arm("stripe", "retrieve", "slow", seconds=0.8, reference=booking.id)
    await settling(stack, booking)


async def follow(stack: Stack, booking: Booking) -> None:
    await stack.sandbox.arm("viator", "find", "slow", seconds=0.8, reference=booking.id)
    tour = booking.items[3].number
    assert await begin_following(
        stack.client, patience(stack.settings), booking, "a test looks", items=[tour]
    )


async def cancel_a_tour(stack: Stack, booking: Booking) -> None:
    await stack.sandbox.arm("viator", "cancel", "slow", seconds=0.8, reference=booking.id)
    part = CANCEL.model_copy(update={"components": [booking.items[3].component_id]})
    await stack.send(RequestKind.CANCEL, booking.id, part)


async def under_way(stack: Stack, booking: Booking, begin: Begin) -> str:
    """Begin something and wait until it is in the middle of a call; returns its run's id."""
    await begin(stack, booking)
    async with asyncio.timeout(30):
        while not await stack.sandbox.fired():
            await asyncio.sleep(0.05)
    described = await stack.client.get_workflow_handle(booking.id).describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    return described.run_id


@pytest.mark.parametrize(
    ("workflow", "begin"),
    table(
        [
            ("SettlePayment", settle),
            ("FollowBooking", follow),
            ("CancelBooking", cancel_a_tour),
        ],
        # Requests after a settling: test_requests_of_all_kinds_are_carried_out_in_their_order.
        quick=[("FollowBooking", follow), ("CancelBooking", cancel_a_tour)],
    ),
)
async def test_a_cancel_is_carried_out_after_what_runs(
    stack: Stack, workflow: str, begin: Begin
) -> None:
    booking = await confirmed(stack)
    run = await under_way(stack, booking, begin)
    request = await stack.send(RequestKind.CANCEL, booking.id, CANCEL)

    assert await stack.ended(request) is None
    after = await stack.recorded(booking.id)
    assert after.state is BookingState.CANCELLED
    assert after.payment.refunded == after.payment.captured
    first = await stack.client.get_workflow_handle(booking.id, run_id=run).describe()
    assert first.workflow_type == workflow
    assert first.status is WorkflowExecutionStatus.CONTINUED_AS_NEW, "it came meanwhile"
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert not any(row["live"] for row in facts.reservations)


async def test_requests_of_all_kinds_are_carried_out_in_their_order(stack: Stack) -> None:
    booking = await confirmed(stack)
    tour, other = booking.items[3], booking.items[2]
    await under_way(stack, booking, settle)
    parts = [CANCEL.model_copy(update={"components": [i.component_id]}) for i in (tour, other)]
    sent = [await stack.send(RequestKind.CANCEL, booking.id, part) for part in parts]
    again = await stack.send(RequestKind.CANCEL, booking.id, parts[0], request_id=sent[0].id)
    assert [await stack.ended(request) for request in (*sent, again)] == [None, None, None]
    after = await stack.recorded(booking.id)
    assert after.state is BookingState.CONFIRMED
    assert [item.live for item in after.items] == [True, True, False, False]
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert [row["amount"] for row in facts.refunds] == [tour.price, other.price]


# In every run: test_a_retry_keeps_the_fee_of_the_request.
@pytest.mark.parametrize("in_time", table([True, False], quick=[False]))
async def test_the_fee_is_that_of_the_moment_of_the_request(stack: Stack, in_time: bool) -> None:
    """Free until a moment that passes while another cancel still runs."""
    booking = await confirmed(stack)
    hotel, tour = booking.items[1], booking.items[3]
    asked = dt.datetime.now(dt.UTC)
    until = asked + dt.timedelta(seconds=1)
    steps: list[dict[str, Any]] = [
        {"until": until.isoformat(), "fee": 0},
        {"until": None, "fee": hotel.price},
    ]
    set_terms(stack, booking.id, hotel.number, steps)
    await stack.sandbox.arm("viator", "cancel", "hang", seconds=20, times=2, reference=booking.id)
    part = CANCEL.model_copy(update={"components": [tour.component_id]})
    await stack.send(RequestKind.CANCEL, booking.id, part)
    at = asked if in_time else until + dt.timedelta(milliseconds=1)
    request = await stack.send(RequestKind.CANCEL, booking.id, CANCEL, at=at)

    assert await stack.ended(request) is None
    last = await stack.client.get_workflow_handle(booking.id).describe()
    assert last.start_time > until, "the run that cancels the hotel began after its terms changed"
    after = await stack.recorded(booking.id)
    assert after.state is BookingState.CANCELLED
    assert after.items[1].fee == (0 if in_time else hotel.price)
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_retry_keeps_the_fee_of_the_request(stack: Stack) -> None:
    """The hotel refuses once; when an operator has it tried again, its terms have changed."""
    booking = await confirmed(stack)
    hotel = booking.items[1]
    asked = dt.datetime.now(dt.UTC)
    steps: list[dict[str, Any]] = [
        {"until": (asked + dt.timedelta(seconds=1)).isoformat(), "fee": 0},
        {"until": None, "fee": hotel.price},
    ]
    set_terms(stack, booking.id, hotel.number, steps)
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking.id)
    await stack.ended(await stack.send(RequestKind.CANCEL, booking.id, CANCEL, at=asked))
    assert len(unsettled(await stack.recorded(booking.id))) == 1
    await asyncio.sleep(1)  # its terms have changed
    after = await stack.resolve(booking.id)
    assert after.state is BookingState.CANCELLED
    assert after.items[1].fee == 0
    await check(stack.sandbox, stack.settings.database.url, booking.id)
