"""Claiming places and giving them back. Callers own the transaction.

Two claims that cannot both be are refused by the database: a table's and a guest's by exclusion
constraints, a venue's capacity by CHECKs of its counters: of guests in each quarter of an hour in
which they keep a place from others, of starts and arrivals in each slot of the venue. Each
statement is safe to repeat. Locks are taken in one order: booking, claim, counters by time.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.claims import HoldLostError
from models.core.database import Executor, constraint_of
from models.inventory.overlaps import GUEST_NO


class Taken(StrEnum):
    """What stands in the way of a claim."""

    GUEST = "GUEST"
    """The guest is at the venue already."""
    VENUE = "VENUE"
    """The venue has no more room, or lets no more parties begin."""
    RESOURCE = "RESOURCE"
    """Another party has the table."""


class PlaceTakenError(Exception):
    """The place cannot be claimed: nothing was.

    Attributes:
        what: stands in the way.
    """

    def __init__(self, what: Taken) -> None:
        super().__init__(f"the place is taken: {what.lower()}")
        self.what = what


@dataclass(frozen=True)
class Limits:
    """How many there may be at a venue; None: any number."""

    slot: tuple[dt.datetime, dt.datetime]
    """The venue's slot in which the visit begins, to the beginning of the next."""
    covers: int | None = None
    """Guests at a time."""
    starts: int | None = None
    """Parties that arrive in the slot."""
    arrivals: int | None = None
    """Guests who arrive in the slot."""


@dataclass(frozen=True)
class Claim:
    """A claim to be made; times are half-open and UTC."""

    booking_id: str
    item: int
    venue_id: str
    guest: str
    """Names the guest among all of all callers."""
    units: int
    visit: tuple[dt.datetime, dt.datetime]
    during: tuple[dt.datetime, dt.datetime]
    """The visit and the venue's buffers."""
    expires_at: dt.datetime | None
    """None: it is bought at once."""
    resource_no: int | None = None
    duplicate_ok: bool = False
    limits: Limits | None = None
    """None: nothing is counted."""
    version: int = 1


_REFUSALS = {
    "claims_one_per_resource": Taken.RESOURCE,
    "claims_one_per_guest": Taken.GUEST,
    "venue_slots_covers": Taken.VENUE,
    "venue_slots_starts": Taken.VENUE,
    "venue_slots_arrivals": Taken.VENUE,
}


def quarter(moment: str) -> str:
    """Return the quarter of an hour, in UTC, in which a moment is (both in SQL)."""
    return f"date_bin('15 minutes', {moment}, timestamptz 'epoch')"


def quarters(begins: str, ends: str) -> str:
    """Return the quarters of an hour, in UTC, that a range touches (all in SQL)."""
    return f"""generate_series({quarter(begins)},
    {ends} - interval '1 microsecond', interval '15 minutes')"""


# Of claims from before migration 0033a guests are counted without the buffers, and the start in its
# quarter of an hour.
KEEPS = "CASE WHEN slot_at IS NULL THEN visit ELSE during END"
"""While what time the guests of a claim are counted, in SQL."""
STARTS = f"coalesce(slot_at, {quarter('lower(visit)')})"
"""Where the start of a claim is counted, in SQL."""


def by_bucket(claims: str) -> str:
    """Return the query for what claims (a table, in SQL) make of counters, by venue and bucket."""
    return f"""
    SELECT venue_id, at.bucket, sum(at.units) AS units, sum(at.parties) AS parties,
        sum(at.arrivals) AS arrivals
    FROM {claims} AS claim, LATERAL (SELECT {KEEPS} AS keeps, {STARTS} AS begins) AS counts,
        LATERAL (
            SELECT quarter AS bucket, units, 0 AS parties, 0 AS arrivals
            FROM {quarters("lower(keeps)", "upper(keeps)")} AS quarter
            UNION ALL SELECT begins, 0, 1, units) AS at
    WHERE counted GROUP BY venue_id, at.bucket"""  # noqa: S608


_TAKE_OUT = """
, locked AS (
    SELECT s.venue_id, s.bucket, b.units, b.parties, b.arrivals
    FROM venue_slots s JOIN buckets b ON b.venue_id = s.venue_id AND b.bucket = s.bucket
    ORDER BY s.venue_id, s.bucket FOR UPDATE OF s
), given AS (
    UPDATE venue_slots s SET covers_taken = s.covers_taken - l.units,
        starts_taken = s.starts_taken - l.parties, arrivals_taken = s.arrivals_taken - l.arrivals
    FROM locked l WHERE l.venue_id = s.venue_id AND l.bucket = s.bucket
)
SELECT count(*) FROM ended
"""
GIVE_BACK = f"""
, buckets AS (
    {by_bucket("ended")}
){_TAKE_OUT}"""
"""Behind claims ``ended``: takes them out of the counters.

Those are locked by time before any is changed: an UPDATE by itself takes rows in no order."""
_ENDED = "RETURNING venue_id, visit, during, slot_at, units, counted"

# The time in a subquery is one value: an index is read up to it, and not to its end.
_EXPIRE = f"""
WITH ended AS (
    UPDATE inventory_claims SET state = 'EXPIRED', changed_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM inventory_claims
        WHERE {{which}} AND state = 'HELD' AND expires_at <= (SELECT clock_timestamp())
        ORDER BY id LIMIT {{most}} FOR UPDATE SKIP LOCKED)
    {_ENDED}
){GIVE_BACK}"""  # noqa: S608
_EXPIRE_OVERDUE = text(_EXPIRE.format(which="venue_id = :venue", most="ALL"))
_EXPIRE_ALL_OVERDUE = text(_EXPIRE.format(which="true", most=":most"))

_END = text(f"""
WITH ended AS (
    UPDATE inventory_claims SET changed_at = clock_timestamp(),
        state = CASE WHEN state = 'HELD' THEN CAST(:held_is AS varchar) ELSE 'RELEASED' END
    WHERE booking_id = :booking AND state IN ('HELD', 'SOLD')
    {_ENDED}
){GIVE_BACK}""")  # noqa: S608

_CLAIM = text(f"""
INSERT INTO inventory_claims (booking_id, item, version, venue_id, resource_no, guest_no,
    duplicate_ok, visit, during, slot_at, units, counted, state, expires_at)
VALUES (:booking, :item, :version, :venue, :resource,
    {GUEST_NO}, :duplicate_ok,
    tstzrange(:visit_from, :visit_until), tstzrange(:from, :until), CAST(:slot_at AS timestamptz),
    :units, :counted,
    CASE WHEN CAST(:expires_at AS timestamptz) IS NULL THEN 'SOLD' ELSE 'HELD' END, :expires_at)
ON CONFLICT (booking_id, item, version) DO NOTHING
RETURNING id
""")  # noqa: S608

BUCKETS = f"""
SELECT quarter AS bucket, CAST(:units AS int) AS units, 0 AS parties, 0 AS arrivals
FROM {quarters("CAST(:from AS timestamptz)", "CAST(:until AS timestamptz)")} AS quarter
UNION ALL SELECT CAST(:slot_at AS timestamptz), 0, 1, :units
"""  # noqa: S608
"""The counters of a claim that is to be made, one of them perhaps twice."""

# What began in the slot when the venue had shorter ones is counted in buckets of its own.
_COUNT = text(f"""
INSERT INTO venue_slots AS s (venue_id, bucket, covers, covers_taken, starts, starts_taken,
    arrivals, arrivals_taken)
SELECT :venue, bucket, CAST(:covers AS int), sum(units),
    CAST(:starts AS int) - others.starts, sum(parties),
    CAST(:arrivals AS int) - others.arrivals, sum(at.arrivals)
FROM ({BUCKETS}) AS at, (
    SELECT coalesce(sum(starts_taken), 0) AS starts, coalesce(sum(arrivals_taken), 0) AS arrivals
    FROM venue_slots
    WHERE venue_id = :venue AND bucket > :slot_at AND bucket < :slot_until) AS others
GROUP BY bucket, others.starts, others.arrivals ORDER BY bucket
ON CONFLICT (venue_id, bucket) DO UPDATE SET
    covers = excluded.covers, covers_taken = s.covers_taken + excluded.covers_taken,
    starts = CASE WHEN excluded.starts_taken > 0 THEN excluded.starts ELSE s.starts END,
    starts_taken = s.starts_taken + excluded.starts_taken,
    arrivals = CASE WHEN excluded.starts_taken > 0 THEN excluded.arrivals ELSE s.arrivals END,
    arrivals_taken = s.arrivals_taken + excluded.arrivals_taken
""")  # noqa: S608

_SELL = text("""
UPDATE inventory_claims SET state = 'SOLD', changed_at = clock_timestamp()
WHERE booking_id = :booking AND state = 'HELD' AND expires_at > clock_timestamp()
""")
# USED: the guest came after all, which was a mistake, too.
_SOLD = text("""
SELECT count(*) FILTER (WHERE state IN ('SOLD', 'USED')) > 0
    AND count(*) FILTER (WHERE state = 'HELD') = 0
FROM inventory_claims WHERE booking_id = :booking
""")
# Kept are the quarter of an hour that has begun, the one of the beginning in any case, and the time
# after the visit in which the place is cleared.
_USE = text(f"""
WITH had AS (
    SELECT c.*, tstzrange(lower(visit), over) AS used_visit,
        tstzrange(lower(during), over + (upper(during) - upper(visit))) AS used_during
    FROM inventory_claims c, LATERAL (
        SELECT least(upper(visit), interval '15 minutes'
            + {quarter("greatest(lower(visit), (SELECT clock_timestamp()))")}) AS over) AS until
    WHERE booking_id = :booking AND state = 'SOLD' ORDER BY id FOR UPDATE OF c
), ended AS (
    UPDATE inventory_claims c SET state = 'USED', changed_at = clock_timestamp(),
        visit = had.used_visit, during = had.used_during
    FROM had WHERE c.id = had.id
    RETURNING c.venue_id, c.visit, c.during, c.slot_at, c.units, c.counted
), buckets AS (
    SELECT venue_id, bucket, sum(units) AS units, 0 AS parties, 0 AS arrivals
    FROM (SELECT venue_id, bucket, units FROM ({by_bucket("had")}) AS was
        UNION ALL SELECT venue_id, bucket, -units FROM ({by_bucket("ended")}) AS kept) AS each
    GROUP BY venue_id, bucket HAVING sum(units) <> 0
){_TAKE_OUT}""")  # noqa: S608


async def expire_overdue(session: Executor, venue_id: str) -> int:
    """Give back what has been held at a venue for longer than it may: it is free for everybody.

    Returns how many places.

    In a transaction of its own before places are claimed, which would take the counters' locks in
    another order.
    """
    return int(await session.scalar(_EXPIRE_OVERDUE, {"venue": venue_id}) or 0)


async def expire_all_overdue(session: Executor, most: int) -> int:
    """Give back what has been held for too long anywhere; returns how many places, up to ``most``.

    Second line to each booking's own workflow, and to whoever claims at the same venue next.
    In a transaction of its own, as :func:`expire_overdue`.
    """
    ended = await session.scalar(_EXPIRE_ALL_OVERDUE, {"most": most})
    return int(ended or 0)


async def claim_place(session: AsyncSession, claim: Claim) -> None:
    """Claim a place, until ``expires_at`` or for good; a repeat changes nothing.

    Everything happens within a savepoint, so that the caller's transaction outlives a refusal.

    Raises:
        PlaceTakenError: there is no such place any more.
    """
    async with session.begin_nested():
        if await insert_claim(session, claim):
            await count_claim(session, claim)


async def insert_claim(session: AsyncSession, claim: Claim) -> bool:
    """Claim a place without counting it; False: it is claimed already.

    Raises:
        PlaceTakenError: it is taken. Roll back to a savepoint then.
    """
    with _refusals():
        return await session.scalar(_CLAIM, values_of(claim)) is not None


async def count_claim(session: AsyncSession, claim: Claim) -> None:
    """Count a place that is claimed, where its venue counts.

    Raises:
        PlaceTakenError: there is no more room. Roll back to a savepoint then.
    """
    if claim.limits is None:
        return
    with _refusals():
        await session.execute(_COUNT, values_of(claim))


def values_of(claim: Claim) -> dict[str, Any]:
    """Return the parameters of the statements about a claim."""
    limits = claim.limits
    return {
        "booking": claim.booking_id,
        "item": claim.item,
        "version": claim.version,
        "venue": claim.venue_id,
        "resource": claim.resource_no,
        "guest": claim.guest,
        "duplicate_ok": claim.duplicate_ok,
        "from": claim.during[0],
        "until": claim.during[1],
        "visit_from": claim.visit[0],
        "visit_until": claim.visit[1],
        "units": claim.units,
        "expires_at": claim.expires_at,
        "counted": limits is not None,
        "slot_at": limits and limits.slot[0],
        "slot_until": limits and limits.slot[1],
        "covers": limits and limits.covers,
        "starts": limits and limits.starts,
        "arrivals": limits and limits.arrivals,
    }


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        what = _REFUSALS.get(constraint_of(error) or "")
        if what is None:
            raise
        raise PlaceTakenError(what) from error


async def sell_claims(session: AsyncSession, booking_id: str) -> None:
    """Keep what a booking holds for good; a repeat changes nothing.

    Raises:
        HoldLostError: it is not held any more.
    """
    await session.execute(_SELL, {"booking": booking_id})
    if not await session.scalar(_SOLD, {"booking": booking_id}):
        raise HoldLostError(booking_id)


async def release_claims(session: AsyncSession, booking_id: str) -> None:
    """Give back what a booking holds or has bought; a repeat changes nothing."""
    await session.execute(_END, {"booking": booking_id, "held_is": "RELEASED"})


async def expire_claims(session: AsyncSession, booking_id: str) -> None:
    """Give back what a booking has held for too long, or bought; a repeat changes nothing."""
    await session.execute(_END, {"booking": booking_id, "held_is": "EXPIRED"})


async def use_claims(session: AsyncSession, booking_id: str) -> None:
    """Note that what a booking has bought is over now, and shorten it to that.

    The counters keep what has been, and the time in which the place is cleared; where it was to
    last longer, the rest is given back. A repeat changes nothing.
    """
    await session.execute(_USE, {"booking": booking_id})
