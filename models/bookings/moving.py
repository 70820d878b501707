"""Moving a booking where nobody outside has to be asked: one transaction, and no workflow."""

import datetime as dt

from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.hooks import Hooks
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.repository import record_transition


async def move_alone(
    session: AsyncSession, hooks: Hooks, booking: Booking, to: BookingState, *, who: str, why: str
) -> int:
    """Move a booking from where it was read; returns its version then.

    Raises:
        StaleVersionError: it has moved on since, or a request about it is being carried out.
    """
    transition = Transition(
        booking=booking.model_copy(update={"state": to, "updated_at": dt.datetime.now(dt.UTC)}),
        from_state=booking.state,
        who=who,
        why=why,
    )
    return await record_transition(session, transition, hooks, alone=True)
