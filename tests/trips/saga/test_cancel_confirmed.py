"""Cancelling a confirmed trip: fees by the stored terms, the rest refunded, once."""

import asyncio
import datetime as dt
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus
from tests.support.checker import check
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import unsettled


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
    outcome = await stack.cancel(booking.id)
    after = outcome
    assert after.state is BookingState.CANCELLED
    assert after.payment.refunded == after.payment.captured
    assert all(item.status is ItemStatus.CANCELLED for item in after.items)
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert facts.booking["cancel_reason"] == "ill"


@pytest.mark.exhaustive  # cancelling/test_dry_run: as quoted
async def test_fees_follow_the_stored_terms(stack: Stack) -> None:
    booking = await confirmed(stack)
    past = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).isoformat()
    hotel = booking.items[1]
    set_terms(
        stack, booking.id, 2, [{"until": past, "fee": 0}, {"until": None, "fee": hotel.price // 2}]
    )
    set_terms(stack, booking.id, 3, [{"until": None, "fee": booking.items[2].price}])
    after = await stack.cancel(booking.id)
    fees = hotel.price // 2 + booking.items[2].price
    assert after.payment.captured - after.payment.refunded == fees
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_cancelling_twice_is_the_same_answer(stack: Stack) -> None:
    booking = await confirmed(stack)
    first, second = await asyncio.gather(stack.cancel(booking.id), stack.cancel(booking.id))
    third = await stack.cancel(booking.id)
    assert first == second
    assert third == first
    assert third.state is BookingState.CANCELLED
    assert len(third.payment.refunds) == 1
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.exhaustive  # cancelling/test_dry_run: one item and the rest
async def test_one_component_can_go_and_the_rest_stands(stack: Stack) -> None:
    booking = await confirmed(stack)
    tour = booking.items[3]
    after = await stack.cancel(booking.id, [tour.component_id])
    assert after.state is BookingState.CONFIRMED
    assert [item.live for item in after.items] == [True, True, True, False]
    assert after.payment.refunded == tour.price
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    again = await stack.cancel(booking.id)
    assert again.state is BookingState.CANCELLED
    assert again.payment.refunded == again.payment.captured
    assert len(again.payment.refunds) == 2
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_what_was_never_taken_is_not_counted_as_given_back(stack: Stack) -> None:
    """A tour fails, so that less is captured than was held; then the traveller cancels."""
    request = await stack.request()
    tour = f"{request.booking_id}-4-1"
    await stack.sandbox.arm("viator", "book", "refuse", reference=tour)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.CONFIRMED
    assert 0 < booking.payment.captured < booking.payment.authorised
    for item in booking.items:
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": 0}])
    after = await stack.cancel(booking.id)
    assert after.state is BookingState.CANCELLED
    assert not after.needs_attention, after.cases
    assert after.payment.refunded == after.payment.captured
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert [refund["amount"] for refund in facts.refunds] == [after.payment.captured]


@pytest.mark.parametrize(
    ("supplier", "operation", "kind"),
    table(
        [
            ("amadeus", "cancel"),
            ("booking_com", "cancel"),
            ("viator", "cancel"),
            ("stripe", "refund"),
        ],
        ["error", "reset", "hang", "commit_then_hang", "commit_then_error"],
        quick=[],  # of an item: test_undo; of a refund: test_settling, faults/test_giving_back
    ),
)
async def test_trouble_on_the_way_is_settled(
    stack: Stack, supplier: str, operation: str, kind: str
) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm(supplier, operation, kind, seconds=20, reference=booking.id)
    after = await stack.cancel(booking.id)
    assert await stack.sandbox.fired() >= 1
    assert after.state is BookingState.CANCELLED
    assert after.payment.refunded == after.payment.captured
    assert len(after.payment.refunds) == 1
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_hotel_that_is_not_let_go_stays_and_the_rest_is_cancelled(stack: Stack) -> None:
    booking = await confirmed(stack)
    hotel = booking.items[1]
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking.id)
    stands = await stack.cancel(booking.id)
    assert stands.state is BookingState.CONFIRMED
    assert [item.number for item in stands.live_items] == [hotel.number]
    assert [case.item for case in unsettled(stands)] == [hotel.number]
    assert stands.payment.captured - stands.payment.refunded == hotel.price
    await check(stack.sandbox, stack.settings.database.url, booking.id)

    after = await stack.resolve(booking.id)
    assert after.state is BookingState.CANCELLED
    assert unsettled(after) == []
    assert after.payment.refunded == after.payment.captured
    assert (after.cancel_reason, after.cancelled_by) == ("ill", "GUEST")
    await check(stack.sandbox, stack.settings.database.url, booking.id)
