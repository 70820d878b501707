"""Items, history and events of a transition, written in one statement."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.events import BookingEvent
from models.bookings.repository.rows import item_columns
from models.bookings.tables import BOOKING_ITEMS, HISTORY
from models.core.outbox import EVENTS
from models.core.recordset import as_json, recordset

_EVENT = tuple(BookingEvent.model_fields)
_HISTORY = ("booking_id", "version", "from_state", "to_state", "at", "who", "why", "digest")


@cache
def _statement(items: tuple[str, ...]) -> TextClause:
    """Return the statement; ``items`` are the columns of items that are written."""
    written = ", ".join(f"{name} = fresh.{name}" for name in items if name != "number")
    return text(f"""
WITH items AS (
    UPDATE booking_items SET {written} FROM {recordset(BOOKING_ITEMS, items, "items")}
    WHERE booking_items.booking_id = :booking_id AND booking_items.number = fresh.number
), history AS (
    INSERT INTO booking_history ({", ".join(_HISTORY)})
    SELECT {", ".join(_HISTORY)} FROM {recordset(HISTORY, _HISTORY, "history")}
), events AS (
    INSERT INTO outbox_events ({", ".join(_EVENT)})
    SELECT {", ".join(_EVENT)} FROM {recordset(EVENTS, _EVENT, "events")}
    ON CONFLICT DO NOTHING RETURNING id, booking_version, ordinal
)
INSERT INTO outbox_pending (event_id) SELECT id FROM events ORDER BY booking_version, ordinal
""")  # noqa: S608


def items_of(booking: Booking) -> list[dict[str, Any]]:
    """Return what of each item is written with every transition."""
    return [{**item_columns(booking, item), "number": item.number} for item in booking.items]


async def write_story(
    session: AsyncSession,
    booking_id: str,
    items: Sequence[dict[str, Any]],
    history: Sequence[dict[str, Any]],
    events: Sequence[BookingEvent],
) -> None:
    """Update items, add history rows, and put events into the outbox.

    Call it with the booking's row locked: the order of its events is that of these calls.
    """
    names = tuple(items[0]) if items else ("number", "status")
    await session.execute(
        _statement(names),
        {
            "booking_id": booking_id,
            "items": as_json(items),
            "history": as_json(history),
            "events": as_json([event.model_dump() for event in events]),
        },
    )
