"""Entries for bookings that are older than the ledger."""

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.repository import load_booking
from models.bookings.tables import BOOKINGS
from models.core.database import Sessions
from models.ledger.tables import LEDGER_ENTRIES
from models.ledger.writing import post_transition
from models.payments.tables import PAYMENTS


async def catch_up(sessions: Sessions) -> int:
    """Write the entries of every booking that took money and has none; return how many had none.

    Each booking is a transaction of its own, under its row's lock, as a transition would be.
    """
    async with sessions() as session:
        ids = await session.scalars(
            select(PAYMENTS.c.booking_id)
            .distinct()
            .where(
                PAYMENTS.c.captured > 0,
                ~exists().where(LEDGER_ENTRIES.c.booking_id == PAYMENTS.c.booking_id),
            )
        )
        behind = list(ids)
    for booking_id in behind:
        async with sessions.begin() as session:
            await _post(session, booking_id)
    return len(behind)


async def _post(session: AsyncSession, booking_id: str) -> None:
    await session.execute(
        select(BOOKINGS.c.id).where(BOOKINGS.c.id == booking_id).with_for_update()
    )
    booking = await load_booking(session, booking_id)
    if booking is not None:
        await post_transition(session, booking, booking.state, booking.version)
