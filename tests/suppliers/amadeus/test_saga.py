"""Trips whose flight is Amadeus': a number nobody can call, a host that is closed."""

import asyncio

from models.bookings.lifecycle import BookingState
from tests.support.checker import check
from tests.support.stack import Stack
from tests.support.trips import unsettled
from tests.trips.saga.test_cancel_confirmed import confirmed

HOST = "/_sandbox/amadeus/closed"


async def test_the_oldest_callers_sample_request_books(stack: Stack) -> None:
    """Its phone number has too few digits: the airline gets ours, and the traveller is told."""
    request = await stack.request()
    request.contact.phone = "+1234567890"
    request.travelers[0].phone = None
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.CONFIRMED
    (warning,) = booking.warnings
    assert "'+1234567890' has too few or too many digits" in warning
    assert "our number instead" in warning
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_flight_that_is_not_found_is_somebodys_case(stack: Stack) -> None:
    """No money goes back for a flight that may live; who finds the host again cancels it."""
    booking = await confirmed(stack)
    flight = booking.items[0]
    (await stack.sandbox.http.post(HOST)).raise_for_status()
    try:
        after = await stack.cancel(booking.id)
    finally:
        (await stack.sandbox.http.delete(HOST)).raise_for_status()
    assert flight.number in [item.number for item in after.live_items]
    (case,) = unsettled(after)
    assert case.item == flight.number
    assert after.payment.captured - after.payment.refunded == flight.price
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert [row["live"] for row in facts.reservations if row["supplier"] == "amadeus"] == [True]
    done = await stack.resolve(booking.id)
    assert done.state is BookingState.CANCELLED
    assert done.payment.refunded == done.payment.captured
    await check(stack.sandbox, stack.settings.database.url, booking.id)
