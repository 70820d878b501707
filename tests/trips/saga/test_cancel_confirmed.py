"""Cancelling a confirmed trip: fees by the stored terms, the rest refunded, once."""

import asyncio
import datetime as dt
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus
from models.bookings.messages import (
    CANCEL_UPDATE,
    RESOLVE_UPDATE,
    CancelOutcome,
    CancelRequest,
    Resolution,
)
from models.trips.messages import CancelBookingRequest
from temporal import patience
from tests.support.checker import check
from tests.support.stack import Stack
from workflows.trips.cancel_booking import CancelBooking


async def cancel(
    stack: Stack, booking_id: str, components: list[str] | None = None
) -> CancelOutcome:
    """Cancel as the API does: reach whatever runs under the id, or start CancelBooking."""
    wish = CancelRequest(who="ada", reason="ill", components=components or [])
    outcome: CancelOutcome = await stack.client.execute_update_with_start_workflow(
        CANCEL_UPDATE,
        wish,
        result_type=CancelOutcome,
        start_workflow_operation=WithStartWorkflowOperation(
            CancelBooking.run,
            CancelBookingRequest(
                booking_id=booking_id, cancel=wish, patience=patience(stack.settings)
            ),
            id=booking_id,
            task_queue=stack.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        ),
    )
    return outcome


def set_terms(stack: Stack, booking_id: str, number: int, steps: list[dict[str, Any]]) -> None:
    """Put other terms into the stored snapshot: what counts is what was stored."""
    with psycopg.connect(stack.settings.database.url) as connection:
        connection.execute(
            "UPDATE booking_items SET quote = jsonb_set(quote, '{terms,steps}', %s::jsonb)"
            " WHERE booking_id = %s AND number = %s",
            [Jsonb(steps), booking_id, number],
        )


async def confirmed(stack: Stack) -> Booking:
    booking = await stack.book()
    assert booking.state is BookingState.CONFIRMED, booking.problem
    for item in booking.items:
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": 0}])
    return booking


async def test_free_cancellation_gives_everything_back(stack: Stack) -> None:
    booking = await confirmed(stack)
    outcome = await cancel(stack, booking.id)
    after = outcome.booking
    assert after.state is BookingState.CANCELLED
    assert after.payment.refunded == after.payment.captured
    assert all(item.status is ItemStatus.CANCELLED for item in after.items)
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert facts.booking["cancel_reason"] == "ill"


async def test_fees_follow_the_stored_terms(stack: Stack) -> None:
    booking = await confirmed(stack)
    past = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat()
    hotel = booking.items[1]
    set_terms(
        stack, booking.id, 2, [{"until": past, "fee": 0}, {"until": None, "fee": hotel.price // 2}]
    )
    set_terms(stack, booking.id, 3, [{"until": None, "fee": booking.items[2].price}])
    after = (await cancel(stack, booking.id)).booking
    fees = hotel.price // 2 + booking.items[2].price
    assert after.payment.captured - after.payment.refunded == fees
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_cancelling_twice_is_the_same_answer(stack: Stack) -> None:
    booking = await confirmed(stack)
    first, second = await asyncio.gather(cancel(stack, booking.id), cancel(stack, booking.id))
    third = await cancel(stack, booking.id)
    assert first.booking == second.booking
    assert third.booking.payment.refunds == first.booking.payment.refunds
    assert third.booking.state is BookingState.CANCELLED
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_one_component_can_go_and_the_rest_stands(stack: Stack) -> None:
    booking = await confirmed(stack)
    tour = booking.items[3]
    after = (await cancel(stack, booking.id, [tour.component_id])).booking
    assert after.state is BookingState.CONFIRMED
    assert [item.live for item in after.items] == [True, True, True, False]
    assert after.payment.refunded == tour.price
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    again = (await cancel(stack, booking.id)).booking
    assert again.state is BookingState.CANCELLED
    assert again.payment.refunded == again.payment.captured
    assert len(again.payment.refunds) == 2
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.parametrize(
    "kind", ["error", "reset", "hang", "commit_then_hang", "commit_then_error"]
)
@pytest.mark.parametrize(
    ("supplier", "operation"),
    [("amadeus", "cancel"), ("booking_com", "cancel"), ("viator", "cancel"), ("stripe", "refund")],
)
async def test_trouble_on_the_way_is_settled(
    stack: Stack, supplier: str, operation: str, kind: str
) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm(supplier, operation, kind, seconds=20, reference=booking.id)
    after = (await cancel(stack, booking.id)).booking
    assert await stack.sandbox.fired() >= 1
    assert after.state is BookingState.CANCELLED
    assert after.payment.refunded == after.payment.captured
    assert len(after.payment.refunds) == 1
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_refused_cancel_waits_for_an_operator(stack: Stack) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking.id)
    answer = asyncio.ensure_future(cancel(stack, booking.id))
    handle = stack.client.get_workflow_handle(booking.id)
    async with asyncio.timeout(30):
        while (held := await handle.query("booking", result_type=Booking)) is None or (
            held.state is not BookingState.NEEDS_ATTENTION
        ):
            await asyncio.sleep(0.2)
    assert held.case is not None
    assert held.case.items == [2]
    await handle.execute_update(RESOLVE_UPDATE, Resolution(decision="retry", who="op"))
    assert (await answer).booking.state is BookingState.CANCELLED
    await check(stack.sandbox, stack.settings.database.url, booking.id)
