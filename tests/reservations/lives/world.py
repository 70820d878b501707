"""A record whose clock is turned and whose connections are cut, and the workers that write it."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from temporalio.exceptions import ApplicationError

from activities.reservations.lifecycle import Lifecycle
from activities.reservations.moving import MoveActivities
from activities.reservations.record import ReservationActivities
from activities.trips.record import BookingActivities
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import (
    HOLD_LOST,
    BookingRef,
    BookingRequest,
    EndedRequests,
    OpenedBooking,
    RequestOutcome,
    Transition,
)
from models.bookings.moving import move_alone
from models.bookings.repository import StaleVersionError, load_booking
from models.core.database import DATABASE_AWAY
from models.core.fencing import Fence
from models.core.patience import Patience
from models.core.venues import VenueSlot
from models.kinds import HOOKS
from models.reservations.changes import MoveClaim, OpenedMove
from models.reservations.conflicts import Room, find_room
from models.reservations.messages import BookReservationRequest, OpenReservation
from models.reservations.venues import find_venue
from tests.ledger.conftest import Books
from tests.reservations.books import Diary
from tests.reservations.lives.scissors import Scissors

T = TypeVar("T")

# Before pg_catalog in the search path, so that it stands in for the database's own clock.
_CLOCK = """
CREATE SCHEMA play;
CREATE TABLE play.clock (at timestamptz NOT NULL);
INSERT INTO play.clock VALUES ('2027-01-01');
CREATE FUNCTION play.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT at FROM play.clock';
"""


class NotRecordedError(Exception):
    """A transition was refused for good."""


class LostError(NotRecordedError):
    """It would have sold a place that is held no longer."""


class World:
    """The record of reservations, with a clock and workers of its own."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self.eyes = psycopg.connect(url, autocommit=True)
        self.eyes.execute(_CLOCK)
        name = sql.Identifier(self.eyes.info.dbname)
        path = sql.SQL("ALTER DATABASE {} SET search_path = play, pg_catalog, public")
        self.eyes.execute(path.format(name))
        self.books = Books(url)
        self.scissors = Scissors(self.books.engine.sync_engine, self.eyes)
        self._runner = runner
        self._sessions = self.books.sessions
        self._record = BookingActivities(self._sessions)
        self._reservations = ReservationActivities(self._sessions)
        self._moves = MoveActivities(self._sessions)
        self._lifecycle = Lifecycle(self._sessions, self, Patience())  # type: ignore[arg-type]
        self._fence = 0
        self.deaths = 0
        """So often a worker's connection was cut, and what it did was done once more."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; Hypothesis calls plain functions."""
        try:
            return self._runner.run(work)
        finally:
            self.scissors.arm(0)

    def close(self) -> None:
        self.run(self.books.engine.dispose())
        self.eyes.close()

    def turn_clock(self, to: dt.datetime) -> None:
        """Let it be that time in the database."""
        self.eyes.execute("UPDATE play.clock SET at = %s", [to])

    def forget(self, venues: list[str]) -> None:
        """Let nothing of some venues be met by what comes later."""
        self.eyes.execute("DELETE FROM booking_due")
        self.eyes.execute(
            "UPDATE inventory_claims SET state = 'RELEASED'"
            " WHERE state IN ('HELD', 'SOLD') AND venue_id = ANY(%s::uuid[])",
            [venues],
        )

    # -- a worker's activities: repeated where nobody knows what came of them ----------------------

    async def open(self, request: BookReservationRequest) -> OpenedBooking:
        return await self._sure(
            lambda: self._reservations.open_reservation(
                OpenReservation(request=request, run="test", fence=self._next_fence())
            )
        )

    async def load(self, booking_id: str, request: BookingRequest) -> Booking:
        """Begin to carry a request out."""
        ref = BookingRef(booking_id=booking_id, request=request)
        return await self._sure(lambda: self._record.load_booking(ref))

    async def record(self, booking: Booking, to: BookingState, **more: Any) -> Booking:
        """Record a transition; returns the booking as the workflow goes on with it.

        Raises:
            NotRecordedError: by the table it cannot be, or its place is held no longer.
        """
        now = dt.datetime.now(dt.UTC)
        following = booking.model_copy(deep=True, update={"state": to, "updated_at": now})
        step = Transition(
            booking=following, from_state=booking.state, who="saga", why="played", **more
        )
        try:
            recorded = await self._sure(
                lambda: self._record.record(step.model_copy(update={"fence": self._next_fence()}))
            )
        except ApplicationError as error:
            if error.type == HOLD_LOST:
                raise LostError from error
            if error.type == "Refused":
                raise NotRecordedError(str(error)) from error
            raise
        return following.model_copy(update={"version": recorded.version})

    async def end(self, booking_id: str, outcome: RequestOutcome) -> None:
        """Write down how a request ended that led to no transition."""
        await self._sure(
            lambda: self._record.end_requests(
                EndedRequests(booking_id=booking_id, outcomes=[outcome], fence=self._next_fence())
            )
        )

    async def open_move(self, request: BookingRequest) -> OpenedMove:
        return await self._sure(lambda: self._moves.open_move(request))

    async def move_claim(self, booking_id: str, version: int, slot: VenueSlot, back: bool) -> str:
        """Move a claim, or put it back; returns what is in the way, or nothing."""
        moved = await self._sure(
            lambda: self._moves.move_claim(
                MoveClaim(
                    booking_id=booking_id,
                    version=version,
                    slot=slot,
                    back=back,
                    fence=self._next_fence(),
                )
            )
        )
        return "" if moved.refused is None else str(moved.refused.details["conflict"])

    # -- without a workflow ------------------------------------------------------------------------

    async def move_alone(self, seen: Booking, to: BookingState) -> bool:
        """Move a reservation as it was read some time ago; False: it has moved on since."""
        try:
            async with self._sessions.begin() as session:
                await move_alone(session, HOOKS, seen, to, who="test", why="by hand")
        except StaleVersionError:
            return False
        except DATABASE_AWAY:  # a cut comes before the commit
            return await self.move_alone(seen, to)
        return True

    async def sweep(self) -> None:
        """Make a round; one whose connection is cut has done something, or nothing."""
        with suppress(*DATABASE_AWAY):
            await self._lifecycle.round()

    async def start_workflow(self, _name: str, run: Any, **_options: Any) -> None:
        """Play ``ExpireHeld``: for the sweep this stands in for Temporal's client."""
        (request,) = run.waiting
        booking = await self.load(run.booking_id, request)
        ended = RequestOutcome(request=request)
        if booking.state is BookingState.HELD:
            await self.record(booking, BookingState.EXPIRED, ended_requests=[ended])
        else:
            await self.end(booking.id, ended)

    # -- reading -----------------------------------------------------------------------------------

    async def stored(self, booking_id: str) -> Booking:
        async with self._sessions() as session:
            booking = await load_booking(session, booking_id)
        assert booking is not None
        return booking

    async def room(
        self, house: Diary, slot: VenueSlot, guest: str | None, excluded: str | None
    ) -> Room:
        """Ask what stands in the way of a party."""
        async with self._sessions() as session:
            venue = await find_venue(session, house.caller, house.external_id)
            assert venue is not None
            return await find_room(session, house.caller, venue, slot, guest, excluded)

    async def _sure(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await call()
        except DATABASE_AWAY:
            self.deaths += 1
            return await call()
        if self.scissors.again:
            self.scissors.again = False
            return await call()
        return answer

    def _next_fence(self) -> Fence:
        self._fence += 1
        return [self._fence, 1, 1]
