"""Holding on to stock while it is paid for: extended, or taken once more at the same price."""

import datetime as dt
from functools import partial

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.failures import fenced
from models import calls
from models.bookings.claims import HoldLostError
from models.bookings.due import lock_booking
from models.bookings.problems import Code, Problem
from models.bookings.repository import claim_booking
from models.core.database import Sessions, repeated
from models.marketplace.stock.claims import expire_overdue, extend, pools_of
from models.marketplace.stock.messages import KeepHeld, KeptHeld
from models.marketplace.stock.moves import take_again
from models.marketplace.stock.purchases import Held, load_held
from models.marketplace.stock.refusals import StockRefused
from models.marketplace.stock.taking import lines_of

_CODES = {"SOLD_OUT": Code.HOLD_EXPIRED, "NOT_ON_SALE": Code.UNAVAILABLE}


class HoldActivities:
    """What is done to a hold while its booking is paid."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @activity.defn(name=calls.KEEP_HELD.name)
    async def keep_held(self, asked: KeepHeld) -> KeptHeld:
        """Hold on to what a booking holds for ``asked.seconds`` from now on.

        What is held no longer is taken once more, if it is still there: at the price of the
        booking, which never changes. A repeat extends what it took.

        Raises:
            ApplicationError: there is no such booking (not retryable).
        """
        held = await self._held(asked.booking_id)
        async with self._sessions.begin() as session:
            # In a transaction of its own: its locks come in another order.
            await expire_overdue(session, pools_of(lines_of(held.wanted)))
        with fenced():
            return await repeated(partial(self._keep, asked, held))

    async def _keep(self, asked: KeepHeld, held: Held) -> KeptHeld:
        try:
            async with self._sessions.begin() as session:
                now = await lock_booking(session, asked.booking_id)
                await claim_booking(session, asked.booking_id, asked.fence)
                until = now + dt.timedelta(seconds=asked.seconds)
                try:
                    until = await extend(session, asked.booking_id, until)
                except HoldLostError:
                    await take_again(session, asked.booking_id, until, **held._asdict())
                return KeptHeld(until=until)
        except StockRefused as refused:
            message = f"it is not held any more, and cannot be had again: {refused}"
            code = _CODES.get(refused.code, Code.UNAVAILABLE)
            problem = Problem(code=code, step="claim", message=message, details=refused.details)
            return KeptHeld(refused=problem)

    async def _held(self, booking_id: str) -> Held:
        async with self._sessions() as session:
            held = await load_held(session, booking_id)
        if held is None:
            raise ApplicationError(
                f"booking {booking_id} holds nothing", type="BookingNotFound", non_retryable=True
            )
        return held
