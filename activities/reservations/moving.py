"""Activities that move a reservation on record: opened once, its claim here or there."""

from contextlib import suppress

from sqlalchemy.exc import IntegrityError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.failures import fenced
from activities.reservations.counts import PlaceCounter
from activities.reservations.record import not_to_be_had, outcome_of
from models import calls
from models.bookings.claims import HoldLostError
from models.bookings.messages import BookingRequest
from models.bookings.repository import (
    begin_request,
    claim_booking,
    load_booking,
    load_ended_request,
)
from models.core.database import Sessions, direct, repeated
from models.inventory.claims import (
    Claim,
    PlaceTakenError,
    expire_overdue,
)
from models.inventory.moves import make_slots, move_place
from models.reservations.changes import MoveClaim, MovedClaim, MoveRequest, OpenedMove
from models.reservations.moves import claim_at, load_standing, put_back


class MoveActivities:
    """What a move does on record."""

    def __init__(self, sessions: Sessions, places: PlaceCounter | None = None) -> None:
        self._sessions = sessions
        self._places = places or PlaceCounter()

    @activity.defn(name=calls.OPEN_MOVE.name)
    async def open_move(self, asked: BookingRequest) -> OpenedMove:
        """Write down that a move is begun; returns the reservation as it stands.

        Raises:
            ApplicationError: there is no such reservation (not retryable).
        """
        booking_id = MoveRequest.model_validate(asked.body).booking_id
        booking, standing, ended = None, None, False
        with suppress(IntegrityError):  # a request about no booking
            async with self._sessions.begin() as session:
                # First: who changes it without a workflow is through then, or sees this.
                await begin_request(session, booking_id, asked)
                ended = await load_ended_request(session, asked.id) is not None
                booking = await load_booking(session, booking_id)
                standing = await load_standing(session, booking_id)
        if booking is None or standing is None:
            raise ApplicationError(
                f"no reservation {booking_id}", type="UnknownBooking", non_retryable=True
            )
        return OpenedMove(
            booking=booking, ended=ended, details=standing.details, claim=standing.claim
        )

    @activity.defn(name=calls.MOVE_CLAIM.name)
    async def move_claim(self, asked: MoveClaim) -> MovedClaim:
        """Let a reservation have another place, or the one it had; a repeat changes nothing.

        What others have held there for longer than they may is free for it.

        Raises:
            ApplicationError: a successor of the worker has written, or the reservation has no
                place (neither is retryable).
        """
        async with self._sessions() as session:
            claim = await claim_at(session, asked)
            await session.commit()  # a table that was never named has a number now
        async with direct(self._sessions) as connection:
            self._places.count("expired", await expire_overdue(connection, claim.venue_id))
            await make_slots(connection, claim)
        try:
            with fenced():
                moved = await repeated(lambda: self._move(asked, claim))
        except HoldLostError as lost:
            raise ApplicationError(str(lost), type="HoldLost", non_retryable=True) from lost
        self._places.count(outcome_of(moved.refused))
        return moved

    async def _move(self, asked: MoveClaim, claim: Claim) -> MovedClaim:
        async with self._sessions.begin() as session:
            await claim_booking(session, asked.booking_id, asked.fence)  # and lock it
            if asked.back:
                taken = await put_back(session, claim)
                return MovedClaim(refused=None if taken is None else not_to_be_had(taken, "move"))
            try:
                await move_place(session, claim)
            except PlaceTakenError as error:
                return MovedClaim(refused=not_to_be_had(error.what, "move"))
        return MovedClaim()
