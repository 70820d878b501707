"""Writing a new booking down: once, whoever repeats it, and under a reference of its own."""

import datetime as dt
import logging
from typing import Any, Protocol

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError

from activities.core.failures import fenced
from logs import about
from models.bookings.lifecycle import FINAL_STATES, BookingState
from models.bookings.messages import OpenedBooking
from models.bookings.problems import Problem
from models.bookings.repository import claim_booking, load_booking, load_run
from models.core.database import Sessions, constraint_of
from models.core.fencing import Fence
from models.core.keys import REFERENCES, booking_reference

log = logging.getLogger("tripsaga.bookings")


class Opening(Protocol):
    """Asks for a booking to be written down."""

    @property
    def request(self) -> Any:
        """The request, with ``booking_id`` and ``booking_reference``."""

    @property
    def run(self) -> str:
        """The workflow's first run id."""

    @property
    def fence(self) -> Fence | None:
        """Of the workflow."""


class Kind(Protocol):
    """How bookings of a kind are opened; both methods are called in one transaction."""

    opened: int
    """The version of a booking just opened; it is VALIDATING then."""

    async def insert(
        self, session: AsyncSession, opening: Any, now: dt.datetime, reference: str
    ) -> object:
        """Write the booking."""

    async def take(self, session: AsyncSession, opening: Any) -> Problem | None:
        """Take what only one booking can have; a repeat changes nothing.

        Returns why it cannot be, when another one has it.
        """


async def open_once(sessions: Sessions, opening: Opening, kind: Kind) -> OpenedBooking:
    """Write a booking down and take what it needs.

    A repeat by the same workflow finds what it wrote. A booking that has ended, or one of an
    earlier workflow that Temporal has forgotten, is answered as ``existing``.

    Raises:
        ApplicationError: every reference made of the booking's id belongs to another booking
            (not retryable).
    """
    booking_id = opening.request.booking_id
    for collisions in range(REFERENCES):
        reference = opening.request.booking_reference
        if collisions:
            reference = booking_reference(booking_id, collisions)
        try:
            async with sessions.begin() as session:
                await kind.insert(session, opening, dt.datetime.now(dt.UTC), reference)
                refusal = await kind.take(session, opening)
        except IntegrityError as error:
            before = await _opened_before(sessions, opening, kind)
            if before is not None:
                return before
            if constraint_of(error) != "bookings_reference_key":
                raise ApplicationError(
                    f"booking {booking_id} is neither new nor on record", type="NotOpened"
                ) from error
        else:
            log_transition(booking_id, BookingState.PENDING, BookingState.VALIDATING, kind.opened)
            return OpenedBooking(version=kind.opened, reference=reference, refusal=refusal)
    raise ApplicationError(
        f"booking {booking_id} gets no reference of its own", type="NotOpened", non_retryable=True
    )


async def _opened_before(sessions: Sessions, opening: Opening, kind: Kind) -> OpenedBooking | None:
    booking_id = opening.request.booking_id
    with fenced():
        async with sessions.begin() as session:
            stored = await load_booking(session, booking_id)
            if stored is None:
                return None
            same_run = await load_run(session, booking_id) == opening.run
            if same_run and stored.state not in FINAL_STATES:
                await claim_booking(session, booking_id, opening.fence)
                refusal = await kind.take(session, opening)
                return OpenedBooking(
                    version=kind.opened, reference=stored.reference, refusal=refusal
                )
    return OpenedBooking(existing=stored)


def log_transition(
    booking_id: str, before: BookingState | None, after: BookingState, version: int
) -> None:
    """Log that a booking has moved."""
    about_it = about(booking_id)
    log.info(
        "%s is %s",
        about_it["reference"],
        after,
        extra={**about_it, "from_state": before, "to_state": after, "version": version},
    )
