"""What is due by time follows the state of a reservation, in the transaction of its transition."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.hooks import Hook, Step
from models.reservations.deadlines import HAS_DUE, due_after
from models.reservations.due import load_visit, replace_due


class DueHook(Hook):
    """Replaces what is due: a reservation that has moved on is never met by its old deadlines."""

    async def after(self, session: AsyncSession, step: Step) -> None:
        """Write down what is due from now on; a change of the visit's times is written by then."""
        booking = step.booking
        if booking.state in HAS_DUE:
            visit = await load_visit(session, booking.id)
            due = due_after(booking.state, booking.hold_expires_at, visit)
            await replace_due(session, booking.id, due)
        elif step.from_state in HAS_DUE:
            await replace_due(session, booking.id, {})
