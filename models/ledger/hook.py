"""The ledger as a hook of every kind: entries are written with the transition that needs them."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.hooks import Hook, Step
from models.ledger.writing import post_transition


class LedgerHook(Hook):
    """Writes the entries that a transition makes necessary."""

    async def after(self, session: AsyncSession, step: Step) -> None:
        """Post what the booking has moved; a booking without money costs no statement."""
        await post_transition(session, step.booking, step.from_state, step.version)
