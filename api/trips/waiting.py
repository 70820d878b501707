"""Waiting for the end of a booking, or for the point where it needs somebody."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from api.core.context import House
from models.bookings.booking import Booking
from models.bookings.lifecycle import SETTLED_STATES, BookingState
from models.core.database import DATABASE_AWAY

FIRST_LOOK_SECONDS = 1.5
LOOK_SECONDS = 1.0

PARKED_STATES = frozenset({BookingState.PAYMENT_PENDING})
"""States in which the workflow waits for the traveller: no use in waiting with it."""


async def settled(
    house: House,
    booking_id: str,
    end: Coroutine[Any, Any, Booking | None],
    seconds: float,
    *,
    parked: frozenset[BookingState] = PARKED_STATES,
) -> Booking | None:
    """Return the booking once it has ended or is ``parked``; None when time is up.

    ``end`` waits for the workflow. The record is looked at beside it, for a booking may park
    without ending; and it is what answers when the workflow was terminated (``end`` gives None).
    """
    if seconds <= 0:
        end.close()
        return None
    ending = asyncio.create_task(_ended(end))
    parking = asyncio.create_task(_parked(house, booking_id, parked))
    try:
        done, _ = await asyncio.wait(
            {ending, parking}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if ending in done:
            booking = ending.result()
            if booking is not None and not booking.cases:  # those have their numbers on record
                return booking
            # It ended otherwise than by itself, or Temporal went away: the record tells.
            return await _recorded(house, booking_id)
        return parking.result() if parking in done else None
    finally:
        for task in (ending, parking):
            task.cancel()
        await asyncio.gather(ending, parking, return_exceptions=True)


async def _ended(end: Coroutine[Any, Any, Booking | None]) -> Booking | None:
    try:
        return await end
    except (WorkflowFailureError, RPCError):
        return None


async def _parked(house: House, booking_id: str, parked: frozenset[BookingState]) -> Booking:
    await asyncio.sleep(FIRST_LOOK_SECONDS)
    while True:
        try:
            state = await house.record.state(booking_id)
            if state in parked:
                stored = await house.record.booking(booking_id, owner=None)
                if stored is not None and stored.booking.state in parked:
                    return stored.booking
        except DATABASE_AWAY:
            pass  # the workflow runs on; its end may still be heard of
        await asyncio.sleep(LOOK_SECONDS)


async def _recorded(house: House, booking_id: str) -> Booking | None:
    try:
        stored = await house.record.booking(booking_id, owner=None)
    except DATABASE_AWAY:
        return None
    return stored.booking if stored else None


def is_settled(booking: Booking) -> bool:
    """Tell whether the record answers for the booking: nothing runs for it."""
    return booking.state in SETTLED_STATES
