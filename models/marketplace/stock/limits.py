"""How much somebody may hold unpaid (reliability.md S7, record-and-marketplace.md §3.2)."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.marketplace.stock.refusals import TooManyHolds
from models.marketplace.stock.taking import Key, Line, stock_of
from models.marketplace.stock.wanted import RoomNights, Seats


@dataclass(frozen=True)
class HoldLimits:
    """What one user, or one caller that has no users here, may hold at a time."""

    open_holds: int = 3
    """Of a user; a caller sells to many people, and has no such limit."""
    share_percent: int = 20
    """Of a night of a room or a departure, all open holds together."""
    share_units: int = 2
    """That much in any case, however small the stock."""


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")

_OPEN = text("""
SELECT booking_id::text AS booking, room_id::text AS room, lower(nights) AS check_in,
    upper(nights) AS check_out, departure_id::text AS departure, units
FROM stock_claims
WHERE holder_id = :holder AND state = 'HELD' AND expires_at > clock_timestamp()
""")

_STOCK = text("""
SELECT room_id::text AS pool, min(units) AS units FROM inventory_nights
WHERE room_id = ANY(CAST(:rooms AS uuid[])) AND night >= :first AND night < :last GROUP BY room_id
UNION ALL
SELECT id::text, seats FROM tour_departures WHERE id = ANY(CAST(:departures AS uuid[]))
""")


async def check_limits(
    session: AsyncSession,
    holder_id: str,
    lines: Sequence[Line],
    limits: HoldLimits,
    *,
    is_user: bool,
) -> None:
    """Refuse a hold of somebody who holds too much already; others of theirs wait until commit.

    One hold may be as large as it likes, for a party may need all that is left: the share is of
    several together.

    Raises:
        TooManyHolds: with ``open_holds``, or the ``pool`` of which too much is held.
    """
    await session.execute(_LOCK, {"name": f"holds:{holder_id}"})
    rows = (await session.execute(_OPEN, {"holder": holder_id})).all()
    bookings = len({row.booking for row in rows})
    if is_user and bookings >= limits.open_holds:
        raise TooManyHolds(f"{bookings} holds are open", open_holds=bookings)
    held: Counter[Key] = Counter()
    for row in rows:
        line: Line = (
            Seats(departure_id=row.departure, seats=row.units)
            if row.room is None
            else RoomNights(
                room_id=row.room, check_in=row.check_in, check_out=row.check_out, units=row.units
            )
        )
        held += stock_of([line])
    wanted = stock_of(lines)
    most = Counter({key: held[key] + wanted[key] for key in wanted if held[key]})
    if not most:
        return
    nights = [night for _, night in most if night is not None]
    named = sorted({pool for pool, _ in most})
    values = {
        "rooms": named if nights else [],
        "departures": [] if nights else named,
        "first": min(nights, default=dt.date.min),
        "last": max(nights, default=dt.date.min) + dt.timedelta(days=1),
    }
    units = {row.pool: row.units for row in await session.execute(_STOCK, values)}
    for (pool, _), together in most.items():
        share = max(limits.share_units, units.get(pool, 0) * limits.share_percent // 100)
        if together > share:
            raise TooManyHolds(f"{together} of {pool} would be held", pool=pool)
