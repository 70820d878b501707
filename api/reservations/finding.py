"""A reservation as callers are answered it."""

from sqlalchemy.ext.asyncio import AsyncSession

from api.bookings import finding
from api.core.callers import KnownCaller
from api.core.context import AppContext
from api.reservations import presenter
from api.reservations.answers import ReservationAnswer
from models.bookings.errors import BookingNotFound
from models.bookings.lifecycle import BookingKind
from models.bookings.repository import Found
from models.reservations.repository import StoredReservation, load_details


async def find(
    context: AppContext, caller: KnownCaller, booking_id: str
) -> tuple[Found, StoredReservation]:
    """Return a reservation with its history.

    Raises:
        BookingNotFound: unknown, another caller's, or no reservation.
        BookingNotRecordedYet, TemporalUnavailable: nobody can tell right now.
    """
    found = await finding.find(context, caller, booking_id)
    if found.booking.kind is not BookingKind.RESERVATION:
        raise BookingNotFound(booking_id)

    async def query(session: AsyncSession) -> StoredReservation | None:
        return await load_details(session, booking_id)

    stored = await context.record.read(query)
    assert stored is not None, "a reservation is written down with its booking"
    return found, stored


async def answer(context: AppContext, caller: KnownCaller, booking_id: str) -> ReservationAnswer:
    """Return a reservation, whole. Raises as :func:`find`."""
    found, stored = await find(context, caller, booking_id)
    return presenter.reservation(found.booking, stored, found.history)
