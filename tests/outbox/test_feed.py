"""The feed: nothing is lost, nothing is out of order, whoever commits when."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import UNSETTLED_CASE, CaseNote, Transition
from models.bookings.repository import record_transition
from models.core.outbox import FedEvent, events_after, sequence
from models.kinds import HOOKS
from tests.ledger.bookings import cancel, confirm, request
from tests.ledger.conftest import Books

S = BookingState


class Reader:
    """Reads the feed as a consumer does: what is behind the position it has reached."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.position = 0
        self.seen: list[FedEvent] = []

    async def skip(self) -> None:
        """Pass over what is there, whatever it is."""
        async with self._books.sessions.begin() as session:
            while await sequence(session):
                pass
            self.position = await session.scalar(text("SELECT last FROM event_counter")) or 0

    async def read(self) -> None:
        async with self._books.sessions() as session:
            for event in await events_after(session, self.position, 1000):
                assert event.position == self.position + 1, "a gap"
                self.position = event.position
                self.seen.append(event)

    def of(self, booking: Booking) -> list[tuple[int, str]]:
        return [(e.booking_version, e.type) for e in self.seen if e.booking_id == booking.id]


@pytest.fixture
async def reader(scratch: Books) -> Reader:
    made = Reader(scratch)
    await made.skip()
    return made


async def sequenced(books: Books, *, batch: int = 500) -> int:
    async with books.sessions.begin() as session:
        return await sequence(session, batch=batch)


async def test_what_is_told_of_a_trip(scratch: Books, reader: Reader) -> None:
    booking = await scratch.record(confirm(await scratch.open()), S.CONFIRMED)
    booking = await scratch.record(booking, S.CONFIRMED)
    booking = await scratch.record(cancel(booking, {1: 0, 2: 0, 3: 0}), S.CANCELLED)
    await sequenced(scratch)
    await reader.read()
    assert reader.of(booking) == [
        (1, "booking.created"),
        (4, "booking.status_changed"),
        (4, "booking.confirmed"),
        (5, "booking.updated"),
        (6, "booking.status_changed"),
        (6, "booking.cancelled"),
    ]
    confirmed = reader.seen[2].data
    assert confirmed == {
        "kind": "TRIP",
        "reference": booking.reference,
        "trip_option_id": booking.trip_option_id,
        "status": "CONFIRMED",
        "previous_status": "PENDING",
        "total": booking.accepted_total,
        "currency": "USD",
        "changed": ["status", "captured"],
    }


async def test_that_a_person_is_needed_is_told(scratch: Books, reader: Reader) -> None:
    begun = await scratch.open()
    case = CaseNote(kind=UNSETTLED_CASE, source="item:a", summary="not undone", details={})
    booking = await scratch.record(confirm(begun), S.CONFIRMED, cases=[case])
    booking = await scratch.record(booking, S.CONFIRMED)
    await sequenced(scratch)
    await reader.read()
    assert reader.of(booking)[-4:] == [
        (4, "booking.status_changed"),
        (4, "booking.confirmed"),
        (4, "booking.attention_needed"),
        (5, "booking.updated"),
    ]


async def test_nothing_is_told_of_what_was_not_committed(scratch: Books, reader: Reader) -> None:
    booking = await scratch.open()
    async with scratch.sessions() as session:
        await record_transition(session, _to(confirm(booking), S.CONFIRMED), HOOKS)
        await session.rollback()
    await sequenced(scratch)
    await reader.read()
    assert reader.of(booking) == [(1, "booking.created")]


async def test_a_repeat_is_told_once(scratch: Books, reader: Reader) -> None:
    booking = confirm(await scratch.open())
    for _ in range(2):
        async with scratch.sessions.begin() as session:
            await record_transition(session, _to(booking, S.CONFIRMED), HOOKS)
    await sequenced(scratch)
    await reader.read()
    assert [version for version, _ in reader.of(booking)] == [1, 4, 4]


async def test_a_transaction_that_commits_late_is_not_passed_over(
    scratch: Books, reader: Reader
) -> None:
    late, early = await scratch.open(), await scratch.open()
    await sequenced(scratch)
    await reader.read()
    async with scratch.sessions() as slow:
        await record_transition(slow, _to(confirm(late), S.CONFIRMED), HOOKS)  # the lower seq
        await scratch.record(confirm(early), S.CONFIRMED)
        await sequenced(scratch)
        await reader.read()
        assert len(reader.of(early)) == 3
        assert len(reader.of(late)) == 1
        await slow.commit()
    await sequenced(scratch)
    await reader.read()
    assert len(reader.of(late)) == 3


async def test_sequencers_do_not_wait_for_each_other(scratch: Books, reader: Reader) -> None:
    await scratch.open()
    async with scratch.sessions() as first:
        assert await sequence(first) == 1
        assert await asyncio.wait_for(sequenced(scratch), 2) == 0
        await first.rollback()  # it died
    assert await sequenced(scratch) == 1
    await reader.read()
    assert len(reader.seen) == 1


async def test_many_sequencers_and_writers_at_once(scratch: Books, reader: Reader) -> None:
    bookings = [await scratch.open() for _ in range(6)]
    writing = True

    async def write(booking: Booking) -> Booking:
        booking = await scratch.record(confirm(booking), S.CONFIRMED)
        for _ in range(4):
            booking = await scratch.record(booking, S.CONFIRMED)
        return booking

    async def keep_sequencing() -> None:
        while writing:
            await sequenced(scratch, batch=2)
            await asyncio.sleep(0)

    async def keep_reading() -> None:
        while writing:
            await reader.read()

    others = [asyncio.create_task(keep_sequencing()) for _ in range(3)]
    others.append(asyncio.create_task(keep_reading()))
    await asyncio.gather(*(write(booking) for booking in bookings))
    writing = False
    await asyncio.gather(*others)
    while await sequenced(scratch):
        pass
    await reader.read()
    for booking in bookings:
        assert [version for version, _ in reader.of(booking)] == [1, 4, 4, 5, 6, 7, 8]


# -- any order -----------------------------------------------------------------------------------


@dataclass
class Writer:
    """A booking whose transitions are written in transactions that stay open for a while."""

    booking: Booking
    session: AsyncSession | None = None
    following: Booking | None = None
    committed: int = 0


def _to(booking: Booking, state: BookingState) -> Transition:
    following = booking.model_copy(deep=True, update={"state": state})
    return Transition(booking=following, from_state=booking.state, who="test", why="test")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "write", "commit", "commit", "roll back"]),
            st.integers(0, 2),
            st.booleans(),
        ),
        max_size=16,
    )
)
async def test_any_order_of_commits(scratch: Books, moves: list[tuple[str, int, bool]]) -> None:
    reader = Reader(scratch)
    await reader.skip()
    writers = [
        Writer(await scratch.record(confirm(await scratch.begin(request())), S.PROCESSING))
        for _ in range(3)
    ]

    async def end(writer: Writer, *, commit: bool) -> None:
        assert writer.session is not None
        assert writer.following is not None
        if commit:
            await writer.session.commit()
            writer.booking = writer.following
            writer.committed += 1
        else:
            await writer.session.rollback()
        await writer.session.close()
        writer.session = None

    for move, number, look in moves:
        writer = writers[number]
        if move == "write" and writer.session is None:
            writer.session = scratch.sessions()
            transition = _to(writer.booking, S.CONFIRMED)
            version = await record_transition(writer.session, transition, HOOKS)
            writer.following = transition.booking.model_copy(update={"version": version})
        elif move != "write" and writer.session is not None:
            await end(writer, commit=move == "commit")
        if look:
            await sequenced(scratch, batch=2)
            await reader.read()
    for writer in writers:
        if writer.session is not None:
            await end(writer, commit=True)
    while await sequenced(scratch):
        pass
    await reader.read()  # asserts that there are no gaps
    for writer in writers:
        versions = [version for version, _ in reader.of(writer.booking)]
        assert versions == sorted(versions)
        assert set(versions) == {1, *range(4, 4 + writer.committed)}
    assert len({event.id for event in reader.seen}) == len(reader.seen)
