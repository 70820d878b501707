"""Workflows of reservations, played on the real record one statement at a time.

What a workflow does is played by the worker's own activities, one workflow of a booking at a time.
"""

import asyncio
import datetime as dt
from typing import Any

import psycopg
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from activities.reservations.lifecycle import Lifecycle
from activities.reservations.moving import MoveActivities
from activities.trips.record import BookingActivities
from models.bookings.booking import Booking
from models.bookings.lifecycle import (
    BookingKind,
    BookingState,
    ItemStatus,
    PaymentStatus,
    may_become,
)
from models.bookings.messages import (
    HOLD_LOST,
    BookingRef,
    BookingRequest,
    EndedRequests,
    RequestKind,
    RequestOutcome,
    Transition,
)
from models.bookings.moving import move_alone
from models.bookings.problems import Code, Problem
from models.bookings.repository import StaleVersionError, find_booking, record_transition
from models.core.database import direct
from models.core.patience import Patience
from models.core.people import Contact
from models.core.venues import VenueGuest, VenueSlot
from models.inventory.claims import expire_all_overdue
from models.kinds import HOOKS
from models.reservations.changes import Details, MoveClaim, MoveRequest, refusal
from models.reservations.messages import SLOT, visit_of
from tests.ledger.conftest import Books
from tests.reservations.books import Diary, quote, slot
from tests.reservations.requests import request_of

S = BookingState


class Desk:
    """Workflows of bookings, played on the real record: one of a booking at a time.

    It is given to the sweep in place of Temporal's client; what comes meanwhile waits, as requests
    do, or is refused, as the sweep asks for.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._record = BookingActivities(books.sessions)
        self._moves = MoveActivities(books.sessions)
        self._cancelled = False
        """Whether a request to cancel waits: asked before money is taken."""
        self._turn = asyncio.Lock()
        self._fence = 0

    async def start_workflow(self, _name: str, run: Any, **_options: Any) -> None:
        """Play ``ExpireHeld``, unless something else runs."""
        if self._turn.locked():
            raise WorkflowAlreadyStartedError(run.booking_id, _name)
        async with self._turn:
            (request,) = run.waiting
            booking = await self._begin(run.booking_id, request)
            if booking.state is not S.HELD:
                await self._end(booking, request)
                return
            await self._write(booking, S.EXPIRED, request)

    async def approve(self, booking_id: str) -> None:
        """Play ``ConfirmHeld``."""
        request = request_of(RequestKind.APPROVE)
        async with self._turn:
            booking = await self._begin(booking_id, request)
            if booking.state is not S.HELD:
                await self._end(booking, request)
                return
            try:
                booking = await self._write(booking, S.PROCESSING)
            except ApplicationError as error:
                if error.type != HOLD_LOST:
                    raise
                await self._write(_released(booking), S.EXPIRED, request)
                return
            _capture(booking)
            await self._write(booking, S.CONFIRMED, request)

    async def pay(self, booking_id: str) -> None:
        """Play ``BookReservation`` once a card is accepted at last, or another one is.

        A card that is accepted when the reservation does not wait for it any more is released.
        """
        async with self._turn:
            booking = await self._begin(booking_id, None)
            if booking.state is not S.PAYMENT_PENDING:
                return
            _authorise(booking)
            try:
                booking = await self._write(booking, S.PROCESSING)
            except ApplicationError as error:
                if error.type != HOLD_LOST:
                    raise
                await self._write(_released(booking), S.EXPIRED)
                return
            if self._cancelled:
                await self._write(_released(booking), S.CANCELLED)
                return
            _capture(booking)
            await self._write(booking, S.CONFIRMED)

    async def run_out(self, booking_id: str) -> None:
        """Play ``BookReservation`` as its timer fires while a card is waited for."""
        async with self._turn:
            booking = await self._begin(booking_id, None)
            if booking.state is S.PAYMENT_PENDING:
                await self._write(booking, S.EXPIRED)

    async def cancel(self, booking_id: str) -> None:
        """Play ``CancelBooking``, or whatever workflow hears of it first."""
        request = request_of(RequestKind.CANCEL)
        self._cancelled = True
        async with self._turn:
            booking = await self._begin(booking_id, request)
            if booking.state in {S.HELD, S.PAYMENT_PENDING}:
                await self._write(_released(booking), S.CANCELLED, request)
            elif booking.state in {S.CONFIRMED, S.CHECKED_IN}:
                item = booking.items[0]
                item.status, item.fee = ItemStatus.CANCELLED, item.price  # by its terms: all of it
                await self._write(booking, S.CANCELLED, request)
            else:
                await self._end(booking, request)

    async def move(self, seen: Booking, slot: VenueSlot) -> Problem | None:
        """Play ``ModifyReservation`` for the version that was seen; returns why it is not moved."""
        details = Details(slot=slot, quote=quote(slot))
        asked = MoveRequest(booking_id=seen.id, expected_version=seen.version, details=details)
        request = request_of(RequestKind.MOVE, asked.model_dump(mode="json"))
        async with self._turn:
            self._fence += 1
            opened = await self._moves.open_move(request)
            booking = opened.booking
            problem = refusal(booking, seen.version)
            if problem is None:
                claim = MoveClaim(
                    booking_id=seen.id,
                    version=opened.claim + 1,
                    slot=slot,
                    fence=[self._fence, 1, 0],
                )
                problem = (await self._moves.move_claim(claim)).refused
            if problem is not None:
                await self._end(booking, request, problem)
                return problem
            item = booking.item(SLOT)
            item.title, item.quote, booking.visit = slot.title, details.quote, visit_of(slot)
            await self._write(booking, S.CONFIRMED, request, details)
            return None

    async def _begin(self, booking_id: str, request: BookingRequest | None) -> Booking:
        self._fence += 1
        ref = BookingRef(booking_id=booking_id, request=request)
        return await self._record.load_booking(ref)

    async def _write(
        self,
        booking: Booking,
        to: BookingState,
        ended: BookingRequest | None = None,
        details: Details | None = None,
    ) -> Booking:
        following = booking.model_copy(
            deep=True, update={"state": to, "updated_at": dt.datetime.now(dt.UTC)}
        )
        transition = Transition(
            booking=following,
            from_state=booking.state,
            who="saga",
            why="played",
            fence=[self._fence, 1, 1],
            ended_requests=[RequestOutcome(request=ended)] if ended else [],
            details=details.as_json() if details else {},
        )
        recorded = await self._record.record(transition)
        return following.model_copy(update={"version": recorded.version})

    async def _end(
        self, booking: Booking, request: BookingRequest, problem: Problem | None = None
    ) -> None:
        outcome = RequestOutcome(request=request, problem=problem)
        await self._record.end_requests(EndedRequests(booking_id=booking.id, outcomes=[outcome]))


def _authorise(booking: Booking) -> None:
    payment = booking.payment
    payment.status, payment.id = PaymentStatus.AUTHORISED, f"pi_{booking.id}"
    payment.authorised = payment.amount


def _released(booking: Booking) -> Booking:
    """Return it with no money held: what was is given back."""
    if booking.payment.status is PaymentStatus.AUTHORISED:
        booking.payment.status, booking.payment.authorised = PaymentStatus.RELEASED, 0
    return booking


def _capture(booking: Booking) -> None:
    _authorise(booking)
    booking.payment.status, booking.payment.captured = (
        PaymentStatus.SUCCEEDED,
        booking.payment.amount,
    )
    booking.items[0].status = ItemStatus.CONFIRMED
    booking.confirmed_at = dt.datetime.now(dt.UTC)
    booking.hold_expires_at = None


class Play:
    """A venue with one reservation, and who may move it."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.diary = Diary(books)
        self.desk = Desk(books)
        self.lifecycle = Lifecycle(books.sessions, self.desk, Patience())  # type: ignore[arg-type]

    async def by_hand(self, booking_id: str, to: BookingState) -> None:
        """Move it as the API does, if it may be moved."""
        async with self.books.sessions() as session:
            found = await find_booking(session, booking_id, None)
        assert found is not None
        booking = found.booking
        if found.live or booking.state is to or not may_become(booking.kind, booking.state, to):
            return
        try:
            async with self.books.sessions.begin() as session:
                await move_alone(session, HOOKS, booking, to, who="test", why="by hand")
        except StaleVersionError:
            return

    async def note(self, seen: Booking) -> Problem | None:
        """Change the notes as the API does, of the version that was seen."""
        async with self.books.sessions() as session:
            found = await find_booking(session, seen.id, None)
        assert found is not None
        stale = Problem(code=Code.NOT_CHANGEABLE, step="version", message="another version")
        if found.live or found.booking.version != seen.version:
            return stale
        guest = VenueGuest(name="Ada Okafor", notes="high chair")
        details = Details(guest=guest, contact=Contact(email="ada@example.org"), traveler_id="t-1")
        transition = Transition(
            booking=found.booking,
            from_state=found.booking.state,
            who="test",
            why="notes",
            details=details.as_json(),
        )
        try:
            async with self.books.sessions.begin() as session:
                await record_transition(session, transition, HOOKS, alone=True)
        except StaleVersionError:
            return stale
        return None

    async def wait(self, state: BookingState, *, table: str | None = None) -> Booking:
        """A reservation whose money is held (HELD), or whose card was refused (PAYMENT_PENDING)."""
        booking = await self.diary.reserve(slot(table=table), amount=4_000, hold_seconds=900)
        assert booking is not None
        booking.hold_expires_at = dt.datetime.now(dt.UTC)  # the booking's own timer is due
        if state is S.HELD:
            _authorise(booking)
        return await self.books.record(booking, state)

    async def end_claim(self, booking: Booking, milliseconds: int) -> None:
        """Let what it claims be held for so long from now on."""
        async with self.books.connection() as connection:
            await connection.execute(
                "UPDATE inventory_claims SET expires_at = clock_timestamp()"
                " + make_interval(secs => %s) WHERE booking_id = %s",
                (milliseconds / 1_000, booking.id),
            )

    async def sweep_claims(self) -> None:
        async with direct(self.books.sessions) as connection:
            await expire_all_overdue(connection, 200)

    async def rows(self, statement: str, booking: Booking) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self.books.url) as connection:
            return await (await connection.execute(statement, (booking.id,))).fetchall()

    async def history(self, booking: Booking) -> list[BookingState]:
        """The states it came to; its history obeys the table and has no gap."""
        rows = await self.rows(
            "SELECT version, from_state, to_state FROM booking_history"
            " WHERE booking_id = %s ORDER BY version",
            booking,
        )
        assert [version for version, _, _ in rows] == list(range(1, len(rows) + 1))
        before = None
        for _, came_from, to in rows:
            assert came_from == before
            assert before is None or may_become(BookingKind.RESERVATION, S(before), S(to))
            before = to
        stored = await self.books.stored(booking)
        assert (stored.state, stored.version) == (before, len(rows))
        open_requests = await self.rows(
            "SELECT 1 FROM booking_requests WHERE booking_id = %s AND ended_at IS NULL", booking
        )
        assert open_requests == []
        return [S(to) for _, _, to in rows]

    async def claims(self, booking: Booking) -> list[str]:
        """The states of its claims, the oldest first."""
        rows = await self.rows(
            "SELECT state FROM inventory_claims WHERE booking_id = %s ORDER BY version", booking
        )
        return [str(state) for (state,) in rows]
