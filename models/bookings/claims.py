"""Claims follow the state of their booking, in the transaction of its transition.

What is claimed, and how, its kind knows: places of venues (``models.inventory``), nights and seats
(``models.marketplace.stock``).
"""

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.hooks import Hook, Step
from models.bookings.lifecycle import BookingState

Follow = Callable[[AsyncSession, str], Awaitable[None]]
"""Lets the claims of a booking follow; a repeat changes nothing."""


class HoldLostError(Exception):
    """What was held is not held any more: its time is over, or it was given to somebody else."""

    def __init__(self, booking_id: str) -> None:
        super().__init__(f"booking {booking_id} holds its place no longer")


class ClaimsHook(Hook):
    """Sells claims before money is taken, gives them back with a booking that ends without.

    So no booking is confirmed whose place another one has, and no claim outlives its booking.
    """

    def __init__(self, follows: Mapping[BookingState, Follow]) -> None:
        self._follows = follows

    async def before(self, session: AsyncSession, step: Step) -> None:
        """Let the claims follow.

        Raises:
            HoldLostError: what was held is not held any more; the transition is undone.
        """
        follow = self._follows.get(step.booking.state)
        if follow is not None and step.booking.state is not step.from_state:
            await follow(session, step.booking.id)
