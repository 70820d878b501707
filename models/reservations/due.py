"""What is due about reservations, by the policy that their venue has now."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.deadlines import Action, Due
from models.reservations.deadlines import Visit, due_after
from models.reservations.policy import VenuePolicy

_VISIT = text("""
SELECT r.starts_at, r.ends_at, r.time_zone, v.type, v.policy
FROM reservations r JOIN venues v ON v.id = r.venue_id WHERE r.booking_id = :booking
""")


async def load_visit(session: AsyncSession, booking_id: str) -> Visit:
    """Return when the party of a reservation that is on record comes."""
    row = (await session.execute(_VISIT, {"booking": booking_id})).one()
    policy = VenuePolicy.model_validate(row.policy)
    return Visit(row.starts_at, row.ends_at, row.time_zone, row.type, policy)


async def due_of(session: AsyncSession, booking: Booking) -> Mapping[Action, Due]:
    """Return what is due about a reservation that is on record."""
    visit = await load_visit(session, booking.id)
    return due_after(booking.state, booking.hold_expires_at, visit)
