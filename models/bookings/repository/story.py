"""What is written of a booking at once: its rows, history and events, in one statement."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.events import BookingEvent
from models.bookings.repository.rows import item_columns
from models.bookings.tables import BOOKING_ITEMS, BOOKINGS, HISTORY
from models.core.outbox import EVENTS, will_write_events
from models.core.recordset import as_json, insertion, recordset
from models.core.traces import current_trace
from models.payments.repository import UPSERT_PAYMENTS

_EVENT = (*BookingEvent.model_fields, "trace")
_HISTORY = ("booking_id", "version", "from_state", "to_state", "at", "who", "why", "digest")
_ITEM = "booking_items.booking_id = :booking_id AND booking_items.number = fresh.number"


@cache
def _statement(booking: tuple[str, ...], items: tuple[str, ...], *, new: bool) -> TextClause:
    """Return the statement; ``booking`` and ``items`` are the columns of them that are written."""
    if new:
        booking_sql = insertion(BOOKINGS, booking, "booking")
        items_sql = items and insertion(BOOKING_ITEMS, items, "items")
    else:
        booking_sql = _update(BOOKINGS, booking, "booking", "bookings.id = :booking_id")
        items_sql = items and _update(BOOKING_ITEMS, items, "items", _ITEM)
    return text(f"""
WITH booking AS ({booking_sql}), payments AS ({UPSERT_PAYMENTS}),
{f"items AS ({items_sql})," if items_sql else ""}
history AS ({insertion(HISTORY, _HISTORY, "history")}),
events AS (
    {insertion(EVENTS, _EVENT, "events")}
    ON CONFLICT DO NOTHING RETURNING id, booking_version, ordinal
)
INSERT INTO outbox_pending (event_id) SELECT id FROM events ORDER BY booking_version, ordinal
""")  # noqa: S608


def _update(table: Table, names: tuple[str, ...], rows: str, which: str) -> str:
    columns = ", ".join(f"{name} = fresh.{name}" for name in names if name != "number")
    source = recordset(table, names, rows)
    return f"UPDATE {table.name} SET {columns} FROM {source} WHERE {which}"  # noqa: S608


def items_of(booking: Booking) -> list[dict[str, Any]]:
    """Return what of each item is written with every transition."""
    return [{**item_columns(booking, item), "number": item.number} for item in booking.items]


async def write_story(
    session: AsyncSession,
    booking_id: str,
    history: Sequence[dict[str, Any]],
    events: Sequence[BookingEvent],
    *,
    booking: Mapping[str, Any],
    payments: Sequence[dict[str, Any]],
    items: Sequence[dict[str, Any]],
    new: bool = False,
) -> None:
    """Write booking, payments and items, add history rows, and put events into the outbox.

    Call it with the booking's row locked, or for a ``new`` booking: the order of its events is
    that of these calls.
    """
    if events:
        will_write_events(session)
    trace = current_trace()
    statement = _statement(tuple(booking), tuple(items[0]) if items else (), new=new)
    values = {
        "booking_id": booking_id,
        "booking": as_json([booking]),
        "payments": as_json(payments),
        "items": as_json(items),
        "history": as_json(history),
        "events": as_json([{**event.model_dump(), "trace": trace} for event in events]),
    }
    await session.execute(statement, values)
