"""A traveller cancels while the booking waits for them, and the gateway's news arrive with it."""

import asyncio
from contextlib import suppress

from temporalio.service import RPCError

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import PAYMENT_SIGNAL
from tests.support.checker import check
from tests.support.stack import Stack

BOOKINGS = 4
PAUSE_SECONDS = 0.02
"""Between news: less than undoing the payment and recording it take."""


async def cancelled_amid_news(stack: Stack, card: str) -> Booking:
    request = await stack.request(payment_method=card, activities=0)
    request.patience.authentication_deadline = 60
    handle = await stack.start(request)
    await stack.until(handle, BookingState.PAYMENT_PENDING)

    async def news() -> None:
        with suppress(RPCError):  # it has ended
            while True:
                await handle.signal(PAYMENT_SIGNAL)
                await asyncio.sleep(PAUSE_SECONDS)

    async with asyncio.timeout(60), asyncio.TaskGroup() as both:
        both.create_task(news())
        answer = both.create_task(stack.cancel(request.booking_id))
    booking = await handle.result()
    assert answer.result().state is booking.state
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    return booking


async def test_a_cancel_is_not_lost_among_the_events_it_causes(stack: Stack) -> None:
    cards = ["pm_card_visa_chargeDeclined", "pm_card_threeDSecure2Required"]
    ends = await asyncio.gather(
        *(cancelled_amid_news(stack, cards[n % len(cards)]) for n in range(BOOKINGS))
    )
    assert [end.state for end in ends] == [BookingState.CANCELLED] * BOOKINGS
