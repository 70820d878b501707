"""What becomes of bookings by time alone; each step may be repeated, by any worker."""

import datetime as dt
import logging
import uuid
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.exc import DBAPIError
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities.core.opening import log_transition
from activities.reservations.counts import PlaceCounter
from models.bookings.deadlines import Action
from models.bookings.due import Claimed, claim_due, give_back, lock_booking, replace_due
from models.bookings.lifecycle import BookingKind, BookingState
from models.bookings.messages import BookingRequest, RequestKind, RequestsRun
from models.bookings.moving import move_alone
from models.bookings.repository import StaleVersionError, load_booking, load_identity
from models.core.database import Executor, Sessions, direct, repeated
from models.core.patience import Patience
from models.inventory.claims import expire_all_overdue
from models.kinds import DUE, HOOKS
from models.marketplace.stock.claims import expire_overdue
from models.marketplace.stock.steps import given_up
from models.reservations.messages import ExpireRequest
from temporal import under_booking

MOST = 200
"""So much is claimed at once."""
EXPIRE_HELD = "ExpireHeld"
RPC_TIMEOUT = dt.timedelta(seconds=5)
WHO = "schedule"
"""Whom the history names."""
_TO = {
    Action.EXPIRE_HOLD: BookingState.EXPIRED,
    Action.NO_SHOW: BookingState.NO_SHOW,
    Action.COMPLETE: BookingState.COMPLETED,
}

log = logging.getLogger("tripsaga.lifecycle")


class Lifecycle:
    """Does what is due, and gives back places and stock that have been held for too long."""

    def __init__(
        self,
        sessions: Sessions,
        client: Client,
        patience: Patience,
        places: PlaceCounter | None = None,
    ) -> None:
        self._places = places or PlaceCounter()
        self._sessions = sessions
        self._client = client
        self._patience = patience

    async def round(self) -> bool:
        """Do what is due now, up to ``MOST``; returns whether there may be more."""
        given_back = await self._free("places", lambda one: expire_all_overdue(one, MOST))
        stock = await self._free("stock", lambda one: expire_overdue(one, most=MOST))
        async with direct(self._sessions) as connection:
            claimed = await claim_due(connection, MOST)
        self._places.count("expired", given_back)
        for one in claimed:
            try:
                await self._act(one)
            except Exception as error:  # noqa: BLE001 - one must not keep the others waiting
                # It is done again when its lease runs out.
                log.warning(
                    "%s of booking %s, attempt %d: %s",
                    one.action,
                    one.booking_id,
                    one.attempts,
                    error,
                )
        return MOST in (given_back, stock, len(claimed))

    async def _free(self, what: str, free: Callable[[Executor], Awaitable[int]]) -> int:
        """Give back what is overdue; what cannot be freed keeps nothing else from being done."""
        try:
            async with direct(self._sessions) as connection:
                freed = await free(connection)
        except DBAPIError as error:
            log.warning("%s held for too long cannot be given back: %s", what, error)
            return 0
        if freed:
            log.info("%s: %d claims were held for too long and are free", what, freed)
        return freed

    async def _act(self, claimed: Claimed) -> None:
        """Do one thing, unless something else about the booking is under way: then next round."""
        try:
            expired = await repeated(partial(self._move, claimed))
            if expired is None or await self._begin_expiring(claimed.booking_id, *expired):
                return
        except StaleVersionError:
            pass
        async with direct(self._sessions) as connection:
            await give_back(connection, claimed)

    async def _move(self, claimed: Claimed) -> tuple[dt.datetime, str] | None:
        """Move a booking whose time has come, if the rule still holds; else do nothing.

        Returns deadline and rule of a reservation that is to be given up: by a workflow, not here,
        for place and money are others'. A hold of our own stock, which nobody has begun to pay, is
        given up here; a workflow that waits for it finds that when its own time comes.

        Raises:
            StaleVersionError: a request about it is being carried out.
        """
        async with self._sessions.begin() as session:
            now = await lock_booking(session, claimed.booking_id)
            booking = await load_booking(session, claimed.booking_id)
            assert booking is not None, "it is locked"
            due = await DUE[booking.kind](session, booking)
            mine = due.get(claimed.action)
            if mine is None or mine.at > now:  # the venue's policy has changed
                await replace_due(session, booking.id, due)
                return None
            reserved = booking.kind is BookingKind.RESERVATION
            if reserved and claimed.action is Action.EXPIRE_HOLD:
                return mine.at, mine.rule
            if claimed.action is Action.EXPIRE_HOLD:
                booking = given_up(booking, now)
            to = _TO[claimed.action]
            version = await move_alone(session, HOOKS, booking, to, who=WHO, why=mine.rule)
        log_transition(booking.id, booking.state, to, version)
        return None

    async def _begin_expiring(self, booking_id: str, deadline: dt.datetime, rule: str) -> bool:
        """Start ``ExpireHeld`` under the booking's id; False when something else runs there."""
        async with self._sessions() as session:
            booking = await load_booking(session, booking_id)
            owner = await load_identity(session, booking_id)
        assert booking is not None, "it was there"
        assert owner is not None, "it was there"
        request = BookingRequest(
            id=str(uuid.uuid5(uuid.UUID(booking_id), f"expire {deadline.isoformat()}")),
            kind=RequestKind.EXPIRE,
            requested_at=dt.datetime.now(dt.UTC),
            who=WHO,
            body=ExpireRequest(rule=rule).model_dump(mode="json"),
        )
        run = RequestsRun(booking_id=booking_id, patience=self._patience, waiting=[request])
        try:
            await self._client.start_workflow(
                EXPIRE_HELD,
                run,
                **under_booking(booking, self._patience.task_queue, owner.caller_id),
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                rpc_timeout=RPC_TIMEOUT,
                static_summary=f"Give {booking.reference} up: {rule}",
            )
        except WorkflowAlreadyStartedError:
            return False
        return True
