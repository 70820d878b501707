"""What a transition writes of a booking, with its history and events, in one statement."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import TextClause, text
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
def _statement(booking: tuple[str, ...], payments: bool, items: tuple[str, ...]) -> TextClause:
    """Return the statement; ``booking`` and ``items`` are the columns of them that are written."""
    parts = []
    if booking:
        rows = recordset(BOOKINGS, booking, "booking")
        update = f"UPDATE bookings SET {_written(booking)} FROM {rows}"  # noqa: S608
        parts.append(f"booking AS ({update} WHERE bookings.id = :booking_id)")
    if payments:
        parts.append(f"payments AS ({UPSERT_PAYMENTS})")
    if items:
        rows = recordset(BOOKING_ITEMS, items, "items")
        update = f"UPDATE booking_items AS i SET {_written(items)} FROM {rows}"  # noqa: S608
        mine = "i.booking_id = :booking_id AND i.number = fresh.number"
        parts.append(f"items AS ({update} WHERE {mine})")
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


def _written(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = fresh.{name}" for name in names if name != "number")


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
) -> None:
    """Write booking, payments and items, add history rows, and put events into the outbox.

    Call it with the booking's row locked: the order of its events is that of these calls.
    """
    statement = _statement(tuple(booking or ()), bool(payments), tuple(items[0]) if items else ())
    values = {"booking_id": booking_id, "history": as_json(history)}
    values["events"] = as_json([event.model_dump() for event in events])
    if booking:
        values["booking"] = as_json([booking])
    if payments:
        values["payments"] = as_json(payments)
    if items:
        values["items"] = as_json(items)
    await session.execute(statement, values)
