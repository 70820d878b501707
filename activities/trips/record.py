"""Activities that write and read the record. Their only fault is a database in trouble."""

import asyncio
import datetime as dt
import logging

from sqlalchemy.exc import IntegrityError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from models import calls
from models.bookings.booking import Booking
from models.bookings.lifecycle import FINAL_STATES, BookingState
from models.bookings.messages import BookingRef, EndedRequests, Recorded, Transition
from models.bookings.repository import (
    OPENED,
    StaleVersionError,
    end_requests,
    insert_booking,
    load_booking,
    load_run,
    lock_trip_option,
    record_transition,
)
from models.core.database import Sessions
from models.core.errors import ProviderError
from models.suppliers.following import Noted
from models.trips.messages import OpenBooking, OpenedBooking
from suppliers.planner import LockStatus, TripPlanner

PLANNER_SECONDS = 3
"""How long the trip planner may take to hear the news; no booking waits for it any longer."""

log = logging.getLogger("tripsaga.record")


class BookingActivities:
    """The record of bookings; the trip planner hears what becomes of its trip options."""

    def __init__(self, sessions: Sessions, planner: TripPlanner) -> None:
        self._sessions = sessions
        self._planner = planner

    @activity.defn(name=calls.OPEN_BOOKING.name)
    async def open_booking(self, opening: OpenBooking) -> OpenedBooking:
        """Write the booking with our own copy of the trip, and lock the trip option.

        A repeat by the same workflow finds what it wrote. A booking that has ended, or one of an
        earlier workflow that Temporal has forgotten, is answered as ``existing``.
        """
        try:
            async with self._sessions.begin() as session:
                await insert_booking(session, opening, dt.datetime.now(dt.UTC))
                taken_by = await lock_trip_option(session, opening.request)
        except IntegrityError:
            return await self._opened_before(opening)
        return OpenedBooking(version=OPENED, taken_by=taken_by)

    async def _opened_before(self, opening: OpenBooking) -> OpenedBooking:
        booking_id = opening.request.booking_id
        async with self._sessions.begin() as session:
            stored = await load_booking(session, booking_id)
            ours = await load_run(session, booking_id) == opening.run
            if ours and stored is not None and stored.state not in FINAL_STATES:
                taken_by = await lock_trip_option(session, opening.request)
                return OpenedBooking(version=OPENED, taken_by=taken_by)
        if stored is None:
            raise ApplicationError(
                f"booking {booking_id} is neither new nor on record", type="NotOpened"
            )
        return OpenedBooking(existing=stored)

    @activity.defn(name=calls.LOAD_BOOKING.name)
    async def load_booking(self, ref: BookingRef) -> Booking:
        """Return the booking as recorded.

        Raises:
            ApplicationError: there is none (not retryable).
        """
        async with self._sessions() as session:
            booking = await load_booking(session, ref.booking_id)
        if booking is None:
            raise ApplicationError(
                f"no booking {ref.booking_id}", type="UnknownBooking", non_retryable=True
            )
        return booking

    @activity.defn(name=calls.RECORD.name)
    async def record(self, transition: Transition) -> Recorded:
        """Write one transition in one transaction; a repeat changes nothing.

        Once it is committed, the trip planner is told when its option is booked or open again. A
        planner that does not listen never holds a booking up: the answer says so.

        Raises:
            ApplicationError: the booking moved on without us (not retryable).
        """
        try:
            async with self._sessions.begin() as session:
                version = await record_transition(session, transition)
        except StaleVersionError as error:
            raise ApplicationError(str(error), type="StaleVersion", non_retryable=True) from error
        except IntegrityError as error:  # the database's own guard: no retry would please it
            raise ApplicationError(str(error), type="Refused", non_retryable=True) from error
        return Recorded(version=version, planner_told=await self._tell_planner(transition))

    @activity.defn(name=calls.END_REQUESTS.name)
    async def end_requests(self, ended: EndedRequests) -> Noted:
        """Write down how requests ended that led to no transition."""
        async with self._sessions.begin() as session:
            await end_requests(session, ended.booking_id, ended.outcomes)
        return Noted()

    async def _tell_planner(self, transition: Transition) -> bool:
        booking = transition.booking
        news = _PLANNER_NEWS.get(booking.state)
        change = transition.change
        changed = change is not None and change.outcome is not None and change.outcome.carried_out
        same = transition.from_state is booking.state and not changed
        repeated = same or not transition.tell_planner
        if news is None or repeated:
            return True
        try:
            async with asyncio.timeout(PLANNER_SECONDS):
                await self._planner.lock(booking.trip_option_id, news, booking.id)
        except (ProviderError, TimeoutError) as error:
            log.warning("the trip planner was not told of booking %s: %s", booking.id, error)
            return False
        return True


_PLANNER_NEWS: dict[BookingState, LockStatus] = {
    BookingState.CONFIRMED: "BOOKED",
    BookingState.CANCELLED: "OPEN",
}
