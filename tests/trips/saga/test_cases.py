"""Open cases: they hold nothing up, and a person's word ends every one of them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import select

from api.trips.presenters.booking import book_answer
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.supply import ItemType
from models.trips.tables import TRIP_OPTIONS
from tests.support.checker import check
from tests.support.money import Gateway, settled
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import sold_by, unsettled
from tests.trips.modifying import changes
from tests.trips.saga.test_cancel_confirmed import confirmed

CONFIRMED, FAILED, CANCELLED = BookingState.CONFIRMED, BookingState.FAILED, BookingState.CANCELLED


async def by_hand(stack: Stack, reference: str) -> None:
    """Cancel a reservation in Viator's back office."""
    answer = await stack.sandbox.http.post(f"/_sandbox/viator/bookings/{reference}/cancel", json={})
    answer.raise_for_status()


# -- what a case holds up: nothing --------------------------------------------------------------


async def test_a_refund_that_came_back_keeps_nobody_from_cancelling(stack: Stack) -> None:
    booking = await confirmed(stack)
    tour = booking.items[3]
    smaller = await stack.cancel(booking.id, [tour.component_id])
    await Gateway(stack).fail_refund(smaller.payment.refunds[-1].id)
    owing = await settled(stack, smaller)
    assert [case.payment for case in unsettled(owing)] == [1]

    after = await stack.cancel(booking.id)
    assert after.state is CANCELLED
    assert not after.live_items
    assert after.payment.refunded == after.payment.captured
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert not any(row["live"] for row in facts.reservations)
    assert unsettled(after) == [], "nothing is owed any more"


async def test_money_given_back_too_soon_keeps_nobody_from_cancelling(stack: Stack) -> None:
    booking = await confirmed(stack)
    await Gateway(stack).refund(booking.payment.id or "", 1000)
    less = await settled(stack, booking)
    assert less.owed == -1000
    assert len(unsettled(less)) == 1
    after = await stack.cancel(booking.id)
    assert after.state is CANCELLED
    assert after.payment.refunded == after.payment.captured
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_hotel_not_let_go_can_be_cancelled_again_and_settles_its_case(
    stack: Stack,
) -> None:
    booking = await confirmed(stack)
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking.id)
    stands = await stack.cancel(booking.id)
    assert [case.item for case in unsettled(stands)] == [2]
    after = await stack.cancel(booking.id)
    assert after.state is CANCELLED
    assert unsettled(after) == []
    assert after.payment.refunded == after.payment.captured
    await check(stack.sandbox, stack.settings.database.url, booking.id)


# -- a trip without an experience that cannot be undone -----------------------------------------


async def lock_status(stack: Stack, booking: Booking) -> str | None:
    """What the planner is told of the trip: ``tests/outbox/test_planner``."""
    option = TRIP_OPTIONS.c.id == booking.trip_option_id
    async with stack.sessions() as session:
        return await session.scalar(select(TRIP_OPTIONS.c.lock_status).where(option))


async def test_a_dropped_experience_that_cannot_be_undone_is_a_case_of_a_trip_that_stands(
    stack: Stack,
) -> None:
    request = await stack.request(**sold_by("getyourguide"))
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("getyourguide", "complete", "refuse", **about)
    await stack.sandbox.arm("getyourguide", "cancel", "refuse", times=2, **about)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 90)

    assert booking.state is CONFIRMED
    assert booking.problem is None
    answer = book_answer(await stack.recorded(booking.id))
    assert (answer.success, answer.needs_attention) == (True, True)
    (case,) = unsettled(booking)
    assert case.item is not None
    dropped = booking.item(case.item)
    assert dropped.type is ItemType.ACTIVITY
    assert not dropped.live
    assert booking.payment.captured == sum(item.price for item in booking.live_items)
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert await lock_status(stack, booking) == "BOOKED"

    after = await stack.resolve(booking.id)
    assert (after.state, unsettled(after)) == (CONFIRMED, [])
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert not [r for r in facts.reservations if r["reference"] == dropped.reference and r["live"]]


# -- a person's word ----------------------------------------------------------------------------


async def not_released(stack: Stack) -> str:
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("booking_com", "book", "refuse", **about)
    await stack.sandbox.arm("stripe", "cancel", "refuse", **about)
    await (await stack.start(request)).result()
    return request.booking_id


async def taken_and_not_refunded(stack: Stack) -> str:
    """Duffel is paid after the capture, and refuses: what was taken cannot be given back."""
    request = await stack.request(**sold_by("duffel"))
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("duffel", "complete", "refuse", times=5, **about)
    await stack.sandbox.arm("stripe", "refund", "refuse", **about)
    await (await stack.start(request)).result()
    return request.booking_id


async def tour_not_undone(stack: Stack) -> str:
    request = await stack.request()
    about = {"reference": request.booking_id}
    await stack.sandbox.arm("stripe", "capture", "refuse", times=2, **about)
    await stack.sandbox.arm("viator", "cancel", "refuse", **about)
    await (await stack.start(request)).result()
    return request.booking_id


async def tour_not_cancelled(stack: Stack) -> str:
    booking = await confirmed(stack)
    await stack.sandbox.arm("viator", "cancel", "refuse", reference=booking.id)
    await stack.cancel(booking.id)
    return booking.id


async def cancelled_and_not_refunded(stack: Stack) -> str:
    booking = await confirmed(stack)
    await stack.sandbox.arm("stripe", "refund", "refuse", reference=booking.id)
    await stack.cancel(booking.id)
    return booking.id


async def a_refund_came_back(stack: Stack) -> str:
    booking = await confirmed(stack)
    gone = await stack.cancel(booking.id)
    await Gateway(stack).fail_refund(gone.payment.refunds[-1].id)
    await settled(stack, gone)
    return booking.id


async def changed_and_not_refunded(stack: Stack) -> str:
    booking = await confirmed(stack)
    requested = changes.swap(booking.items[1], await changes.other_hotel(stack, nights=2))
    await stack.sandbox.arm("stripe", "refund", "refuse", reference=booking.id)
    assert (await changes.change(stack, booking.id, requested)).carried_out
    return booking.id


async def change_not_released(stack: Stack) -> str:
    booking = await confirmed(stack)
    requested = changes.swap(booking.items[1], await changes.other_hotel(stack, nights=7))
    await stack.sandbox.arm("booking_com", "book", "refuse", reference=booking.id)
    await stack.sandbox.arm("stripe", "cancel", "refuse", reference=booking.id)
    assert not (await changes.change(stack, booking.id, requested)).carried_out
    return booking.id


@pytest.mark.parametrize(
    ("make", "state"),
    table(
        [
            (not_released, FAILED),
            (taken_and_not_refunded, FAILED),
            (tour_not_undone, FAILED),
            (tour_not_cancelled, CANCELLED),
            (cancelled_and_not_refunded, CANCELLED),
            (a_refund_came_back, CANCELLED),
            (changed_and_not_refunded, CONFIRMED),
            (change_not_released, CONFIRMED),
        ],
        quick=[
            (taken_and_not_refunded, FAILED),
            (tour_not_cancelled, CANCELLED),
            (change_not_released, CONFIRMED),
        ],
    ),
)
async def test_settled_and_paid_by_hand_ends_every_case(
    stack: Stack, make: Callable[[Stack], Awaitable[str]], state: BookingState
) -> None:
    booking_id = await make(stack)
    await stack.sandbox.clear()
    before = await stack.recorded(booking_id)
    (case,) = unsettled(before)
    if case.item is not None:
        await by_hand(stack, before.item(case.item).reference)

    after = await stack.resolve(booking_id, "resolved", paid_by_hand=True)
    assert unsettled(after) == []
    assert after.state is state
    assert after.owed == 0
    assert after.refunded == before.refunded, "what is paid by hand is not refunded as well"
    assert after.goodwill == 0
    await check(stack.sandbox, stack.settings.database.url, booking_id)
    told = book_answer(after)
    assert not told.needs_attention
    assert told.error is None or "person" not in told.error.message + told.error.next_step
