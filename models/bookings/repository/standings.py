"""Where bookings stand, for those who wait for a change: many at once, by indexes alone."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text

from models.bookings.lifecycle import BookingState, is_at_rest
from models.core.database import Executor

_STANDINGS = text("""
SELECT b.id::text, b.version, b.state, b.waits,
    (SELECT count(*) + count(a.finished_at) FROM attempts a WHERE a.booking_id = b.id),
    r.begun, r.ended,
    (SELECT array_agg(c.id ORDER BY c.id) FROM cases c
        WHERE c.booking_id = b.id AND c.resolved_at IS NULL),
    CASE b.kind WHEN 'RESERVATION' THEN (SELECT v.version
        FROM reservations s JOIN venues v ON v.id = s.venue_id WHERE s.booking_id = b.id) END
FROM bookings b, LATERAL (SELECT count(*) AS begun, count(ended_at) AS ended
    FROM booking_requests WHERE booking_id = b.id) r
WHERE b.id = ANY(CAST(:ids AS uuid[]))
""")


@dataclass(frozen=True)
class Standing:
    """Where a booking stands; unequal to an earlier one when anything of it has changed."""

    version: int
    state: BookingState
    waits: bool
    attempts: int
    """How many attempts have begun, and how many have ended, together."""
    begun: int
    """How many requests about it have begun."""
    ended: int
    """How many of them have ended."""
    cases: tuple[int, ...]
    """Its open cases, by id."""
    venue: int | None = None
    """The version of a reservation's venue, whose name may change."""

    @property
    def at_rest(self) -> bool:
        """Whether no workflow runs for it."""
        return is_at_rest(self.state, waits=self.waits)

    @property
    def live(self) -> bool:
        """As :attr:`models.bookings.repository.reading.Found.live`."""
        return not self.at_rest or self.begun > self.ended


async def standings(connection: Executor, ids: Collection[str]) -> dict[str, Standing]:
    """Return where bookings stand, by id; those that do not exist are left out."""
    rows = await connection.execute(_STANDINGS, {"ids": list(ids)})
    return {
        booking_id: Standing(
            version, BookingState(state), waits, attempts, begun, ended, tuple(cases or ()), venue
        )
        for booking_id, version, state, waits, attempts, begun, ended, cases, venue in rows
    }
