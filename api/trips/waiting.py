"""Waiting for the end of a booking, or for the point where it needs its traveller."""

import asyncio

from api.core.context import AppContext
from models.bookings.lifecycle import BookingState
from models.bookings.repository import Standing

PARKED_STATES = frozenset({BookingState.PAYMENT_PENDING})
"""States in which the workflow waits for the traveller: no use in waiting with it."""


async def settled(
    context: AppContext, booking_id: str, seconds: float, *, after: int = -1
) -> Standing | None:
    """Wait until a booking is at rest or ``PARKED``; returns where it stands then, or in the end.

    ``after`` is a version of the record that is no news. None: it is not even recorded yet.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    standing: Standing | None = None
    while (left := deadline - loop.time()) > 0:
        standing = await context.watch.changed(booking_id, standing, left)
        if standing is not None and standing.version > after and _waits_for_nobody(standing):
            break
    return standing


def _waits_for_nobody(standing: Standing) -> bool:
    return standing.at_rest or standing.state in PARKED_STATES
