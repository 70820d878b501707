"""Reservations whose venue's clock will show another time at their moment than they were made for.

A reservation keeps the local time that was asked for; its moment was computed once, with the time
zones of that day. Countries change theirs, at short notice.
"""

import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.reservations.slots import TimeDoesNotExist, reads, utc_of

_FUTURE = text("""
SELECT r.booking_id::text AS id, b.reference, b.version, b.state, v.external_id AS venue,
    r.local_date, r.local_time, r.time_zone, r.starts_at
FROM reservations r JOIN bookings b ON b.id = r.booking_id JOIN venues v ON v.id = r.venue_id
WHERE r.starts_at > now() AND (CAST(:zone AS varchar) IS NULL OR r.time_zone = :zone)
    AND r.state NOT IN ('CANCELLED', 'FAILED', 'EXPIRED', 'COMPLETED', 'NO_SHOW')
ORDER BY r.starts_at, r.booking_id
""")


@dataclass(frozen=True)
class Drifted:
    """A reservation that is to come, and is not when its guest thinks it is."""

    id: str
    reference: str
    version: int
    state: str
    venue: str
    """As its caller knows it."""
    local: dt.datetime
    """What was asked for, on the clock at the venue's wall."""
    time_zone: str
    starts_at: dt.datetime
    """On record (UTC)."""
    to_be: dt.datetime | None
    """When the clock will show it (UTC); None: it will skip it."""


async def find_drifted(session: AsyncSession, zone: str | None) -> AsyncIterator[Drifted]:
    """Yield those that are to come (in one zone), the next first, by the zones installed here."""
    options = {"yield_per": 1_000}
    rows = await session.stream(_FUTURE, {"zone": zone}, execution_options=options)
    async for row in rows:
        local = dt.datetime.combine(row.local_date, row.local_time)
        if reads(row.starts_at, local, row.time_zone):
            continue
        try:
            to_be = utc_of(row.local_date, row.local_time, row.time_zone)
        except TimeDoesNotExist:
            to_be = None
        yield Drifted(
            id=row.id,
            reference=row.reference,
            version=row.version,
            state=row.state,
            venue=row.venue,
            local=local,
            time_zone=row.time_zone,
            starts_at=row.starts_at,
            to_be=to_be,
        )
