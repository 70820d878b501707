"""Events at a real RabbitMQ: nothing lost, per booking in order, whoever dies meanwhile (E1-E5)."""

import asyncio
import json
import random
import sqlite3
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aio_pika import connect
from sqlalchemy import text

from activities.outbox import rabbitmq
from activities.outbox.rabbitmq import UNROUTED, RabbitSink
from activities.outbox.sinks import SinkService
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.repository import record_transition
from models.core.errors import Retryable
from models.core.outbox import FedEvent, events_after, sequence
from models.events.cloudevent import encode
from models.events.schemas import EXCHANGE
from models.kinds import HOOKS
from tests.ledger.bookings import cancel, confirm
from tests.ledger.conftest import Books
from tests.outbox.consumer import Consumer, judge
from tests.support.amqp_proxy import Proxy
from tests.support.processes import Process
from tests.support.rabbitmq import Broker

S = BookingState
pytestmark = pytest.mark.xdist_group("broker")


@pytest.fixture
async def consumer(broker: Broker) -> AsyncIterator[Consumer]:
    async with Consumer(broker, f"test-{uuid.uuid4().hex[:8]}") as made:
        yield made


@pytest.fixture
async def feed(scratch: Books) -> Books:
    """The record; the relay's cursor is at its end."""
    await placed(scratch)
    async with scratch.sessions.begin() as session:
        await session.execute(text("DELETE FROM event_sinks WHERE name = 'rabbitmq'"))
        at_the_end = "INSERT INTO event_sinks (name, position) SELECT :n, last FROM event_counter"
        await session.execute(text(at_the_end), {"n": "rabbitmq"})
        await session.execute(text("DELETE FROM event_dead_letters"))
        await session.execute(text("DELETE FROM cases"))
    return scratch


class Relay:
    """A worker's relay."""

    def __init__(self, books: Books, url: str) -> None:
        self._books = books
        self.sink = RabbitSink(url)
        self.service = SinkService(books.sessions, self.sink)

    async def serve(self) -> None:
        """Serve until nothing is left."""
        await placed(self._books)
        async with asyncio.timeout(60):
            while (more := await self.service.serve()) is not False:
                if more is None:
                    await asyncio.sleep(0.1)


@pytest.fixture
async def relay(feed: Books, broker: Broker) -> AsyncIterator[Relay]:
    made = Relay(feed, broker.url)
    yield made
    await made.sink.close()


async def placed(books: Books) -> None:
    async with books.sessions.begin() as session:
        while await sequence(session):
            pass


async def position(books: Books) -> int:
    async with books.sessions() as session:
        return int(await session.scalar(text("SELECT last FROM event_counter")) or 0)


async def told_since(books: Books, start: int) -> Sequence[FedEvent]:
    await placed(books)
    async with books.sessions() as session:
        return await events_after(session, start, 1_000_000)


async def sink_row(books: Books, column: str) -> Any:
    async with books.sessions() as session:
        return await session.scalar(
            text(f"SELECT {column} FROM event_sinks WHERE name = 'rabbitmq'")
        )


async def lives(books: Books, count: int, *, updates: int = 3) -> list[Booking]:
    """Bookings that are made, confirmed, changed and cancelled, all at once."""

    async def live() -> Booking:
        booking = await books.record(confirm(await books.open()), S.CONFIRMED)
        for _ in range(updates):
            booking = await books.record(booking, S.CONFIRMED)
        return await books.record(cancel(booking, {1: 0, 2: 0, 3: 0}), S.CANCELLED)

    return await asyncio.gather(*(live() for _ in range(count)))


# -- what is published ---------------------------------------------------------------------------


async def test_events_are_published_as_they_are_in_the_feed(
    feed: Books, relay: Relay, consumer: Consumer
) -> None:
    start = await position(feed)
    await lives(feed, 5)
    await relay.serve()
    events = await told_since(feed, start)
    await consumer.until({event.id for event in events}, 20)
    judge(consumer, events)
    assert set(consumer.heard.values()) == {1}
    assert await sink_row(feed, "position") == events[-1].position


async def test_an_event_is_a_message_that_survives(
    feed: Books, broker: Broker, relay: Relay
) -> None:
    """What no queue is bound for lands in bookings.unrouted, with all that consumers go by."""
    booking = await feed.open()
    await relay.serve()
    connection = await connect(broker.url)
    channel = await connection.channel()
    queue = await channel.get_queue(UNROUTED)
    async with asyncio.timeout(10):
        while True:
            message = await queue.get()
            assert message is not None
            await message.ack()
            if booking.id.encode() in message.body:
                break
    await connection.close()
    assert message.routing_key == message.type == "booking.created"
    assert message.exchange == EXCHANGE
    assert message.content_type == "application/cloudevents+json"
    assert message.delivery_mode == 2
    assert message.message_id is not None
    assert message.message_id.encode() in message.body


async def test_nothing_is_published_of_what_was_rolled_back(
    feed: Books, relay: Relay, consumer: Consumer
) -> None:
    """E5"""
    start = await position(feed)
    booking = await feed.open()
    async with feed.sessions() as session:
        following = confirm(booking.model_copy(deep=True))
        following.state = S.CONFIRMED
        transition = Transition(booking=following, from_state=booking.state, who="t", why="t")
        await record_transition(session, transition, HOOKS)
        await session.rollback()
    other = await feed.open()
    await relay.serve()
    events = await told_since(feed, start)
    await consumer.until({event.id for event in events}, 20)
    judge(consumer, events)
    assert [event["type"] for event in consumer.of(booking.id)] == ["booking.created"]
    assert [event["type"] for event in consumer.of(other.id)] == ["booking.created"]


async def test_what_commits_late_is_published(
    feed: Books, relay: Relay, consumer: Consumer
) -> None:
    """E2: a transaction with a low number is open while others are published."""
    start = await position(feed)
    late = await feed.open()
    async with feed.sessions() as session:
        following = confirm(late.model_copy(deep=True))
        following.state = S.CONFIRMED
        transition = Transition(booking=following, from_state=late.state, who="t", why="t")
        await record_transition(session, transition, HOOKS)
        await lives(feed, 3)
        await relay.serve()
        seen = await position(feed)
        assert await sink_row(feed, "position") == seen
        await session.commit()
    await relay.serve()
    events = await told_since(feed, start)
    await consumer.until({event.id for event in events}, 20)
    judge(consumer, events)
    assert len(consumer.of(late.id)) == 3


async def test_what_is_refused_for_good_holds_up_nothing(
    feed: Books, relay: Relay, consumer: Consumer
) -> None:
    start = await position(feed)
    booking = await feed.record(confirm(await feed.open()), S.CONFIRMED)
    await placed(feed)
    statement = text("UPDATE outbox_events SET data = :d WHERE id = :i RETURNING type")
    events = await told_since(feed, start)
    changed = events[1]
    async with feed.sessions.begin() as session:
        await session.execute(statement, {"d": '{"kind": 1}', "i": changed.id})
    await relay.serve()
    await consumer.until({events[0].id, events[2].id}, 20)
    assert changed.id not in consumer.bodies
    async with feed.sessions() as session:
        letter = (await session.execute(text("SELECT * FROM event_dead_letters"))).one()
    assert (letter.sink, letter.event_id) == ("rabbitmq", uuid.UUID(changed.id))
    assert await feed.cases(booking) == [("EVENT", True)]

    # refused again: it stays one, and the case stays open
    async with feed.sessions.begin() as session:
        asked = text("UPDATE event_dead_letters SET replay_asked_at = now()")
        await session.execute(asked)
    await relay.serve()
    assert await feed.cases(booking) == [("EVENT", True)]
    # mended, and sent again: the same event
    async with feed.sessions.begin() as session:
        as_it_was = {"d": json.dumps(changed.data), "i": changed.id}
        await session.execute(statement, as_it_was)
        await session.execute(asked)
    await relay.serve()
    await consumer.until({changed.id}, 20)
    assert consumer.bodies[changed.id] == encode(changed)
    assert await feed.cases(booking) == [("EVENT", False)]
    await relay.serve()
    assert set(consumer.heard.values()) == {1}


async def test_the_example_keeps_the_newest_status(
    feed: Books, broker: Broker, relay: Relay, tmp_path: Path
) -> None:
    """It is run as the documentation says, and told everything twice, the second time late."""
    await relay.serve()
    await relay.sink.deliver(await first_event(feed))  # makes the exchange
    file = tmp_path / "bookings.db"
    example = Process("examples/consumer_rabbitmq.py", broker.url, str(file), env={})
    try:
        example.wait_for_line("waiting for events")
        start = await position(feed)
        bookings = await lives(feed, 3)
        await relay.serve()
        events = await told_since(feed, start)
        for event in events[:5]:
            await relay.sink.deliver(event)
        late = {"event_id": events[3].id}
        wanted = {(one.id, one.version, "CANCELLED") for one in bookings}
        with closing(sqlite3.connect(file)) as database:
            async with asyncio.timeout(20):
                while True:
                    known = set(database.execute("SELECT * FROM bookings"))
                    ids = {row[0] for row in database.execute("SELECT * FROM seen")}
                    if wanted <= known and {event.id for event in events} <= ids:
                        break
                    await asyncio.sleep(0.05)
            # one that was lost here, and comes late: an older version
            with database:
                database.execute("DELETE FROM seen WHERE event_id = :event_id", late)
            await relay.sink.deliver(events[3])
            async with asyncio.timeout(20):
                while not database.execute(
                    "SELECT 1 FROM seen WHERE event_id = :event_id", late
                ).fetchone():
                    await asyncio.sleep(0.05)
            assert wanted <= set(database.execute("SELECT * FROM bookings"))
    finally:
        example.kill()


async def first_event(books: Books) -> FedEvent:
    await books.open()
    start = await position(books)
    return (await told_since(books, start))[0]


# -- what fails ------------------------------------------------------------------------------------


async def confirms_in_trouble(
    books: Books, broker: Broker, consumer: Consumer, **trouble: int
) -> None:
    """Relay what happens to a few bookings: every so-manieth confirm is nacked, lost, cut."""
    start, before = await position(books), consumer.again
    already = dict(consumer.bodies)
    await lives(books, 8, updates=8)
    async with Proxy(broker.port) as proxy:
        for name, every in trouble.items():
            setattr(proxy, f"{name}_every", every)
        relay = Relay(books, Broker.at(proxy.port))
        await relay.serve()
        await relay.sink.close()
        await relay.service.end()
    assert min(proxy.done[name] for name in trouble) > 0, proxy.done
    events = await told_since(books, start)
    await consumer.until({event.id for event in events}, 20)
    for known in already:
        del consumer.bodies[known]
    judge(consumer, events)
    again = consumer.again - before
    assert again >= proxy.done["nack"], "what the broker did not take is sent again"
    assert again > 0


async def test_confirms_that_do_not_come(
    feed: Books, broker: Broker, consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: of the confirms every 7th is a nack, every 11th is lost, every 13th is cut in two."""
    monkeypatch.setattr(rabbitmq, "CONFIRM_SECONDS", 0.5)
    await confirms_in_trouble(feed, broker, consumer, nack=7)
    await confirms_in_trouble(feed, broker, consumer, nack=7, lose=11, cut=13)


@pytest.mark.exhaustive
async def test_confirms_that_do_not_come_for_five_seconds(
    feed: Books, broker: Broker, consumer: Consumer
) -> None:
    await confirms_in_trouble(feed, broker, consumer, nack=7, lose=11, cut=13)


async def test_a_broker_that_is_paused_stops_nothing_for_long(
    feed: Books,
    broker: Broker,
    relay: Relay,
    consumer: Consumer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E4, and row 24: the connection is open and nobody answers."""
    monkeypatch.setattr(rabbitmq, "CONFIRM_SECONDS", 1.0)
    monkeypatch.setattr(rabbitmq, "CONNECT_SECONDS", 1.0)
    start = await position(feed)
    await lives(feed, 1)
    await relay.serve()
    await lives(feed, 2)
    await placed(feed)
    broker.pause()
    try:
        for _ in range(2):  # the open connection, then one that cannot be opened
            async with asyncio.timeout(10):
                assert await relay.service.serve() is None
        assert "Retryable" in await sink_row(feed, "last_error")
        async with asyncio.timeout(10):
            with pytest.raises(Retryable):
                await relay.sink.deliver((await told_since(feed, start))[-1])
    finally:
        broker.resume()
    while await relay.service.serve() is not False:
        await asyncio.sleep(0.1)
    events = await told_since(feed, start)
    await consumer.until({event.id for event in events}, 20)
    judge(consumer, events)
    assert await sink_row(feed, "last_error") is None


async def test_a_relay_that_lost_its_lease_turns_nothing_round(
    feed: Books, broker: Broker, consumer: Consumer
) -> None:
    """E3: one relay stands still longer than its lease; the other one takes over."""
    start = await position(feed)
    await lives(feed, 4)
    await placed(feed)
    stands, goes_on = Relay(feed, broker.url), Relay(feed, broker.url)
    halfway, go = asyncio.Event(), asyncio.Event()
    deliver = stands.sink.deliver
    sent: list[FedEvent] = []

    async def paused(event: FedEvent) -> None:
        if len(sent) > 5:
            halfway.set()
            await go.wait()
        sent.append(event)
        await deliver(event)

    stands.sink.deliver = paused  # type: ignore[method-assign]
    slow = asyncio.create_task(stands.service.serve())
    await halfway.wait()
    async with feed.sessions.begin() as session:  # its lease has expired
        await session.execute(
            text("UPDATE event_sinks SET leased_until = now() - interval '1 s' WHERE name = :n"),
            {"n": "rabbitmq"},
        )
    await goes_on.serve()
    events = await told_since(feed, start)
    await consumer.until({event.id for event in events}, 20)
    judge(consumer, events)
    before = await sink_row(feed, "position")
    go.set()
    await slow
    assert await sink_row(feed, "position") == before == events[-1].position
    await asyncio.sleep(0.5)
    judge(consumer, events)  # what it sent late came again, with ids that are known
    assert max(consumer.heard.values()) > 1
    await stands.sink.close()
    await goes_on.sink.close()


async def test_nothing_is_lost_while_relay_and_broker_are_killed(
    feed: Books, broker: Broker, consumer: Consumer
) -> None:
    """E1, short: several hundred events; the relay is killed thrice, the broker once."""
    start = await position(feed)
    env = {"DATABASE_URL": feed.url, "RABBITMQ_URL": broker.url}
    # Its lease ends ten seconds after its death: a successor of the same kind waits for that.
    running = Process("-m", "tests.support.relay", env=env)
    running.wait_for_line("relay is running")
    chance = random.Random(7)
    writing = asyncio.create_task(_write(feed, 12, rounds=8))
    try:
        for number in range(3):
            await asyncio.sleep(chance.uniform(0.3, 1.2))
            running.kill()
            if number == 1:
                broker.kill()
                broker.start(wait=False)
            running = Process("-m", "tests.support.relay", env=env)
            async with feed.sessions.begin() as session:  # as if ten seconds had passed
                await session.execute(text("UPDATE event_sinks SET leased_until = now()"))
        await writing
        events = await told_since(feed, start)
        await consumer.until({event.id for event in events}, 60)
    finally:
        running.kill()
        broker.wait()
    judge(consumer, events)
    assert len(events) > 300


async def _write(books: Books, count: int, *, rounds: int) -> None:
    """Write the transitions of several bookings in parallel, a few at a time."""

    async def write() -> None:
        for _ in range(rounds):
            await lives(books, 1, updates=2)
            await asyncio.sleep(0.05)

    await asyncio.gather(*(write() for _ in range(count // 2)))
