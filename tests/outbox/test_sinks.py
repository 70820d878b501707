"""Sinks on PostgreSQL: one worker at a time, at least once, in order, and no poison for others."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import text

from activities.outbox.loop import OutboxLoop
from activities.outbox.sinks import Pace, SinkService
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.core.errors import Retryable
from models.core.outbox import FedEvent, sequence
from models.core.sinks import lease_sink, move_cursor
from models.operations.figures import watch_figures
from tests.ledger.bookings import confirm
from tests.ledger.conftest import Books

S = BookingState
NAME = "test"
SPAN = dt.timedelta(seconds=30)


class Told:
    """A sink that notes what it is told."""

    name = NAME
    pace = Pace()

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, str]] = []
        self.away = False
        self.refuses: set[str] = set()
        self.waits: asyncio.Event | None = None

    def group(self, event: FedEvent) -> str | None:
        return None if event.type == "booking.updated" else event.booking_id

    async def deliver(self, event: FedEvent) -> None:
        if self.waits is not None:
            await self.waits.wait()
        if self.away:
            raise Retryable("no answer", provider=NAME, operation="tell")
        if event.type in self.refuses:
            raise ValueError(f"no {event.type}, please")
        self.heard.append((event.booking_id, event.booking_version, event.type))

    def of(self, booking: Booking) -> list[str]:
        return [kind.removeprefix("booking.") for b, _, kind in self.heard if b == booking.id]


@pytest.fixture
async def books(scratch: Books) -> Books:
    """The record, with a sink that has heard everything so far."""
    async with scratch.sessions.begin() as session:
        while await sequence(session):
            pass
        await session.execute(text("DELETE FROM event_sinks WHERE name = :n"), {"n": NAME})
        await session.execute(
            text("INSERT INTO event_sinks (name, position) SELECT :n, last FROM event_counter"),
            {"n": NAME},
        )
        await session.execute(text("DELETE FROM event_dead_letters"))
        await session.execute(text("DELETE FROM cases"))
    return scratch


async def confirmed(books: Books) -> Booking:
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    async with books.sessions.begin() as session:
        await sequence(session)
    return booking


async def column(books: Books, name: str) -> object:
    async with books.sessions() as session:
        return await session.scalar(
            text(f"SELECT {name} FROM event_sinks WHERE name = :n"), {"n": NAME}
        )


async def rows(books: Books, statement: str) -> list[tuple[object, ...]]:
    async with books.sessions() as session:
        return [tuple(row) for row in await session.execute(text(statement))]


EVERYTHING = ["created", "status_changed", "confirmed"]


async def test_events_come_in_order_and_once(books: Books) -> None:
    sink = Told()
    service = SinkService(books.sessions, sink)
    first, second = await confirmed(books), await confirmed(books)
    assert await service.serve() is True
    assert await service.serve() is False
    assert sink.of(first) == sink.of(second) == EVERYTHING


async def test_one_that_is_away_hears_everything_when_it_is_back(books: Books) -> None:
    sink = Told()
    service = SinkService(books.sessions, sink)
    sink.away = True
    booking = await confirmed(books)
    assert await service.serve() is None
    assert "no answer" in str(await column(books, "last_error"))
    since = await column(books, "stalled_since")
    assert since is not None
    assert await service.serve() is None
    assert await column(books, "stalled_since") == since
    assert await rows(books, "SELECT 1 FROM cases") == []

    async with books.sessions.begin() as session:
        await session.execute(
            text("UPDATE event_sinks SET stalled_since = stalled_since - interval '1 hour'")
        )
    assert await service.serve() is None
    figures = (await books.read(watch_figures)).sinks
    mine = next(sink for sink in figures if sink.name == NAME)
    assert mine.behind == 3
    assert mine.stalled_seconds > 3600
    assert await rows(books, "SELECT kind, source, resolved_at IS NULL FROM cases") == [
        ("EVENT", f"sink:{NAME}", True)
    ]
    sink.away = False
    while await service.serve():
        pass
    assert sink.of(booking) == EVERYTHING
    assert await column(books, "stalled_since") is None
    assert await column(books, "last_error") is None
    assert await rows(books, "SELECT resolved_by FROM cases") == [("outbox",)]


async def test_an_event_that_is_refused_holds_up_nothing(books: Books) -> None:
    sink = Told()
    sink.refuses = {"booking.status_changed"}
    first, second = await confirmed(books), await confirmed(books)
    while await SinkService(books.sessions, sink).serve():
        pass
    assert sink.of(first) == sink.of(second) == ["created", "confirmed"]
    letters = await rows(books, "SELECT sink, error FROM event_dead_letters")
    assert letters == [(NAME, "ValueError: no booking.status_changed, please")] * 2
    assert len(await rows(books, "SELECT 1 FROM cases WHERE kind = 'EVENT'")) == 2


async def test_two_workers_never_serve_a_sink_together(books: Books) -> None:
    sink, other = Told(), Told()
    sink.waits = asyncio.Event()
    booking = await confirmed(books)
    first = asyncio.create_task(SinkService(books.sessions, sink).serve())
    while await column(books, "leased_by") is None:
        await asyncio.sleep(0.01)
    assert await SinkService(books.sessions, other).serve() is False
    sink.waits.set()
    assert await first is True
    assert sink.of(booking) == EVERYTHING
    assert other.heard == []


async def test_a_dead_workers_sink_is_taken_over_and_the_dead_one_moves_nothing(
    books: Books,
) -> None:
    booking = await confirmed(books)
    async with books.sessions.begin() as session:
        dead = await lease_sink(session, NAME, "dead", SPAN)
    assert dead is not None
    async with books.sessions.begin() as session:
        assert await lease_sink(session, NAME, "heir", SPAN) is None
        kept = await lease_sink(session, NAME, "dead", SPAN)
        assert kept is not None
        assert kept.epoch == dead.epoch
    async with books.sessions.begin() as session:
        await session.execute(text("UPDATE event_sinks SET leased_until = now() - interval '1 s'"))
    heir = Told()
    while await SinkService(books.sessions, heir).serve():
        pass
    assert heir.of(booking) == EVERYTHING
    moved_to = await column(books, "position")
    async with books.sessions.begin() as session:
        assert not await move_cursor(session, dead, dead.position + 1)
        # nor past what its successor has not delivered yet
        assert not await move_cursor(session, dead, int(str(moved_to)) + 1)
    assert await column(books, "position") == moved_to


async def test_a_worker_that_dies_half_way_leaves_the_rest_to_another(books: Books) -> None:
    sink = Told()
    booking = await confirmed(books)
    sink.waits = asyncio.Event()
    dying = asyncio.create_task(SinkService(books.sessions, sink).serve())
    while await column(books, "leased_by") is None:
        await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    async with books.sessions.begin() as session:
        await session.execute(text("UPDATE event_sinks SET leased_until = now() - interval '1 s'"))
    heir = Told()
    while await SinkService(books.sessions, heir).serve():
        pass
    assert heir.of(booking) == EVERYTHING


async def test_loops_of_two_workers_deliver_everything(books: Books) -> None:
    sink, stop = Told(), asyncio.Event()
    loops = [OutboxLoop(books.sessions, [sink]) for _ in range(2)]
    running = [asyncio.create_task(loop.run(stop, 5)) for loop in loops]
    bookings = [await books.record(confirm(await books.open()), S.CONFIRMED) for _ in range(3)]
    async with asyncio.timeout(20):
        while len(sink.heard) < 9:
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*running)
    for booking in bookings:
        assert sink.of(booking) == EVERYTHING


async def test_what_is_committed_here_is_delivered_without_waiting_for_a_look(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit of this process wakes its sequencer, which wakes its sinks."""
    monkeypatch.setattr("activities.outbox.loop.IDLE_SECONDS", 120.0)
    sink, stop = Told(), asyncio.Event()
    running = asyncio.create_task(OutboxLoop(books.sessions, [sink]).run(stop, 5))
    try:
        await asyncio.sleep(0.5)  # all of them have found nothing, and pause
        booking = await books.record(confirm(await books.open()), S.CONFIRMED)
        async with asyncio.timeout(30):
            while sink.of(booking) != EVERYTHING:
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running
    assert await column(books, "leased_until <= clock_timestamp()"), "another may have it at once"
