"""An experience that its operator confirms by hand: the trip stands, paid for, and it waits."""

import asyncio

from models.bookings.lifecycle import BookingState, ItemStatus, SagaState
from models.trips.messages import BookTripRequest
from tests.support.checker import check
from tests.support.stack import Stack
from tests.support.trips import confirmed_by_hand, unsettled


async def request(stack: Stack) -> BookTripRequest:
    return await stack.request(trip=confirmed_by_hand(await stack.sandbox.trip()))


async def test_the_trip_stands_while_an_experience_is_awaited(stack: Stack) -> None:
    handle = await stack.start(await request(stack))
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    (awaited,) = [item for item in booking.items if item.awaited]
    assert (awaited.status, awaited.saga_state) == (ItemStatus.PENDING, SagaState.AWAITED)
    assert awaited.reservation is not None
    assert booking.payment.captured == sum(item.price for item in booking.items)
    assert any("yet to be confirmed" in warning for warning in booking.warnings)
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    # What is awaited is cancelled with the rest.
    outcome = await stack.cancel(booking.id)
    assert outcome.state is BookingState.CANCELLED
    assert all(item.status is ItemStatus.CANCELLED for item in outcome.items)
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_what_is_awaited_is_undone_when_the_trip_fails(stack: Stack) -> None:
    asked = await request(stack)
    # the capture is refused twice: nothing can be taken any more
    await stack.sandbox.arm("stripe", "capture", "refuse", reference=asked.booking_id, times=5)
    handle = await stack.start(asked)
    booking = await asyncio.wait_for(handle.result(), 90)
    assert booking.state is BookingState.FAILED
    assert [item.status for item in booking.items if item.saga_state is SagaState.UNDONE]
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert not [r for r in facts.reservations if r["live"]]


async def test_what_is_awaited_and_cannot_be_cancelled_is_not_forgotten(stack: Stack) -> None:
    """Found by random sagas (seed 7): the operator's retry passed over it, and it still stood."""
    handle = await stack.start(await request(stack))
    booking = await asyncio.wait_for(handle.result(), 60)
    await stack.sandbox.arm("viator", "cancel", "refuse", reference=booking.id, times=2)
    stands = await stack.cancel(booking.id)
    assert stands.state is BookingState.CONFIRMED
    (awaited,) = [item for item in stands.items if item.awaited]
    assert awaited.number in [case.item for case in unsettled(stands)]
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    for case in unsettled(stands):
        outcome = await stack.resolve(booking.id, item=case.item)
    assert outcome.state is BookingState.CANCELLED
    assert unsettled(outcome) == []
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert not [r for r in facts.reservations if r["live"]]
