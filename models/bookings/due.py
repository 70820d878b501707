"""What is due about bookings, as rows. Callers own the transaction.

Rows are replaced in the transaction that makes them true (:class:`DueHook`), and claimed by lease:
who dies in between has lost nothing.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.deadlines import Action, Due
from models.bookings.hooks import Hook, Step
from models.bookings.lifecycle import BookingState
from models.core.database import Executor
from models.core.recordset import as_json

DueOf = Callable[[AsyncSession, Booking], Awaitable[Mapping[Action, Due]]]
"""Says what is due about a booking as it stands."""

LEASE = dt.timedelta(minutes=2)
"""How long a claimed row is one worker's: many times as long as what it asks for takes."""


@dataclass(frozen=True)
class Claimed:
    """Something that is due, and this worker's until the lease runs out."""

    booking_id: str
    action: Action
    attempts: int
    """This one included."""


_REPLACE = text("""
WITH fresh AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb))
        AS row(action varchar, due_at timestamptz, rule varchar)
), gone AS (
    DELETE FROM booking_due
    WHERE booking_id = :booking AND action NOT IN (SELECT action FROM fresh)
)
INSERT INTO booking_due (booking_id, action, due_at, attempts, rule)
SELECT CAST(:booking AS uuid), action, due_at, 0, rule FROM fresh
ON CONFLICT (booking_id, action) DO UPDATE SET
    due_at = excluded.due_at, rule = excluded.rule, attempts = 0, leased_until = NULL
""")

# The time in a subquery is one value: an index is read up to it, and not to its end.
_CLAIM = text("""
WITH taken AS (
    SELECT booking_id, action FROM booking_due
    WHERE due_at <= (SELECT clock_timestamp())
        AND (leased_until IS NULL OR leased_until <= clock_timestamp())
    ORDER BY due_at LIMIT :most FOR UPDATE SKIP LOCKED
)
UPDATE booking_due d SET attempts = d.attempts + 1,
    leased_until = clock_timestamp() + make_interval(secs => :seconds)
FROM taken WHERE d.booking_id = taken.booking_id AND d.action = taken.action
RETURNING d.booking_id::text, d.action, d.attempts
""")

_GIVE_BACK = text("""
UPDATE booking_due SET leased_until = NULL
WHERE booking_id = :booking AND action = :action AND attempts = :attempts
""")

_LOCK = text("SELECT clock_timestamp() FROM bookings WHERE id = :booking FOR UPDATE")


async def replace_due(session: AsyncSession, booking_id: str, due: Mapping[Action, Due]) -> None:
    """Let exactly this be due about a booking, whose row is locked."""
    rows = [{"action": action, "due_at": one.at, "rule": one.rule} for action, one in due.items()]
    await session.execute(_REPLACE, {"booking": booking_id, "rows": as_json(rows)})


async def claim_due(session: Executor, most: int) -> Sequence[Claimed]:
    """Take what is due, the longest overdue first, for as long as a lease."""
    values = {"most": most, "seconds": LEASE.total_seconds()}
    rows = await session.execute(_CLAIM, values)
    return [Claimed(booking, Action(action), attempts) for booking, action, attempts in rows]


async def give_back(session: Executor, claimed: Claimed) -> None:
    """Let something be claimed again in the next round: it could not be done now."""
    values = {
        "booking": claimed.booking_id,
        "action": claimed.action,
        "attempts": claimed.attempts,
    }
    await session.execute(_GIVE_BACK, values)


async def lock_booking(session: AsyncSession, booking_id: str) -> dt.datetime:
    """Keep others from moving a booking that is on record; returns the database's time."""
    now: dt.datetime = (await session.execute(_LOCK, {"booking": booking_id})).scalar_one()
    return now


class DueHook(Hook):
    """Writes down what is due: a booking that has moved on is never met by its old deadlines."""

    def __init__(self, has_due: Collection[BookingState], due_of: DueOf) -> None:
        self._has_due = has_due
        self._due_of = due_of

    async def after(self, session: AsyncSession, step: Step) -> None:
        """Replace what is due; what else the kind has on record is written by then."""
        booking = step.booking
        if booking.state in self._has_due:
            await replace_due(session, booking.id, await self._due_of(session, booking))
        elif step.from_state in self._has_due:
            await replace_due(session, booking.id, {})
