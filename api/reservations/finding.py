"""A reservation as callers are answered it."""

from functools import partial

from api.bookings import finding, keeping
from api.core.context import AppContext
from api.core.entity_tags import Tagged, versioned
from api.core.principals import Principal
from api.reservations import presenter
from api.reservations.answers import ReservationAnswer
from models.bookings.errors import BookingNotFound
from models.bookings.lifecycle import BookingKind
from models.bookings.repository import Found
from models.reservations.repository import StoredReservation, load_details


async def find(
    context: AppContext, caller: Principal, booking_id: str
) -> tuple[Found, StoredReservation]:
    """Return a reservation with its history.

    Raises:
        BookingNotFound: unknown, another caller's, or no reservation.
        BookingNotRecordedYet, TemporalUnavailable: nobody can tell right now.
    """
    found = await finding.find(context, caller, booking_id)
    if found.booking.kind is not BookingKind.RESERVATION:
        raise BookingNotFound(booking_id)
    stored = await context.record.look(partial(load_details, booking_id=booking_id))
    assert stored is not None, "a reservation is written down with its booking"
    return found, stored


async def answer(context: AppContext, caller: Principal, booking_id: str) -> ReservationAnswer:
    """Return a reservation, whole. Raises as :func:`find`."""
    found, stored = await find(context, caller, booking_id)
    return presenter.reservation(found.booking, stored, found.history)


def tagged(whole: ReservationAnswer) -> Tagged:
    """Return a reservation as it is answered, with its tag."""
    return versioned(whole.version, whole.model_dump_json(by_alias=True).encode())


async def told(context: AppContext, caller: Principal, booking_id: str) -> Tagged:
    """Return the answer of ``GET …/{booking_id}``; that about one at rest is made once.

    Raises:
        DomainError: as :func:`find`.
    """

    async def make() -> tuple[Tagged, bool]:
        found, stored = await find(context, caller, booking_id)
        return tagged(presenter.reservation(found.booking, stored, found.history)), found.live

    return await keeping.whole(context, caller, booking_id, "reservation", make)
