"""Where bookings stand, for those who wait for a change: many at once, by indexes alone."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import SETTLED_STATES, BookingState

_STANDINGS = text("""
SELECT b.id::text, b.version, b.state, b.waits,
    (SELECT count(*) + count(finished_at) FROM attempts a WHERE a.booking_id = b.id),
    (SELECT count(*) + count(ended_at) FROM booking_requests r WHERE r.booking_id = b.id)
FROM bookings b WHERE b.id = ANY(CAST(:ids AS uuid[]))
""")


@dataclass(frozen=True)
class Standing:
    """Where a booking stands; unequal to an earlier one when anything of it has changed."""

    version: int
    state: BookingState
    waits: bool
    attempts: int
    """How many attempts have begun, and how many have ended, together."""
    requests: int
    """The same of the requests about it."""

    @property
    def at_rest(self) -> bool:
        """As :attr:`models.bookings.booking.Booking.at_rest`."""
        held = self.state is BookingState.HELD and not self.waits
        return self.state in SETTLED_STATES or held


async def standings(session: AsyncSession, ids: Collection[str]) -> dict[str, Standing]:
    """Return where bookings stand, by id; those that do not exist are left out."""
    rows = await session.execute(_STANDINGS, {"ids": list(ids)})
    return {
        booking_id: Standing(version, BookingState(state), waits, attempts, requests)
        for booking_id, version, state, waits, attempts, requests in rows
    }
