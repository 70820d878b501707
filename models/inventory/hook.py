"""Claims follow the state of their booking, in the transaction of its transition."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.hooks import Hook, Step
from models.bookings.lifecycle import BookingState
from models.inventory.claims import expire_claims, release_claims, sell_claims, use_claims

_S = BookingState
_FOLLOWS = {
    _S.PROCESSING: sell_claims,
    _S.CONFIRMED: sell_claims,
    _S.CANCELLED: release_claims,
    _S.FAILED: release_claims,
    _S.EXPIRED: expire_claims,
    _S.COMPLETED: use_claims,
    _S.NO_SHOW: use_claims,
}


class ClaimsHook(Hook):
    """Sells claims before money is taken, gives them back with a booking that ends without.

    So no booking is confirmed whose place another one has, and no claim outlives its booking.
    """

    async def before(self, session: AsyncSession, step: Step) -> None:
        """Let the claims follow.

        Raises:
            HoldLostError: what was held is not held any more; the transition is undone.
        """
        if step.booking.state is not step.from_state and step.booking.state in _FOLLOWS:
            await _FOLLOWS[step.booking.state](session, step.booking.id)
