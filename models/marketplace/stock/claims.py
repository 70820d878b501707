"""Claims on nights and seats: held, extended, sold, given back, used. Callers own the transaction.

Each function is safe to repeat. Locks are taken in one order: booking, provider, listing, claims by
id, nights by room and date or the departure; the booking's row is the caller's to lock. What a
deadline decides is compared with ``clock_timestamp()``: ``now()`` is when the transaction began,
before it waited. Each way out of a claim begins with the claim's own row, which decides; counters
are moved by what became of it, so never twice.
"""

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.claims import HoldLostError
from models.core.database import Executor
from models.marketplace.stock.taking import Claims, Line, stock_of, take

LONGEST_HOLD = dt.timedelta(minutes=30)
"""However often it is extended (record-and-marketplace.md §3.3)."""

COUNTED = """
, nights AS (
    SELECT room_id, lower(nights) + number AS night, sum(held) AS held, sum(sold) AS sold
    FROM moved, generate_series(0, upper(nights) - lower(nights) - 1) AS number
    WHERE room_id IS NOT NULL GROUP BY 1, 2
), locked_nights AS (
    SELECT s.room_id, s.night, n.held, n.sold FROM inventory_nights s JOIN nights n
        ON n.room_id = s.room_id AND n.night = s.night
    ORDER BY s.room_id, s.night FOR UPDATE OF s
), counted_nights AS (
    UPDATE inventory_nights s SET held = s.held + l.held, sold = s.sold + l.sold
    FROM locked_nights l WHERE l.room_id = s.room_id AND l.night = s.night
), seats AS (
    SELECT departure_id, sum(held) AS held, sum(sold) AS sold
    FROM moved WHERE departure_id IS NOT NULL GROUP BY 1
), locked_seats AS (
    SELECT s.id, n.held, n.sold FROM tour_departures s JOIN seats n ON n.departure_id = s.id
    ORDER BY s.id FOR UPDATE OF s
), counted_seats AS (
    UPDATE tour_departures s SET held = s.held + l.held, sold = s.sold + l.sold
    FROM locked_seats l WHERE l.id = s.id
)
SELECT count(*) FROM moved
"""
"""Behind ``moved`` (room, nights, departure, and by how much each column moves): the counters.

They are locked in order before any is changed: an UPDATE by itself takes rows in no order."""

_SELL = text(f"""
WITH own AS (
    SELECT id FROM stock_claims WHERE booking_id = :booking AND state = 'HELD'
    ORDER BY id FOR UPDATE
), moved AS (
    UPDATE stock_claims c SET state = 'SOLD', changed_at = clock_timestamp()
    FROM own WHERE c.id = own.id AND c.state = 'HELD' AND c.expires_at > clock_timestamp()
    RETURNING c.room_id, c.nights, c.departure_id, -c.units AS held, c.units AS sold
){COUNTED}""")  # noqa: S608

# USED: a guest who was taken for missing, and came.
_SOLD = text("""
SELECT count(*) FILTER (WHERE state IN ('SOLD', 'USED')) > 0
    AND count(*) FILTER (WHERE state = 'HELD') = 0
FROM stock_claims WHERE booking_id = :booking
""")

_EXTEND = text("""
UPDATE stock_claims SET changed_at = clock_timestamp(),
    expires_at = greatest(expires_at, least(CAST(:until AS timestamptz), created_at + :longest))
WHERE booking_id = :booking AND state = 'HELD' AND expires_at > clock_timestamp()
RETURNING expires_at
""")

# What has been stays used: of a stay that has begun only nights from today on are free again.
_END = f"""
WITH own AS (
    SELECT c.id, c.nights AS had, c.state AS was, c.units AS number,
        (clock_timestamp() AT TIME ZONE p.time_zone)::date AS today
    FROM stock_claims c JOIN purchases p ON p.booking_id = c.booking_id
    WHERE c.booking_id = ANY(CAST(:bookings AS uuid[])) AND c.state IN ({{from_states}})
    ORDER BY c.id FOR UPDATE OF c
), ended AS (
    UPDATE stock_claims c SET changed_at = clock_timestamp(), state = kept.state,
        nights = coalesce(kept.nights, c.nights)
    FROM own, LATERAL (SELECT {{kept}} AS nights) AS over,
        LATERAL (SELECT CASE WHEN own.was = 'HELD' THEN CAST(:held_is AS varchar)
            WHEN {{used}} THEN 'USED' ELSE 'RELEASED' END AS state, over.nights) AS kept
    WHERE c.id = own.id
    RETURNING c.room_id, c.departure_id, own.was, own.had, own.number, c.state, kept.nights
), moved AS (
    SELECT room_id, departure_id, daterange(coalesce(upper(nights), lower(had)), upper(had))
            AS nights,
        CASE WHEN was = 'HELD' THEN -number ELSE 0 END AS held,
        CASE WHEN was = 'SOLD' THEN -number ELSE 0 END AS sold
    FROM ended WHERE state <> 'USED' OR nights IS NOT NULL AND upper(nights) < upper(had)
){COUNTED}"""  # noqa: S608
_GIVE_BACK = text(
    _END.format(
        from_states="'HELD', 'SOLD'",
        kept="""CASE WHEN own.was = 'SOLD' AND lower(own.had) < own.today
            THEN daterange(lower(own.had), least(upper(own.had), own.today)) END""",
        used="over.nights IS NOT NULL",
    )
)
_END_HOLDS = text(_END.format(from_states="'HELD'", kept="CAST(NULL AS daterange)", used="false"))
_USE = text(
    _END.format(
        from_states="'SOLD'",
        # at least the first night: a guest who leaves on the day of arrival has had it
        kept="""CASE WHEN own.had IS NOT NULL THEN daterange(lower(own.had),
            least(upper(own.had), greatest(lower(own.had) + 1, own.today))) END""",
        used="true",
    )
)
_MISS = text("""
UPDATE stock_claims SET state = 'USED', changed_at = clock_timestamp()
WHERE booking_id = :booking AND state = 'SOLD'
""")

# The time in a subquery is one value: an index is read up to it, and not to its end.
_EXPIRE = f"""
WITH moved AS (
    UPDATE stock_claims SET state = 'EXPIRED', changed_at = clock_timestamp()
    WHERE id IN (
        SELECT id FROM stock_claims
        WHERE {{which}} state = 'HELD' AND expires_at <= (SELECT clock_timestamp())
        ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
    RETURNING room_id, nights, departure_id, -units AS held, 0 AS sold
){COUNTED}"""  # noqa: S608
_EXPIRE_ALL = text(_EXPIRE.format(which=""))
_EXPIRE_OF = text(
    _EXPIRE.format(
        which="""booking_id IN (SELECT booking_id FROM stock_claims
            WHERE coalesce(room_id, departure_id) = ANY(CAST(:pools AS uuid[]))
                AND state = 'HELD' AND expires_at <= (SELECT clock_timestamp())) AND"""
    )
)
MOST_EXPIRED = 200
"""Claims that are given back at once."""


async def hold(session: AsyncSession, claims: Claims) -> None:
    """Hold nights or seats for a new booking until ``claims.expires_at``.

    Raises:
        SoldOut, NotOnSale: nothing was held (``models.marketplace.stock.taking``).
    """
    await take(session, claims, stock_of(claims.lines))


async def extend(session: AsyncSession, booking_id: str, until: dt.datetime) -> dt.datetime:
    """Hold on to what is held until ``until``, if that is later; returns when it ends now.

    Never longer than ``LONGEST_HOLD`` from its beginning.

    Raises:
        HoldLostError: it is not held any more.
    """
    values = {"booking": booking_id, "until": until, "longest": LONGEST_HOLD}
    ends: list[dt.datetime] = [*(await session.scalars(_EXTEND, values))]
    if not ends:
        raise HoldLostError(booking_id)
    return min(ends)


async def sell(session: AsyncSession, booking_id: str) -> None:
    """Keep what a booking holds for good.

    Raises:
        HoldLostError: it is not held any more, or a part of it is not; roll back.
    """
    await session.execute(_SELL, {"booking": booking_id})
    if not await session.scalar(_SOLD, {"booking": booking_id}):
        raise HoldLostError(booking_id)


async def release(session: AsyncSession, booking_id: str) -> None:
    """Give back what a booking holds or has bought; of a stay that has begun, from today on."""
    await session.execute(_GIVE_BACK, {"bookings": [booking_id], "held_is": "RELEASED"})


async def expire(session: AsyncSession, booking_id: str) -> None:
    """The same for a booking that was not paid in time."""
    await session.execute(_GIVE_BACK, {"bookings": [booking_id], "held_is": "EXPIRED"})


async def end_holds(session: AsyncSession, bookings: Sequence[str]) -> None:
    """Give back what several bookings hold; what they have bought stays sold.

    At once: their counters are locked in one order over all of them.
    """
    await session.execute(_END_HOLDS, {"bookings": [*bookings], "held_is": "EXPIRED"})


async def use(session: AsyncSession, booking_id: str) -> None:
    """Note that what was bought is over; nights from today on are free again, but for the first."""
    await session.execute(_USE, {"bookings": [booking_id], "held_is": "EXPIRED"})


async def miss(session: AsyncSession, booking_id: str) -> None:
    """Note that nobody came. Everything stays sold: who comes after all has the room."""
    await session.execute(_MISS, {"booking": booking_id})


async def expire_overdue(
    session: Executor, pools: Collection[str] | None = None, most: int = MOST_EXPIRED
) -> int:
    """Give back what has been held for too long, anywhere or with these rooms or departures.

    Returns how many claims. In a transaction of its own: before stock is taken, whose locks come in
    another order, and as the second line to each booking's own workflow (I10).
    """
    if pools is None:
        return int(await session.scalar(_EXPIRE_ALL, {"most": most}) or 0)
    values = {"pools": sorted(pools), "most": most}
    return int(await session.scalar(_EXPIRE_OF, values) or 0)


def pools_of(lines: Collection[Line]) -> set[str]:
    """Return the rooms, or the departure, that lines are about."""
    return {key for key, _ in stock_of(lines)}
