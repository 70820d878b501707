"""What of our own record stands in the way of a slot; holds that are over do not."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.venues import VenueSlot
from models.inventory.claims import KEEPS, STARTS, quarter, quarters
from models.inventory.overlaps import VISIT, of_guest, of_table
from models.inventory.tables import LIVE
from models.reservations.policy import VenuePolicy
from models.reservations.repository import guest_of_all
from models.reservations.slots import blocked, slot_of
from models.reservations.venues import Venue

MOST = 20
"""So many conflicts are told."""


@dataclass(frozen=True)
class Conflict:
    """A reservation that is there at that time."""

    kind: Literal["GUEST", "VENUE", "RESOURCE"]
    reference: str | None
    venue_id: str
    """As its caller knows it. The guest's own at another venue stands in nobody's way."""
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None


@dataclass(frozen=True)
class Room:
    """How much room is left in our own record; None: any amount."""

    reason: str | None = None
    """What stands in the way of the party; None: nothing. Of several the first of ``resource``,
    ``guest`` and ``venue``: as a claim would be refused."""
    is_full: bool = False
    """Whether the venue's limits do, whatever else does."""
    covers_free: int | None = None
    starts_free: int | None = None
    arrivals_free: int | None = None
    conflicts: tuple[Conflict, ...] = ()

    def fewer(self, free: int, unit: str) -> int:
        """Return how much is free by the inventory and, of covers, by our own count, too."""
        if unit != "covers" or self.covers_free is None:
            return free
        return min(free, self.covers_free)

    @property
    def is_free(self) -> bool:
        """Whether nothing stands in the way of the party."""
        return self.reason is None


_STANDS = """({0}state = 'SOLD' OR {0}expires_at > clock_timestamp())
    AND {0}booking_id IS DISTINCT FROM CAST(:excluded AS uuid)"""

# What a guest has at other venues is found by the list of theirs: what began within a day. Who
# stays at a hotel for longer is not told so at every dinner.
_OTHERS = text(f"""
WITH met AS (
    SELECT 'RESOURCE' AS kind, c.* FROM venue_resources t JOIN inventory_claims c
        ON {of_table("t.no")}
    WHERE t.venue_id = :venue AND t.external_id = CAST(:resource AS varchar)
    UNION ALL SELECT 'GUEST', c.* FROM inventory_claims c WHERE {of_guest()}
    UNION ALL (SELECT 'GUEST', c.* FROM reservations r JOIN inventory_claims c USING (booking_id)
    WHERE r.caller_id = CAST(:caller AS uuid) AND r.guest_id = CAST(:guest_id AS varchar)
        AND r.state IN ('VALIDATING','HELD','PAYMENT_PENDING','PROCESSING','CONFIRMED','CHECKED_IN')
        AND r.starts_at < :visit_until
        AND r.starts_at > CAST(:visit_from AS timestamptz) - interval '1 day'
        AND r.ends_at > :visit_from AND r.venue_id <> :venue AND c.{LIVE} AND c.visit && {VISIT}
    LIMIT :most)
)
SELECT max(met.kind) AS kind, b.reference, v.external_id AS venue_id,
    lower(met.visit) AS starts_at, upper(met.visit) AS ends_at
FROM met JOIN bookings b ON b.id = met.booking_id JOIN venues v ON v.id = met.venue_id
WHERE {_STANDS.format("met.")}
GROUP BY b.reference, v.id, met.visit
ORDER BY v.id <> :venue, lower(met.visit), b.reference LIMIT :most
""")  # noqa: S608

# The counters that a claim would be held against, but for what it would find given back: holds
# that are over, and what is excluded. They are read once for all starts, which lie close together.
_ROOM = text(f"""
WITH asked AS (
    SELECT * FROM unnest(CAST(:visits_from AS timestamptz[]), CAST(:visits_until AS timestamptz[]),
        CAST(:froms AS timestamptz[]), CAST(:untils AS timestamptz[]),
        CAST(:slots_at AS timestamptz[]), CAST(:slots_until AS timestamptz[]))
        WITH ORDINALITY AS asked (visit_from, visit_until, "from", until, slot_at, slot_until, n)
), free AS MATERIALIZED (
    SELECT {KEEPS} AS keeps, {STARTS} AS begins, units FROM inventory_claims
    WHERE booking_id = CAST(:excluded AS uuid) AND {LIVE} AND venue_id = :venue AND counted
    UNION ALL SELECT {KEEPS}, {STARTS}, units FROM inventory_claims
    WHERE state = 'HELD' AND expires_at <= (SELECT clock_timestamp())
        AND venue_id = :venue AND counted AND booking_id IS DISTINCT FROM CAST(:excluded AS uuid)
), whole AS (
    SELECT min({quarter('"from"')}) AS begins, interval '15 minutes'
        + {quarter("max(until) - interval '1 microsecond'")} AS ends FROM asked
), freed AS (
    SELECT quarter AS bucket, sum(units) AS units
    FROM whole, free, LATERAL (SELECT keeps * tstzrange(whole.begins, whole.ends) AS shared) AS at,
        {quarters("lower(shared)", "upper(shared)")} AS quarter
    GROUP BY quarter
), taken AS MATERIALIZED (
    SELECT s.bucket, s.covers_taken - coalesce(freed.units, 0) AS covers
    FROM venue_slots s LEFT JOIN freed ON freed.bucket = s.bucket
    WHERE s.venue_id = :venue AND s.covers_taken > 0 AND s.bucket < (SELECT ends FROM whole)
        AND s.bucket >= (SELECT begins FROM whole)
)
SELECT coalesce(there.covers, 0) AS covers, coalesce(began.starts, 0) - given.starts AS starts,
    coalesce(began.arrivals, 0) - given.arrivals AS arrivals,
    CASE WHEN EXISTS (SELECT FROM inventory_claims WHERE {_STANDS.format("")} AND {
    of_table(
        "(SELECT no FROM venue_resources"
        " WHERE venue_id = :venue AND external_id = CAST(:resource AS varchar))",
        'tstzrange(asked."from", asked.until)',
    )
}) THEN 'resource' WHEN EXISTS (SELECT FROM inventory_claims WHERE {_STANDS.format("")} AND {
    of_guest("tstzrange(asked.visit_from, asked.visit_until)")
}) THEN 'guest' END AS met
FROM asked, LATERAL (
    SELECT max(covers) AS covers FROM taken
    WHERE bucket >= {quarter('asked."from"')} AND bucket < asked.until
) AS there, LATERAL (
    SELECT sum(s.starts_taken) AS starts, sum(s.arrivals_taken) AS arrivals FROM venue_slots s
    WHERE s.venue_id = :venue AND s.bucket >= asked.slot_at AND s.bucket < asked.slot_until
) AS began, LATERAL (
    SELECT count(*) AS starts, coalesce(sum(units), 0) AS arrivals FROM free
    WHERE begins >= asked.slot_at AND begins < asked.slot_until
) AS given
ORDER BY n
""")  # noqa: S608


async def find_room(
    session: AsyncSession,
    caller: str,
    venue: Venue,
    slot: VenueSlot,
    guest_id: str | None,
    excluded: str | None,
) -> Room:
    """Return what stands in the way of a party at a caller's venue, and what its guest has besides.

    As if the booking ``excluded`` were not there.
    """
    room = Room()
    if venue.policy.counted:
        (room,) = await find_rooms(session, caller, venue, [slot], guest_id, excluded)
    blocks_from, blocks_until = blocked(venue.policy, slot)
    others = await session.execute(
        _OTHERS,
        {
            **_whose(caller, venue, slot, guest_id, excluded),
            "caller": caller,
            "guest_id": guest_id,
            "from": blocks_from,
            "until": blocks_until,
            "visit_from": slot.starts_at,
            "visit_until": slot.ends_at,
            "most": MOST,
        },
    )
    conflicts = [Conflict(**row) for row in others.mappings()]
    here = [one for one in conflicts if one.venue_id == venue.external_id]
    if room.is_full:
        conflicts.append(Conflict("VENUE", None, venue.external_id, slot.starts_at, slot.ends_at))
    reason = max((one.kind.lower() for one in here), default=room.reason)
    return replace(room, reason=reason, conflicts=tuple(conflicts))


async def find_rooms(
    session: AsyncSession,
    caller: str,
    venue: Venue,
    slots: Sequence[VenueSlot],
    guest_id: str | None,
    excluded: str | None,
) -> list[Room]:
    """Return how much room there is for a party in each of some slots, in their order.

    As :func:`find_room`, in one statement, and without the conflicts.
    """
    if not slots:
        return []
    visits = [(slot.starts_at, slot.ends_at) for slot in slots]
    blocks = [blocked(venue.policy, slot) for slot in slots]
    begins = [slot_of(venue.policy, slot) for slot in slots]
    columns = zip(
        *((*v, *b, *s) for v, b, s in zip(visits, blocks, begins, strict=True)), strict=True
    )
    found = await session.execute(
        _ROOM,
        {
            **_whose(caller, venue, slots[0], guest_id, excluded),
            **dict(zip(_ASKED, map(list, columns), strict=True)),
        },
    )
    return [_room(venue.policy, slots[0].party_size, row) for row in found]


_ASKED = ("visits_from", "visits_until", "froms", "untils", "slots_at", "slots_until")


def _room(policy: VenuePolicy, party: int, row: Any) -> Room:
    covers = policy.covers if policy.capacity_mode == "COVERS" else None
    left = tuple(
        None if limit is None else max(limit - taken, 0)
        for limit, taken in (
            (covers, row.covers),
            (policy.pacing.parties, row.starts),
            (policy.pacing.covers, row.arrivals),
        )
    )
    wanted = (party, 1, party)
    is_full = any(free is not None and free < w for free, w in zip(left, wanted, strict=True))
    reason = row.met or ("venue" if is_full else None)
    return Room(reason, is_full, left[0], left[1], left[2])


def _whose(
    caller: str, venue: Venue, slot: VenueSlot, guest_id: str | None, excluded: str | None
) -> dict[str, Any]:
    return {
        "venue": venue.id,
        "resource": slot.resource_id,
        "guest": None if guest_id is None else guest_of_all(caller, guest_id, venue.id),
        "excluded": excluded,
    }
