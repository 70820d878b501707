"""Activities that write and read the record. They fail only when the database does."""

import datetime as dt
from contextlib import suppress

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.failures import fenced
from activities.core.opening import log_transition, open_once
from models import calls
from models.bookings.booking import Booking
from models.bookings.claims import HoldLostError
from models.bookings.messages import (
    HOLD_LOST,
    BookingRef,
    EndedRequests,
    OpenedBooking,
    Recorded,
    Transition,
)
from models.bookings.problems import Code, Problem
from models.bookings.repository import (
    begin_request,
    claim_booking,
    end_requests,
    load_booking,
    record_transition,
)
from models.core.database import Sessions, repeated
from models.kinds import HOOKS
from models.suppliers.following import Noted
from models.trips.messages import OpenBooking
from models.trips.repository import OPENED, insert_trip, lock_trip_option


class TripOpening:
    """How a trip is opened: with our own copy of its option, which is locked for it."""

    opened = OPENED

    async def insert(
        self, session: AsyncSession, opening: OpenBooking, now: dt.datetime, reference: str
    ) -> None:
        """Write the trip."""
        await insert_trip(session, opening, now, reference)

    async def take(self, session: AsyncSession, opening: OpenBooking) -> Problem | None:
        """Lock the trip option."""
        holder = await lock_trip_option(session, opening.request)
        if holder is None:
            return None
        return Problem(
            code=Code.TRIP_TAKEN,
            step="validate",
            message="this trip option is already booked or being booked",
            details={"bookingId": holder} if holder else {},
        )


class BookingActivities:
    """The record of bookings."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @activity.defn(name=calls.OPEN_BOOKING.name)
    async def open_booking(self, opening: OpenBooking) -> OpenedBooking:
        """Write a trip with our own copy of it, and lock its trip option (``open_once``).

        Raises:
            ApplicationError: it gets no reference of its own (not retryable).
        """
        return await open_once(self._sessions, opening, TripOpening())

    @activity.defn(name=calls.LOAD_BOOKING.name)
    async def load_booking(self, ref: BookingRef) -> Booking:
        """Return the booking as recorded; a request that begins is on record then.

        Raises:
            ApplicationError: there is none (not retryable).
        """
        booking = None
        with suppress(IntegrityError):  # a request about no booking
            async with self._sessions.begin() as session:
                # First: who moves the booking without a workflow is through then, or sees it.
                if ref.request is not None:
                    await begin_request(session, ref.booking_id, ref.request)
                booking = await load_booking(session, ref.booking_id)
        if booking is None:
            raise ApplicationError(
                f"no booking {ref.booking_id}", type="UnknownBooking", non_retryable=True
            )
        return booking

    @activity.defn(name=calls.RECORD.name)
    async def record(self, transition: Transition) -> Recorded:
        """Write one transition in one transaction; a repeat changes nothing.

        Raises:
            ApplicationError: the booking moved on without us, or what it holds is not held any
                more (``HoldLostError``; neither is retryable).
        """
        try:
            with fenced():
                version = await repeated(lambda: self._record(transition))
        except HoldLostError as lost:
            raise ApplicationError(str(lost), type=HOLD_LOST, non_retryable=True) from lost
        except IntegrityError as error:  # a constraint of the database: no retry would succeed
            raise ApplicationError(str(error), type="Refused", non_retryable=True) from error
        booking = transition.booking
        log_transition(booking.id, transition.from_state, booking.state, version)
        return Recorded(version=version)

    async def _record(self, transition: Transition) -> int:
        async with self._sessions.begin() as session:
            return await record_transition(session, transition, HOOKS)

    @activity.defn(name=calls.END_REQUESTS.name)
    async def end_requests(self, ended: EndedRequests) -> Noted:
        """Write down how requests ended that led to no transition.

        Raises:
            ApplicationError: a successor of the worker has written (not retryable).
        """
        with fenced():
            async with self._sessions.begin() as session:
                await claim_booking(session, ended.booking_id, ended.fence)
                await end_requests(session, ended.booking_id, ended.outcomes)
        return Noted()
