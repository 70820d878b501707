"""The activity that writes a reservation down and claims its place."""

import datetime as dt

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.core.opening import open_once
from activities.reservations.counts import PlaceCounter
from models import calls
from models.bookings.messages import OpenedBooking
from models.bookings.problems import Code, Problem
from models.core.database import Sessions, direct, repeated
from models.inventory.claims import PlaceTakenError, Taken, expire_overdue
from models.reservations.messages import SLOT, OpenReservation
from models.reservations.repository import OPENED, claim_slot, insert_reservation

_WORDS = {
    Taken.GUEST: "the guest has another reservation there at that time",
    Taken.VENUE: "the venue has no more room at that time",
    Taken.RESOURCE: "another party has it at that time",
}


class ReservationOpening:
    """How a reservation is opened: with a claim on its place."""

    opened = OPENED

    async def insert(
        self, session: AsyncSession, opening: OpenReservation, now: dt.datetime, reference: str
    ) -> None:
        """Write the reservation."""
        await insert_reservation(session, opening, now, reference)

    async def take(self, session: AsyncSession, opening: OpenReservation) -> Problem | None:
        """Claim the place for as long as it may take to be paid."""
        held = dt.timedelta(seconds=opening.request.hold_seconds)
        try:
            await claim_slot(session, opening.request, dt.datetime.now(dt.UTC) + held)
        except PlaceTakenError as taken:
            return not_to_be_had(taken.what, "claim")
        return None


def outcome_of(refusal: Problem | None) -> str:
    """Return what became of a place that was asked for, as it is counted."""
    return "held" if refusal is None else str(refusal.details["conflict"]).lower()


def not_to_be_had(what: Taken, step: str) -> Problem:
    """Return the problem of a place that something stands in the way of."""
    return Problem(
        code=Code.UNAVAILABLE,
        step=step,
        message=_WORDS[what],
        item=SLOT,
        details={"conflict": what},
    )


class ReservationActivities:
    """The record of reservations."""

    def __init__(self, sessions: Sessions, places: PlaceCounter | None = None) -> None:
        self._sessions = sessions
        self._places = places or PlaceCounter()

    @activity.defn(name=calls.OPEN_RESERVATION.name)
    async def open_reservation(self, opening: OpenReservation) -> OpenedBooking:
        """Write a reservation and claim its place (``open_once``).

        What others have held there for longer than they may is free for it.

        Raises:
            ApplicationError: it gets no reference of its own (not retryable).
        """
        async with direct(self._sessions) as connection:
            expired = await expire_overdue(connection, opening.request.venue_id)
        opened = await repeated(lambda: open_once(self._sessions, opening, ReservationOpening()))
        self._places.count("expired", expired)
        if opened.existing is None:
            self._places.count(outcome_of(opened.refusal))
        return opened
