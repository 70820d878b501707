"""Waiting for the end of a booking, or for the point where it needs its traveller."""

import asyncio
from collections.abc import AsyncIterator

from api.core.context import AppContext
from models.bookings.lifecycle import BookingState
from models.bookings.repository import Standing

PARKED_STATES = frozenset({BookingState.PAYMENT_PENDING})
"""States in which the workflow waits for the traveller: no use in waiting with it."""
LONGEST_LOOK_SECONDS = 5.0
"""After this time a booking is looked at although nothing of it is known to have changed."""


async def looks(
    context: AppContext, booking_id: str, seconds: float
) -> AsyncIterator[Standing | None]:
    """Say when to look at a booking: at once, whenever it has changed, and when time is up.

    Yields where it stands, as far as that is known: None at first, and while it is not recorded.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    standing: Standing | None = None
    while True:
        yield standing
        left = deadline - loop.time()
        if left <= 0:
            return
        standing = await context.watch.changed(
            booking_id, standing, min(left, LONGEST_LOOK_SECONDS)
        )


async def settled(
    context: AppContext, booking_id: str, seconds: float, *, after: int = -1
) -> Standing | None:
    """Wait until a booking is at rest or ``PARKED``; returns where it stands then, or in the end.

    ``after`` is a version of the record that is no news. None: it is not even recorded yet.
    """
    standing: Standing | None = None
    async for standing in looks(context, booking_id, seconds):
        if standing is not None and standing.version > after and _waits_for_nobody(standing):
            break
    return standing


def _waits_for_nobody(standing: Standing) -> bool:
    return standing.at_rest or standing.state in PARKED_STATES
