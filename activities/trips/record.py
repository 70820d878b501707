"""Activities that write and read the record. They fail only when the database does."""

import datetime as dt
import logging

from sqlalchemy.exc import IntegrityError
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.core.failures import fenced
from logs import about
from models import calls
from models.bookings.booking import Booking
from models.bookings.lifecycle import FINAL_STATES, BookingState
from models.bookings.messages import BookingRef, EndedRequests, Recorded, Transition
from models.bookings.repository import (
    begin_request,
    claim_booking,
    end_requests,
    load_booking,
    load_run,
    record_transition,
)
from models.core.database import Sessions
from models.core.keys import booking_reference
from models.kinds import HOOKS
from models.suppliers.following import Noted
from models.trips.messages import OpenBooking, OpenedBooking
from models.trips.repository import OPENED, insert_trip, lock_trip_option

log = logging.getLogger("tripsaga.bookings")

REFERENCES = 5
"""So many references are tried before a booking is given up because others have them all."""


class BookingActivities:
    """The record of bookings."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @activity.defn(name=calls.OPEN_BOOKING.name)
    async def open_booking(self, opening: OpenBooking) -> OpenedBooking:
        """Write the booking with our own copy of the trip, and lock the trip option.

        A repeat by the same workflow finds what it wrote. A booking that has ended, or one of an
        earlier workflow that Temporal has forgotten, is answered as ``existing``.

        Raises:
            ApplicationError: every reference made of the booking's id belongs to another booking
                (not retryable).
        """
        for collisions in range(REFERENCES):
            reference = opening.request.booking_reference
            if collisions:
                reference = booking_reference(opening.request.booking_id, collisions)
            try:
                async with self._sessions.begin() as session:
                    await insert_trip(session, opening, dt.datetime.now(dt.UTC), reference)
                    taken_by = await lock_trip_option(session, opening.request)
            except IntegrityError as error:
                opened = await self._opened_before(opening)
                if opened is not None:
                    return opened
                if _constraint(error) != "bookings_reference_key":
                    raise ApplicationError(
                        f"booking {opening.request.booking_id} is neither new nor on record",
                        type="NotOpened",
                    ) from error
            else:
                _log_transition(
                    opening.request.booking_id,
                    BookingState.PENDING,
                    BookingState.VALIDATING,
                    OPENED,
                )
                return OpenedBooking(version=OPENED, reference=reference, taken_by=taken_by)
        raise ApplicationError(
            f"booking {opening.request.booking_id} gets no reference of its own",
            type="NotOpened",
            non_retryable=True,
        )

    async def _opened_before(self, opening: OpenBooking) -> OpenedBooking | None:
        booking_id = opening.request.booking_id
        with fenced():
            async with self._sessions.begin() as session:
                stored = await load_booking(session, booking_id)
                if stored is None:
                    return None
                same_run = await load_run(session, booking_id) == opening.run
                if same_run and stored.state not in FINAL_STATES:
                    await claim_booking(session, booking_id, opening.fence)
                    by = await lock_trip_option(session, opening.request)
                    return OpenedBooking(version=OPENED, reference=stored.reference, taken_by=by)
        return OpenedBooking(existing=stored)

    @activity.defn(name=calls.LOAD_BOOKING.name)
    async def load_booking(self, ref: BookingRef) -> Booking:
        """Return the booking as recorded; a request that begins is on record then.

        Raises:
            ApplicationError: there is none (not retryable).
        """
        async with self._sessions.begin() as session:
            booking = await load_booking(session, ref.booking_id)
            if booking is not None and ref.request is not None:
                await begin_request(session, ref.booking_id, ref.request)
        if booking is None:
            raise ApplicationError(
                f"no booking {ref.booking_id}", type="UnknownBooking", non_retryable=True
            )
        return booking

    @activity.defn(name=calls.RECORD.name)
    async def record(self, transition: Transition) -> Recorded:
        """Write one transition in one transaction; a repeat changes nothing.

        Raises:
            ApplicationError: the booking moved on without us (not retryable).
        """
        try:
            with fenced():
                async with self._sessions.begin() as session:
                    version = await record_transition(session, transition, HOOKS)
        except IntegrityError as error:  # a constraint of the database: no retry would succeed
            raise ApplicationError(str(error), type="Refused", non_retryable=True) from error
        booking = transition.booking
        _log_transition(booking.id, transition.from_state, booking.state, version)
        return Recorded(version=version)

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


def _constraint(error: IntegrityError) -> str | None:
    diagnosis = getattr(error.orig, "diag", None)
    return getattr(diagnosis, "constraint_name", None)


def _log_transition(
    booking_id: str, before: BookingState | None, after: BookingState, version: int
) -> None:
    about_it = about(booking_id)
    log.info(
        "%s is %s",
        about_it["reference"],
        after,
        extra={**about_it, "from_state": before, "to_state": after, "version": version},
    )
