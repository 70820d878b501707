"""What is planted turns the proofs of the feed and its sinks red (E1-E5)."""

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aio_pika.exceptions import DeliveryError
from sqlalchemy import text

from activities.outbox import rabbitmq
from localworld.shared import Servers
from models.bookings.lifecycle import BookingState
from models.bookings.repository import story
from models.core import outbox
from models.core import sinks as leases
from models.core.outbox import FedEvent
from models.events.cloudevent import encode
from tests.ledger.bookings import confirm
from tests.ledger.conftest import Books
from tests.outbox import test_feed as feeding
from tests.outbox import test_rabbitmq as relaying
from tests.outbox import test_sinks as serving
from tests.outbox.consumer import Consumer, judge
from tests.outbox.test_feed import Reader
from tests.outbox.test_rabbitmq import consumer as consumer
from tests.outbox.test_rabbitmq import feed as feed
from tests.support.databases import migrated_database
from tests.support.rabbitmq import Broker

Patch = pytest.MonkeyPatch
PLACES = ":last + row_number() OVER (ORDER BY seq)"


def other_places(was: str, becomes: str) -> Callable[[Patch], None]:
    assert was in outbox._FEED.text
    planted = text(outbox._FEED.text.replace(was, becomes))
    return lambda patch: patch.setattr(outbox, "_FEED", planted)


def told_before_commit(patch: Patch) -> None:
    write = story.write_story

    async def write_and_commit(session: Any, *given: Any, **more: Any) -> None:
        await write(session, *given, **more)
        await session.commit()

    patch.setattr("models.bookings.repository.writing.write_story", write_and_commit)


def no_epoch(patch: Patch) -> None:
    """Whoever moves the cursor is taken for the one who has the sink."""
    move = leases.move_cursor

    async def move_any(session: Any, lease: Any, *given: Any, **more: Any) -> bool:
        now = await session.scalar(
            text("SELECT epoch FROM event_sinks WHERE name = :n"), {"n": lease.sink}
        )
        return await move(session, dataclasses.replace(lease, epoch=now), *given, **more)

    patch.setattr("activities.outbox.sinks.move_cursor", move_any)
    patch.setattr(serving, "move_cursor", move_any)


def no_lease(patch: Patch) -> None:
    lease = leases.lease_sink

    async def anybody(session: Any, sink: str, _worker: str, span: Any) -> Any:
        return await lease(session, sink, "anybody", span)

    patch.setattr("activities.outbox.sinks.lease_sink", anybody)


Plant = Callable[[Patch], None]
Proof = Callable[[Books, Reader], Awaitable[None]]


async def taken_over(books: Books, _: Reader) -> None:
    await serving.test_a_dead_workers_sink_is_taken_over_and_the_dead_one_moves_nothing(
        await at_the_end(books)
    )


async def never_together(books: Books, _: Reader) -> None:
    await serving.test_two_workers_never_serve_a_sink_together(await at_the_end(books))


async def at_the_end(books: Books) -> Books:
    async with books.sessions.begin() as session:
        await session.execute(
            text("INSERT INTO event_sinks (name, position) SELECT :n, last FROM event_counter"),
            {"n": serving.NAME},
        )
    return books


PLANTED: dict[str, tuple[Plant, Proof]] = {
    "E1: every third event is lost": (
        other_places("ON b.id = e.booking_id", "ON b.id = e.booking_id WHERE p.position % 3 > 0"),
        feeding.test_what_is_told_of_a_trip,
    ),
    "E1: the newest first": (
        other_places(PLACES, ":last + row_number() OVER (ORDER BY seq DESC)"),
        feeding.test_many_sequencers_and_writers_at_once,
    ),
    "E2: positions are drawn where events are written": (
        other_places(PLACES, "seq"),
        feeding.test_a_transaction_that_commits_late_is_not_passed_over,
    ),
    "E3: who has lost the lease moves the cursor": (no_epoch, taken_over),
    "E3: nobody has a lease": (no_lease, never_together),
    "E5: told before it is committed": (
        told_before_commit,
        feeding.test_nothing_is_told_of_what_was_not_committed,
    ),
}


@pytest.fixture
async def own_books(shared_servers: Servers) -> AsyncIterator[Books]:
    """A record on a database of its own, whose feed may be spoilt."""
    made = Books(migrated_database(shared_servers))
    yield made
    await made.engine.dispose()


@pytest.mark.parametrize("what", PLANTED)
async def test_what_is_planted_is_found(own_books: Books, monkeypatch: Patch, what: str) -> None:
    plant, proof = PLANTED[what]
    reader = Reader(own_books)
    await reader.skip()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        await proof(own_books, reader)


async def told_of_two(books: Books) -> list[FedEvent]:
    reader = Reader(books)
    for _ in range(2):
        await books.record(confirm(await books.open()), BookingState.CONFIRMED)
    await feeding.sequenced(books)
    await reader.read()
    return reader.seen


async def test_what_a_consumer_got_otherwise_is_found(own_books: Books) -> None:
    """E1, E4: the judge of what came out of the broker."""
    events = await told_of_two(own_books)
    bodies = {event.id: encode(event) for event in events}

    def heard(*order: int, **more: bytes) -> Any:
        said = [(events[number].id, bodies[events[number].id]) for number in order]
        return SimpleNamespace(bodies=dict(said) | more)

    whole = range(len(events))
    judge(heard(*whole), events)
    judge(heard(3, 4, 5, 0, 1, 2), events)  # of different bookings: in any order
    faults = {
        "lost": heard(*whole[:-1]),
        "invented": heard(*whole, **{"no event": bodies[events[0].id]}),
        "other bytes": heard(*whole, **{events[0].id: bodies[events[1].id]}),
        "turned round": heard(0, 2, 1, 3, 4, 5),
        "a version too early": heard(1, 2, 0, 3, 4, 5),
    }
    for planted in faults.values():
        with pytest.raises(AssertionError):
            judge(planted, events)


@pytest.mark.exhaustive
@pytest.mark.xdist_group("broker")
async def test_a_nack_that_is_taken_for_a_yes_is_found(
    feed: Books, broker: Broker, consumer: Consumer, monkeypatch: Patch
) -> None:
    """E4: what the broker did not take is not sent again."""
    ready = rabbitmq.RabbitSink._ready

    class Careless:
        def __init__(self, exchange: Any) -> None:
            self._exchange = exchange

        async def publish(self, *given: Any, **more: Any) -> None:
            with suppress(DeliveryError):
                await self._exchange.publish(*given, **more)

    async def careless(self: rabbitmq.RabbitSink) -> Any:
        connection, exchange = await ready(self)
        return connection, Careless(exchange)

    monkeypatch.setattr(rabbitmq.RabbitSink, "_ready", careless)
    with pytest.raises(AssertionError):
        await relaying.confirms_in_trouble(feed, broker, consumer, nack=7)


@pytest.mark.exhaustive
@pytest.mark.xdist_group("broker")
async def test_events_of_a_booking_that_are_sent_together_are_found(
    feed: Books, broker: Broker, consumer: Consumer, monkeypatch: Patch
) -> None:
    """E4: one that is sent again comes behind its successor."""
    monkeypatch.setattr(rabbitmq.RabbitSink, "group", lambda _, event: event.id)
    with pytest.raises(AssertionError):
        await relaying.confirms_in_trouble(feed, broker, consumer, nack=7, lose=11, cut=13)
