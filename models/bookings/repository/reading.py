"""Reading the record."""

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, HistoryEntry, OpenCase
from models.bookings.lifecycle import BookingState
from models.bookings.repository.rows import booking_of, item_of
from models.bookings.tables import (
    BOOKING_ITEMS,
    BOOKINGS,
    HISTORY,
    BookingItemRow,
    BookingRow,
    HistoryRow,
)
from models.core.cases import open_cases_of
from models.payments.repository import load_payments


class BookingIdentity(BaseModel):
    """Whose booking it is and which request made it."""

    caller_id: str
    fingerprint: str


async def load_identity(session: AsyncSession, booking_id: str) -> BookingIdentity | None:
    """Return whose booking it is; None when there is none."""
    row = (
        await session.execute(
            select(BOOKINGS.c.caller_id, BOOKINGS.c.fingerprint).where(BOOKINGS.c.id == booking_id)
        )
    ).one_or_none()
    return None if row is None else BookingIdentity(caller_id=row[0], fingerprint=row[1])


async def load_booking(session: AsyncSession, booking_id: str) -> Booking | None:
    """Return the booking as recorded, without offers (they are large); None when unknown."""
    found = (
        await session.execute(
            select(BookingRow, open_cases_of(BOOKINGS.c.id)).where(BOOKINGS.c.id == booking_id)
        )
    ).one_or_none()
    if found is None:
        return None
    items = await session.scalars(
        select(BookingItemRow)
        .where(BOOKING_ITEMS.c.booking_id == booking_id)
        .order_by(BOOKING_ITEMS.c.number)
    )
    payments = await load_payments(session, booking_id)
    booking = booking_of(found[0], [item_of(item) for item in items], payments)
    booking.cases = [OpenCase.model_validate(case) for case in found[1] or []]
    return booking


async def load_history(session: AsyncSession, booking_id: str) -> list[HistoryEntry]:
    """Return the recorded transitions of a booking, oldest first."""
    rows = await session.scalars(
        select(HistoryRow).where(HISTORY.c.booking_id == booking_id).order_by(HISTORY.c.version)
    )
    return [
        HistoryEntry(
            version=row.version,
            from_state=BookingState(row.from_state) if row.from_state else None,
            to_state=BookingState(row.to_state),
            at=row.at,
            recorded_at=row.recorded_at or row.at,
            who=row.who,
            why=row.why,
        )
        for row in rows
    ]


async def load_run(session: AsyncSession, booking_id: str) -> str | None:
    """Return the first run id of the workflow that made a booking; None when there is none."""
    run: str | None = await session.scalar(
        select(BOOKINGS.c.run_id).where(BOOKINGS.c.id == booking_id)
    )
    return run
