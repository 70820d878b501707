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
from models.core.outbox import EVENTS
from models.core.recordset import as_json, recordset
from models.payments.repository import UPSERT_PAYMENTS

_EVENT = tuple(BookingEvent.model_fields)
_HISTORY = ("booking_id", "version", "from_state", "to_state", "at", "who", "why", "digest")


@cache
def _statement(
    booking: tuple[str, ...], payments: bool, items: tuple[str, ...], new: bool
) -> TextClause:
    """Return the statement; ``booking`` and ``items`` are the columns of them that are written."""
    write = _insert if new else _update
    parts = []
    if booking:
        which = "bookings.id = :booking_id"
        parts.append(f"booking AS ({write(BOOKINGS, booking, 'booking', which)})")
    if payments:
        parts.append(f"payments AS ({UPSERT_PAYMENTS})")
    if items:
        which = "booking_items.booking_id = :booking_id AND booking_items.number = fresh.number"
        parts.append(f"items AS ({write(BOOKING_ITEMS, items, 'items', which)})")
    return text(f"""
WITH {"".join(f"{part}, " for part in parts)}history AS (
    INSERT INTO booking_history ({", ".join(_HISTORY)})
    SELECT {", ".join(_HISTORY)} FROM {recordset(HISTORY, _HISTORY, "history")}
), events AS (
    INSERT INTO outbox_events ({", ".join(_EVENT)})
    SELECT {", ".join(_EVENT)} FROM {recordset(EVENTS, _EVENT, "events")}
    ON CONFLICT DO NOTHING RETURNING id, booking_version, ordinal
)
INSERT INTO outbox_pending (event_id) SELECT id FROM events ORDER BY booking_version, ordinal
""")  # noqa: S608


def _insert(table: Table, names: tuple[str, ...], rows: str, _which: str) -> str:
    columns, source = ", ".join(names), recordset(table, names, rows)
    return f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {source}"  # noqa: S608


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
    booking: Mapping[str, Any] | None = None,
    payments: Sequence[dict[str, Any]] = (),
    items: Sequence[dict[str, Any]] = (),
    new: bool = False,
) -> None:
    """Write booking, payments and items, add history rows, and put events into the outbox.

    Call it with the booking's row locked, or for a ``new`` booking: the order of its events is
    that of these calls.
    """
    columns = tuple(booking or ()), tuple(items[0]) if items else ()
    statement = _statement(columns[0], bool(payments), columns[1], new)
    values = {"booking_id": booking_id, "history": as_json(history)}
    values["events"] = as_json([event.model_dump() for event in events])
    if booking:
        values["booking"] = as_json([booking])
    if payments:
        values["payments"] = as_json(payments)
    if items:
        values["items"] = as_json(items)
    await session.execute(statement, values)
