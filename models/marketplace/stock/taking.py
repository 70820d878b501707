"""Taking stock: all that is wanted of it, or none.

The wanted nights are locked in one order (by room and date; a departure is one row). A statement of
its own then sees all that was committed before they were, and nobody moves them any more: it judges
them, and only if all fits moves the counters, lets the booking's earlier claims go and writes the
new ones. A refusal changes nothing, so no savepoint is needed. The CHECKs of the counters refuse
whatever else would take too much.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.recordset import as_json
from models.marketplace.stock.refusals import NotOnSale, SoldOut
from models.marketplace.stock.wanted import RoomNights, Seats, Wanted

Line = RoomNights | Seats
"""What one claim is about."""

Key = tuple[str, dt.date | None]
"""A room and a night of it, or a departure."""


@dataclass(frozen=True)
class Claims:
    """Claims of a booking that are to be made: all the lines of one version."""

    booking_id: str
    holder_id: str
    lines: Sequence[Line]
    expires_at: dt.datetime | None
    """None: they are sold, not held."""
    item: int = 1
    version: int = 1


_LOCK = """
SELECT count(*) FROM (
    SELECT 1 FROM {table} s
    JOIN jsonb_to_recordset(CAST(:wanted AS jsonb)) AS w({columns}, units int) ON {same}
    ORDER BY {keys} FOR UPDATE OF s
) AS locked
"""
_TAKE = """
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(CAST(:wanted AS jsonb)) AS one({columns}, units int)
), stands AS (
    SELECT {keys}, w.units AS units, w.units <= 0 OR ({on_sale}) AS on_sale,
        s.{stock} - s.held - s.sold >= w.units AS fits
    FROM {table} s JOIN wanted w ON {same}
), repeated AS (
    SELECT EXISTS (SELECT FROM stock_claims WHERE booking_id = :booking AND item = :item
        AND version = :version) AS made
), verdict AS (
    SELECT NOT (SELECT made FROM repeated)
        AND count(*) FILTER (WHERE on_sale AND fits) = (SELECT count(*) FROM wanted) AS fits
    FROM stands
), counted AS (
    UPDATE {table} s SET held = s.held + CASE WHEN :held THEN w.units ELSE 0 END,
        sold = s.sold + CASE WHEN :held THEN 0 ELSE w.units END
    FROM stands w WHERE {again} AND (SELECT fits FROM verdict)
), let_go AS (
    UPDATE stock_claims SET state = 'RELEASED', changed_at = clock_timestamp()
    WHERE booking_id = :booking AND item = :item AND version < :version
        AND state IN ('HELD', 'SOLD') AND (SELECT fits FROM verdict)
), made AS (
    INSERT INTO stock_claims (booking_id, item, version, line, holder_id, room_id, nights,
        departure_id, units, state, expires_at)
    SELECT CAST(:booking AS uuid), :item, :version, line, CAST(:holder AS uuid), room_id,
        CASE WHEN room_id IS NOT NULL THEN daterange(check_in, check_out) END, departure_id, units,
        CASE WHEN :held THEN 'HELD' ELSE 'SOLD' END, CAST(:expires_at AS timestamptz)
    FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS one(line int, room_id uuid, check_in date,
        check_out date, departure_id uuid, units int)
    WHERE (SELECT fits FROM verdict)
)
SELECT {told}, coalesce(l.on_sale, false) AS on_sale
FROM wanted w LEFT JOIN stands l ON {found}
WHERE NOT coalesce(l.on_sale AND l.fits, false) AND NOT (SELECT made FROM repeated)
ORDER BY {told}
"""
# A night that was never put up for sale is sold out, and so is one that is closed.
_OF_NIGHTS = {
    "columns": "room_id uuid, night date",
    "table": "inventory_nights",
    "keys": "s.room_id, s.night",
    "same": "s.room_id = w.room_id AND s.night = w.night",
    "again": "s.room_id = w.room_id AND s.night = w.night",
    "found": "l.room_id = w.room_id AND l.night = w.night",
    "stock": "units",
    "on_sale": "NOT s.closed",
    "told": "w.room_id::text, w.night",
}
_OF_SEATS = {
    "columns": "departure_id uuid",
    "table": "tour_departures",
    "keys": "s.id",
    "same": "s.id = w.departure_id",
    "again": "s.id = w.id",
    "found": "l.id = w.departure_id",
    "stock": "seats",
    "on_sale": """s.status = 'OPEN' AND clock_timestamp() < s.starts_at - make_interval(hours =>
        (SELECT t.cutoff_hours FROM tour_packages t WHERE t.id = s.package_id))""",
    "told": "w.departure_id::text",
}
_LOCK_NIGHTS, _TAKE_NIGHTS = (text(sql.format(**_OF_NIGHTS)) for sql in (_LOCK, _TAKE))
_LOCK_SEATS, _TAKE_SEATS = (text(sql.format(**_OF_SEATS)) for sql in (_LOCK, _TAKE))


def lines_of(wanted: Wanted) -> list[Line]:
    """Return what each claim is to be about."""
    return [wanted.departure] if wanted.departure else [*wanted.room_nights]


def stock_of(lines: Iterable[Line]) -> Counter[Key]:
    """Return how much is wanted of each night, or departure: the same room in two lines twice."""
    wanted: Counter[Key] = Counter()
    for line in lines:
        if isinstance(line, Seats):
            wanted[line.departure_id, None] += line.seats
            continue
        for number in range(line.nights):
            wanted[line.room_id, line.check_in + dt.timedelta(days=number)] += line.units
    return wanted


async def take(session: AsyncSession, claims: Claims, change: Mapping[Key, int]) -> None:
    """Make claims in place of the booking's earlier ones, if what ``change`` adds is to be had.

    ``change`` says by how much the counters move, in the column of the new claims: of claims that
    are the first, by all they want. A repeat of the same version changes nothing. Call it with the
    booking's row locked, or new.

    Raises:
        SoldOut: some of it is not to be had; nothing was changed.
        NotOnSale: the departure is closed or cancelled, or past its cutoff; as above.
    """
    seats = isinstance(claims.lines[0], Seats)
    values = {
        "booking": claims.booking_id,
        "item": claims.item,
        "version": claims.version,
        "holder": claims.holder_id,
        "held": claims.expires_at is not None,
        "expires_at": claims.expires_at,
        "wanted": as_json([_stock(key, units) for key, units in change.items() if units]),
        "lines": as_json([_line(n, one) for n, one in enumerate(claims.lines, start=1)]),
    }
    lock, statement = (_LOCK_SEATS, _TAKE_SEATS) if seats else (_LOCK_NIGHTS, _TAKE_NIGHTS)
    await session.execute(lock, {"wanted": values["wanted"]})
    missing = (await session.execute(statement, values)).all()
    if not missing:
        return
    if seats:
        if not missing[0].on_sale:
            raise NotOnSale(f"departure {missing[0][0]} is not on sale any more")
        raise SoldOut.departure(missing[0][0])
    raise SoldOut.nights([(row[0], row[1]) for row in missing])


def _stock(key: Key, units: int) -> dict[str, str | int]:
    what, night = key
    if night is None:
        return {"departure_id": what, "units": units}
    return {"room_id": what, "night": night.isoformat(), "units": units}


def _line(number: int, line: Line) -> dict[str, str | int]:
    if isinstance(line, Seats):
        return {"line": number, "departure_id": line.departure_id, "units": line.seats}
    return {
        "line": number,
        "room_id": line.room_id,
        "check_in": line.check_in.isoformat(),
        "check_out": line.check_out.isoformat(),
        "units": line.units,
    }
