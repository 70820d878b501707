"""Moving a booking's claim to another place: the one or the other, never both or none.

Callers own the transaction. The booking's own claim is let go before the other is made, because
constraints are checked at once and a booking must not collide with itself.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.claims import HoldLostError
from models.core.database import Executor
from models.inventory.claims import (
    BUCKETS,
    GIVE_BACK,
    Claim,
    by_bucket,
    count_claim,
    insert_claim,
    values_of,
)
from models.inventory.overlaps import of_guest, of_table

_MAKE_SLOTS = text(f"""
INSERT INTO venue_slots (venue_id, bucket, covers_taken, starts_taken, arrivals_taken)
SELECT DISTINCT CAST(:venue AS uuid), bucket, 0, 0, 0 FROM ({BUCKETS}) AS at ORDER BY bucket
ON CONFLICT (venue_id, bucket) DO NOTHING
""")  # noqa: S608

_MADE = text("""
SELECT count(*) FROM inventory_claims
WHERE booking_id = :booking AND item = :item AND version = :version
""")

# Its own and all that are in the way, in one order: of two that want each other's place one waits.
LOCK_CLAIMS = text(f"""
SELECT id, booking_id = :booking AS own FROM inventory_claims
WHERE (booking_id = :booking AND state IN ('HELD', 'SOLD'))
    OR {of_table("CAST(:resource AS bigint)")} OR {of_guest()}
ORDER BY id FOR UPDATE
""")  # noqa: S608

_LOCK_SLOTS = text(f"""
WITH own AS (SELECT * FROM inventory_claims WHERE id = :old)
SELECT s.bucket FROM venue_slots s
WHERE s.venue_id = :venue AND s.bucket IN (
    SELECT bucket FROM ({BUCKETS}) AS wanted
    UNION ALL SELECT bucket FROM ({by_bucket("own")}) AS had)
ORDER BY s.venue_id, s.bucket FOR UPDATE
""")  # noqa: S608

_LET_GO = text("""
UPDATE inventory_claims SET state = 'RELEASED', changed_at = clock_timestamp() WHERE id = :old
""")

_USED = text("""
SELECT count(*) FROM inventory_claims WHERE booking_id = :booking AND state = 'USED'
""")

_GIVE_BACK = text(f"""
WITH ended AS (SELECT * FROM inventory_claims WHERE id = :old){GIVE_BACK}""")  # noqa: S608


async def make_slots(session: Executor, claim: Claim) -> None:
    """Make the counters that a claim will need, with nothing taken.

    In a transaction of its own before the place is moved, which locks those of both places in the
    order of time.
    """
    if claim.limits is not None:
        await session.execute(_MAKE_SLOTS, values_of(claim))


async def move_place(session: AsyncSession, claim: Claim) -> None:
    """Let a booking have ``claim`` in place of what it has; a repeat changes nothing.

    Everything happens within a savepoint: a refusal leaves it what it had. Call it with the
    booking's row locked.

    Raises:
        PlaceTakenError: there is no such place; nothing was moved.
        HoldLostError: the booking has no place that could be moved.
    """
    values = values_of(claim)
    async with session.begin_nested():
        if await session.scalar(_MADE, values):
            return
        locked = await session.execute(LOCK_CLAIMS, values)
        own = [row.id for row in locked.all() if row.own]
        # The guest was taken for missing, and comes another time: nothing is to be given back.
        if not own and not await session.scalar(_USED, values):
            raise HoldLostError(claim.booking_id)
        old = {"old": own[0] if own else None}
        await session.execute(_LET_GO, old)
        await insert_claim(session, claim)
        await session.execute(_LOCK_SLOTS, values | old)
        await session.execute(_GIVE_BACK, old)
        await count_claim(session, claim)
