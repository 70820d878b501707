"""What of our own record stands in the way of a slot; holds that are over do not."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.venues import VenueSlot
from models.inventory.overlaps import OF_THE_GUEST, of_table
from models.reservations.repository import guest_of_all
from models.reservations.slots import blocked
from models.reservations.venues import Venue

MOST = 20
"""So many conflicts are told."""


@dataclass(frozen=True)
class Conflict:
    """A reservation that stands in the way."""

    kind: Literal["GUEST", "VENUE", "RESOURCE"]
    reference: str | None
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None


@dataclass(frozen=True)
class Room:
    """How much room is left in our own record; None: any amount."""

    conflicts: tuple[Conflict, ...] = ()
    covers_free: int | None = None
    starts_free: int | None = None
    arrivals_free: int | None = None

    @property
    def is_free(self) -> bool:
        """Whether nothing stands in the way of a party."""
        return not self.conflicts


_OTHERS = text(f"""
WITH met AS (
    SELECT 'RESOURCE' AS kind, c.* FROM venue_resources t JOIN inventory_claims c
        ON {of_table("t.no")}
    WHERE t.venue_id = :venue AND t.external_id = CAST(:resource AS varchar)
    UNION ALL SELECT 'GUEST', c.* FROM inventory_claims c WHERE {OF_THE_GUEST}
)
SELECT max(met.kind) AS kind, b.reference, lower(met.visit) AS starts_at,
    upper(met.visit) AS ends_at
FROM met JOIN bookings b ON b.id = met.booking_id
WHERE (met.state = 'SOLD' OR met.expires_at > clock_timestamp())
    AND met.booking_id IS DISTINCT FROM CAST(:excluded AS uuid)
GROUP BY b.reference, met.visit ORDER BY lower(met.visit), b.reference LIMIT :most
""")  # noqa: S608

# The counters that a claim would be held against, but for what it would find given back: holds
# that are over, and what is excluded. Visits that were used up early are counted to their ends.
_TAKEN = text("""
WITH free AS MATERIALIZED (
    SELECT visit, units FROM inventory_claims
    WHERE booking_id = CAST(:excluded AS uuid) AND state IN ('HELD', 'SOLD')
        AND venue_id = :venue AND counted
    UNION ALL SELECT visit, units FROM inventory_claims
    WHERE state = 'HELD' AND expires_at <= (SELECT clock_timestamp())
        AND venue_id = :venue AND counted AND booking_id IS DISTINCT FROM CAST(:excluded AS uuid)
)
SELECT coalesce(max(s.covers_taken - given.covers), 0) AS covers,
    coalesce(max(s.starts_taken - given.starts) FILTER (WHERE here), 0) AS starts,
    coalesce(max(s.arrivals_taken - given.arrivals) FILTER (WHERE here), 0) AS arrivals
FROM generate_series(date_bin('15 minutes', CAST(:starts_at AS timestamptz), 'epoch'),
        CAST(:ends_at AS timestamptz) - interval '1 microsecond', interval '15 minutes') AS quarter
JOIN venue_slots s ON s.venue_id = :venue AND s.bucket = quarter,
LATERAL (SELECT quarter <= CAST(:starts_at AS timestamptz) AS here) AS at,
LATERAL (
    SELECT coalesce(sum(units), 0) AS covers,
        count(*) FILTER (WHERE lower(visit) >= quarter) AS starts,
        coalesce(sum(units) FILTER (WHERE lower(visit) >= quarter), 0) AS arrivals
    FROM free WHERE visit && tstzrange(quarter, quarter + interval '15 minutes')
) AS given
""")


async def find_room(
    session: AsyncSession,
    caller: str,
    venue: Venue,
    slot: VenueSlot,
    guest_id: str | None,
    excluded: str | None,
) -> Room:
    """Return what stands in the way of a party at a caller's venue.

    As if the booking ``excluded`` were not there.
    """
    blocks_from, blocks_until = blocked(venue.policy, slot)
    values: dict[str, Any] = {
        "venue": venue.id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "excluded": excluded,
    }
    others = await session.execute(
        _OTHERS,
        {
            "venue": venue.id,
            "excluded": excluded,
            "from": blocks_from,
            "until": blocks_until,
            "visit_from": slot.starts_at,
            "visit_until": slot.ends_at,
            "resource": slot.resource_id,
            "guest": None if guest_id is None else guest_of_all(caller, guest_id, venue.id),
            "most": MOST,
        },
    )
    conflicts = [Conflict(**row) for row in others.mappings()]
    policy = venue.policy
    if not policy.counted:
        return Room(tuple(conflicts))
    taken = (await session.execute(_TAKEN, values)).one()
    covers = policy.covers if policy.capacity_mode == "COVERS" else None
    room = {
        "covers_free": _left(covers, taken.covers),
        "starts_free": _left(policy.pacing.parties, taken.starts),
        "arrivals_free": _left(policy.pacing.covers, taken.arrivals),
    }
    wanted = {"covers_free": slot.party_size, "starts_free": 1, "arrivals_free": slot.party_size}
    if any(left is not None and left < wanted[name] for name, left in room.items()):
        conflicts.append(Conflict("VENUE", None, slot.starts_at, slot.ends_at))
    return Room(tuple(conflicts), **room)


def _left(limit: int | None, taken: int) -> int | None:
    return None if limit is None else max(limit - taken, 0)
