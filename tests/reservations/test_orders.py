"""Everything at once, in any order of the statements: one history by the table, one end (R4).

What a workflow does is played by the worker's own activities, one workflow of a booking at a time.
"""

import asyncio
import datetime as dt
import uuid
from collections.abc import Coroutine
from typing import Any

import psycopg
import pytest
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from activities.reservations.lifecycle import Lifecycle
from activities.trips.record import BookingActivities
from models.bookings.booking import Booking
from models.bookings.lifecycle import (
    FINAL_STATES,
    BookingKind,
    BookingState,
    ItemStatus,
    PaymentStatus,
    may_become,
)
from models.bookings.messages import (
    BookingRef,
    BookingRequest,
    EndedRequests,
    RequestKind,
    RequestOutcome,
    Transition,
)
from models.bookings.repository import StaleVersionError, find_booking
from models.core.database import direct
from models.core.patience import Patience
from models.inventory.claims import expire_all_overdue
from models.kinds import HOOKS
from models.reservations.moving import move_alone
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.reservations.books import Diary, slot
from tests.support.interleaving import Dice, in_any_order, with_gates

S = BookingState
CHOICES = 400
SEEDS = [
    *range(25),
    *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(25, 1_000)),
]


class Desk:
    """Workflows of bookings, played on the real record: one of a booking at a time.

    It is given to the sweep in place of Temporal's client; what comes meanwhile waits, as requests
    do, or is refused, as the sweep asks for.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._record = BookingActivities(books.sessions)
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
        request = _request(RequestKind.APPROVE)
        async with self._turn:
            booking = await self._begin(booking_id, request)
            if booking.state is not S.HELD:
                await self._end(booking, request)
                return
            try:
                booking = await self._write(booking, S.PROCESSING)
            except ApplicationError:  # the place is not held any more
                await self._write(booking, S.EXPIRED, request)
                return
            _capture(booking)
            await self._write(booking, S.CONFIRMED, request)

    async def cancel(self, booking_id: str) -> None:
        """Play ``CancelBooking``."""
        request = _request(RequestKind.CANCEL)
        async with self._turn:
            booking = await self._begin(booking_id, request)
            if booking.state not in {S.CONFIRMED, S.CHECKED_IN}:
                await self._end(booking, request)
                return
            booking.items[0].status = ItemStatus.CANCELLED
            await self._write(booking, S.CANCELLED, request)

    async def _begin(self, booking_id: str, request: BookingRequest) -> Booking:
        self._fence += 1
        ref = BookingRef(booking_id=booking_id, request=request)
        return await self._record.load_booking(ref)

    async def _write(
        self, booking: Booking, to: BookingState, ended: BookingRequest | None = None
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
        )
        recorded = await self._record.record(transition)
        return following.model_copy(update={"version": recorded.version})

    async def _end(self, booking: Booking, request: BookingRequest) -> None:
        ended = EndedRequests(booking_id=booking.id, outcomes=[RequestOutcome(request=request)])
        await self._record.end_requests(ended)


def _request(kind: RequestKind) -> BookingRequest:
    now = dt.datetime.now(dt.UTC)
    return BookingRequest(id=str(uuid.uuid4()), kind=kind, requested_at=now, who="test")


def _capture(booking: Booking) -> None:
    payment = booking.payment
    payment.status, payment.id = PaymentStatus.SUCCEEDED, f"pi_{booking.id}"
    payment.authorised = payment.captured = payment.amount
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

    async def claim(self, booking: Booking) -> str:
        ((state,),) = await self.rows(
            "SELECT state FROM inventory_claims WHERE booking_id = %s", booking
        )
        return str(state)


@pytest.fixture
async def play(scratch: Books) -> Play:
    with_gates(scratch.engine.sync_engine)
    async with scratch.connection() as connection:
        await connection.execute("DELETE FROM booking_due")
    return Play(scratch)


@pytest.mark.parametrize("seed", SEEDS)
async def test_cancel_check_in_sweep_and_complete_at_once(play: Play, seed: int) -> None:
    await play.diary.open_venue(check_in="tracked")
    begins = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0) - dt.timedelta(hours=3)
    booking = await play.diary.reserve(slot(begins))
    assert booking is not None
    booking = await play.books.record(booking, S.CONFIRMED)
    works: list[Coroutine[Any, Any, Any]] = [
        play.desk.cancel(booking.id),
        play.by_hand(booking.id, S.CHECKED_IN),
        play.lifecycle.round(),
        play.by_hand(booking.id, S.COMPLETED),
    ]
    await in_any_order(Dice.of(seed, CHOICES), works)
    await play.lifecycle.round()  # a guest who came after all goes when the visit is over
    came_to = await play.history(booking)
    assert came_to[-1] in FINAL_STATES
    ends = [state for state in came_to if state in FINAL_STATES]
    # a no-show whose guest is checked in was no end
    assert len(ends) == 1 or (len(ends) == 2 and ends[0] is S.NO_SHOW)
    assert await play.rows("SELECT 1 FROM booking_due WHERE booking_id = %s", booking) == []
    claim = await play.claim(booking)
    assert claim == ("RELEASED" if ends == [S.CANCELLED] else "USED")


@pytest.mark.parametrize("seed", SEEDS)
async def test_approved_at_the_instant_at_which_the_hold_ends(play: Play, seed: int) -> None:
    await play.diary.open_venue(approval="manual")
    booking = await play.diary.reserve(slot(), amount=4_000, hold_seconds=0)
    assert booking is not None
    dice = Dice.of(seed, CHOICES)
    await play.end_claim(booking, dice.pick(range(-50, 600)))
    payment = booking.payment
    payment.status, payment.id = PaymentStatus.AUTHORISED, f"pi_{booking.id}"
    payment.authorised = payment.amount
    booking = await play.books.record(booking, S.HELD)
    works: list[Coroutine[Any, Any, Any]] = [
        play.desk.approve(booking.id),
        play.lifecycle.round(),
        play.sweep_claims(),
        play.desk.approve(booking.id),
    ]
    await in_any_order(dice, works)
    await play.lifecycle.round()
    came_to = await play.history(booking)
    assert len({S.CONFIRMED, S.EXPIRED} & set(came_to)) == 1, came_to
    assert came_to.count(S.PROCESSING) <= 1
    stored = await play.books.stored(booking)
    claim = await play.claim(booking)
    if stored.state is S.CONFIRMED:
        assert (stored.captured, claim) == (4_000, "SOLD")
    else:
        assert (stored.state, stored.captured) == (S.EXPIRED, 0)
        assert claim in {"EXPIRED", "RELEASED"}


async def test_two_that_wait_for_approval_never_have_one_table(play: Play) -> None:
    """Report 2 of the design: what is not approved yet keeps others away all the same."""
    await play.diary.open_venue(approval="manual")
    asked = [play.diary.reserve(slot(table="table-7")) for _ in range(8)]
    had = [booking for booking in await asyncio.gather(*asked) if booking is not None]
    assert len(had) == 1
    await play.books.record(had[0], S.HELD)
    assert await play.diary.reserve(slot(table="table-7")) is None
