"""What of our own record stands in the way of a slot; holds that are over do not."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.venues import VenueSlot
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


_OTHERS = text("""
SELECT CASE WHEN c.resource_no IS NOT NULL AND c.resource_no = t.no THEN 'RESOURCE' ELSE 'GUEST' END
    AS kind, b.reference, lower(c.visit) AS starts_at, upper(c.visit) AS ends_at
FROM inventory_claims c
JOIN reservations r ON r.booking_id = c.booking_id JOIN bookings b ON b.id = c.booking_id
LEFT JOIN venue_resources t ON t.venue_id = c.venue_id AND t.external_id = :resource
WHERE c.venue_id = :venue AND c.state IN ('HELD', 'SOLD')
    AND (c.state = 'SOLD' OR c.expires_at > clock_timestamp())
    AND c.booking_id IS DISTINCT FROM CAST(:excluded AS uuid)
    AND ((c.resource_no = t.no AND c.during && tstzrange(:blocks_from, :blocks_until))
        OR (r.guest_id = CAST(:guest AS varchar) AND NOT c.duplicate_ok
            AND c.visit && tstzrange(:starts_at, :ends_at)))
ORDER BY lower(c.visit), b.reference LIMIT :most
""")

# The counters that a claim would be held against, but for what it would find given back: holds
# that are over, and what is excluded. Visits that were used up early are counted to their ends.
_TAKEN = text("""
SELECT coalesce(max(s.covers_taken - free.covers), 0) AS covers,
    coalesce(max(s.starts_taken - free.starts) FILTER (WHERE here), 0) AS starts,
    coalesce(max(s.arrivals_taken - free.arrivals) FILTER (WHERE here), 0) AS arrivals
FROM generate_series(date_bin('15 minutes', CAST(:starts_at AS timestamptz), 'epoch'),
        CAST(:ends_at AS timestamptz) - interval '1 microsecond', interval '15 minutes') AS quarter
JOIN venue_slots s ON s.venue_id = :venue AND s.bucket = quarter,
LATERAL (SELECT quarter <= CAST(:starts_at AS timestamptz) AS here) AS at,
LATERAL (
    SELECT coalesce(sum(c.units), 0) AS covers,
        count(*) FILTER (WHERE lower(c.visit) >= quarter) AS starts,
        coalesce(sum(c.units) FILTER (WHERE lower(c.visit) >= quarter), 0) AS arrivals
    FROM inventory_claims c
    WHERE c.venue_id = :venue AND c.counted AND c.state IN ('HELD', 'SOLD')
        AND c.visit && tstzrange(quarter, quarter + interval '15 minutes')
        AND (c.booking_id = CAST(:excluded AS uuid)
            OR (c.state = 'HELD' AND c.expires_at <= clock_timestamp()))
) AS free
""")


async def find_room(
    session: AsyncSession,
    venue: Venue,
    slot: VenueSlot,
    guest_id: str | None,
    excluded: str | None,
) -> Room:
    """Return what stands in the way of a party, as if the booking ``excluded`` were not there."""
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
            **values,
            "blocks_from": blocks_from,
            "blocks_until": blocks_until,
            "resource": slot.resource_id,
            "guest": guest_id,
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
