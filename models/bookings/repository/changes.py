"""Writing what changes of bookings add to the record. Callers own the transaction."""

import datetime as dt
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.repository.reading import load_booking
from models.bookings.repository.rows import item_columns
from models.bookings.tables import BOOKING_ITEMS
from models.trips.changes import ChangeNote
from models.trips.tables import CHANGES


async def note_change(
    session: AsyncSession, note: ChangeNote, now: dt.datetime, booking: Booking | None = None
) -> None:
    """Write what ``note`` says of a change; repeating it changes nothing.

    ``booking`` is the one whose transition goes with it, None without one. Write this before the
    transition's items: those that come are inserted here.
    """
    if note.begins and booking is not None:
        await _add_items(session, booking, note.change_id)
    if note.outcome is not None:
        await session.execute(
            update(CHANGES)
            .where(CHANGES.c.id == note.change_id, CHANGES.c.status == "open")
            .values(
                status="done" if note.outcome.carried_out else "refused",
                outcome=note.outcome.model_dump(mode="json"),
                ended_at=now,
            )
        )


def people_columns(note: ChangeNote | None) -> dict[str, Any]:
    """Return what a transition writes of who travels (table ``bookings``): nothing, as a rule."""
    if note is None or note.travelers is None:
        return {}
    return {"travelers": [t.model_dump(mode="json", by_alias=True) for t in note.travelers]}


async def _add_items(session: AsyncSession, booking: Booking, change_id: str) -> None:
    """Insert the items that come, with the components and quotes that are kept with the change."""
    kept = await session.scalar(select(CHANGES.c.quotes).where(CHANGES.c.id == change_id)) or {}
    rows = [
        {
            **item_columns(booking, item),
            "trip_option_id": booking.trip_option_id,
            "created_at": booking.updated_at,
            "booking_id": booking.id,
            "number": item.number,
            "type": item.type,
            "supplier": item.supplier,
            "component_ref": item.component_id,
            "title": item.title,
            "reference": item.reference,
            "currency": item.currency,
            "offer": kept[str(item.number)]["component"],
            "quote": kept[str(item.number)]["quote"],
            "travelers": kept[str(item.number)]["travelers"],
            "change_id": change_id,
        }
        for item in booking.items
        if str(item.number) in kept
    ]
    if rows:
        added = upsert(BOOKING_ITEMS).values(rows)
        await session.execute(
            added.on_conflict_do_update(  # begun before, by a worker that died
                index_elements=["booking_id", "number"],
                set_={
                    name: added.excluded[name]
                    for name in ("offer", "quote", "travelers", "component_ref", "title", "type")
                },
                where=BOOKING_ITEMS.c.change_id == change_id,
            )
        )


async def load_without(session: AsyncSession, booking_id: str, change_id: str) -> Booking | None:
    """Return a booking as it was before a change began; None when there is no such booking.

    What a worker that died has written down of the change gets the same numbers again.
    """
    booking = await load_booking(session, booking_id)
    if booking is None:
        return None
    table = BOOKING_ITEMS.c
    added = set(
        await session.scalars(
            select(table.number).where(table.booking_id == booking_id, table.change_id == change_id)
        )
    )
    booking.items = [item for item in booking.items if item.number not in added]
    booking.payments = [payment for payment in booking.payments if payment.change != change_id]
    return booking
