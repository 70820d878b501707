"""Other nights, rooms or seats for a booking: all of it or nothing. Callers own the transaction.

Counters move by the difference, so a stay that is extended is not in its own way. Call these with
the booking's row locked.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.claims import HoldLostError
from models.marketplace.stock.gate import pass_gate
from models.marketplace.stock.taking import Claims, Line, lines_of, stock_of, take
from models.marketplace.stock.wanted import RoomNights, Seats, Wanted

_STANDING = text("""
SELECT c.version, c.state, c.expires_at, c.holder_id::text AS holder, c.room_id::text AS room,
    lower(c.nights) AS check_in, upper(c.nights) AS check_out, c.departure_id::text AS departure,
    c.units, p.time_zone, clock_timestamp() AS now
FROM stock_claims c JOIN purchases p ON p.booking_id = c.booking_id
WHERE c.booking_id = :booking AND c.item = :item AND c.version = (
    SELECT max(version) FROM stock_claims WHERE booking_id = :booking AND item = :item)
ORDER BY c.id FOR UPDATE OF c
""")


async def move(
    session: AsyncSession,
    booking_id: str,
    version: int,
    *,
    kind: str,
    product_id: str,
    wanted: Wanted,
    item: int = 1,
) -> tuple[Line, ...]:
    """Let a booking have what is ``wanted`` in place of what it holds or has bought.

    Nights that are over by the clock at the listing stay its own, and none of them is given back or
    taken. What is new has to be on sale; what only becomes less need not be. ``version`` is of the
    new claims: a repeat changes nothing. Returns what it has then.

    Raises:
        SoldOut, NotOnSale: some of it is not to be had; it has what it had.
        HoldLostError: it holds nothing any more.
        DBAPIError: the offer is changed this moment (55P03): to be repeated.
    """
    rows = (await session.execute(_STANDING, {"booking": booking_id, "item": item})).all()
    had = [_line(row) for row in rows]
    if rows and rows[0].version >= version:
        return tuple(had)
    if not rows or rows[0].state not in ("HELD", "SOLD") or _over(rows[0]):
        raise HoldLostError(booking_id)
    first = rows[0]
    today = first.now.astimezone(ZoneInfo(first.time_zone)).date()
    lines = standing_on(had, lines_of(wanted), today)
    change = stock_of(lines)
    change.subtract(stock_of(had))
    if any(units > 0 for units in change.values()):
        await pass_gate(session, kind, product_id, wanted, waits=False)
    claims = Claims(
        booking_id=booking_id,
        holder_id=first.holder,
        lines=lines,
        expires_at=first.expires_at if first.state == "HELD" else None,
        item=item,
        version=version,
    )
    await take(session, claims, change)
    return tuple(lines)


async def take_again(
    session: AsyncSession,
    booking_id: str,
    until: dt.datetime,
    *,
    kind: str,
    product_id: str,
    wanted: Wanted,
    item: int = 1,
) -> None:
    """Hold once more what a booking held and holds no longer; does nothing while it holds it.

    For a payment that came when the hold was over: it is for the same price, and only if the stock
    is still there and on sale.

    Raises:
        SoldOut, NotOnSale: it is not to be had any more.
        DBAPIError: the offer is changed this moment (55P03): to be repeated.
    """
    rows = (await session.execute(_STANDING, {"booking": booking_id, "item": item})).all()
    if rows and rows[0].state in ("SOLD", "HELD") and not _over(rows[0]):
        return
    await pass_gate(session, kind, product_id, wanted, waits=False)
    lines = lines_of(wanted)
    change = stock_of(lines)
    # Over, and not given back yet, or not all of it.
    change.subtract(stock_of(_line(row) for row in rows if row.state == "HELD"))
    claims = Claims(
        booking_id=booking_id,
        holder_id=rows[0].holder if rows else booking_id,
        lines=lines,
        expires_at=until,
        item=item,
        version=rows[0].version + 1 if rows else 1,
    )
    await take(session, claims, change)


def standing_on(had: Sequence[Line], wanted: Sequence[Line], today: dt.date) -> list[Line]:
    """Return what a booking is to have: what is wanted from ``today`` on, and what has been.

    ``today`` is the listing's. Seats of a departure have no days of their own.
    """
    past = [
        line.model_copy(update={"check_out": min(line.check_out, today)})
        for line in had
        if isinstance(line, RoomNights) and line.check_in < today
    ]
    if not past:
        return [*wanted]
    ahead = [
        line.model_copy(update={"check_in": max(line.check_in, today)})
        for line in wanted
        if isinstance(line, RoomNights) and line.check_out > today
    ]
    return _joined([*past, *ahead])


def _joined(lines: Iterable[RoomNights]) -> list[Line]:
    """Join lines of equal units of a room where one ends as the other begins."""
    ordered = sorted(lines, key=lambda one: (one.room_id, one.units, one.check_in, one.check_out))
    joined: list[RoomNights] = []
    for line in ordered:
        last = joined[-1] if joined else None
        same = last is not None and (last.room_id, last.units) == (line.room_id, line.units)
        if last is not None and same and last.check_out == line.check_in:
            joined[-1] = last.model_copy(update={"check_out": line.check_out})
        else:
            joined.append(line)
    return [*joined]


def _over(row: Any) -> bool:
    return bool(row.state == "HELD" and row.expires_at <= row.now)


def _line(row: Any) -> Line:
    if row.room is None:
        return Seats(departure_id=row.departure, seats=row.units)
    return RoomNights(
        room_id=row.room, check_in=row.check_in, check_out=row.check_out, units=row.units
    )
