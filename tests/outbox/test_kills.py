"""E1: ten thousand transitions while everything is killed, and nothing is lost or turned round."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import text

from localworld.ports import choose
from models.core.outbox import events_after
from tests.api.server import add_caller
from tests.ledger.conftest import Books
from tests.outbox.consumer import Consumer, judge
from tests.support.databases import migrate
from tests.support.killable import Database, a_database
from tests.support.processes import Process
from tests.support.rabbitmq import Broker

TRANSITIONS = 10_000
KILLS = 10
pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.xdist_group("broker"),
    pytest.mark.timeout(1800),
]


async def follow(key: str, port: int, seen: list[str]) -> None:
    """Read the feed over HTTP as a consumer does, whatever happens to the API."""
    after: int | None = None
    async with httpx.AsyncClient(headers={"X-API-Key": key}, timeout=10) as http:
        while True:
            params = {"limit": 500} | ({} if after is None else {"after": after})
            try:
                answer = await http.get(f"http://127.0.0.1:{port}/api/v1/events", params=params)
                answer.raise_for_status()
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
                continue
            page = answer.json()
            seen += [event["id"] for event in page["events"]]
            after = page["next"]
            if page["caught_up"]:
                await asyncio.sleep(0.1)


@pytest.fixture
def server() -> Iterator[Database]:
    with a_database() as made:
        yield made


async def test_nothing_is_lost_whatever_is_killed(broker: Broker, server: Database) -> None:
    migrate(server.url)
    key = add_caller(server.url, role="operator")
    port, chance, kills = choose(0), random.Random(11), Counter[str]()
    env = {"DATABASE_URL": server.url, "RABBITMQ_URL": broker.url}
    api_env = {**env, "TEMPORAL_ADDRESS": "127.0.0.1:1", "API_PORT": str(port)}
    left = TRANSITIONS

    def start_relay() -> Process:
        return Process("-m", "tests.support.relay", env=env)

    def start_api() -> Process:
        return Process("-m", "api", env=api_env)

    def start_writer() -> Process:
        words = (str(chance.randrange(10**6)), str(TRANSITIONS))
        return Process("-m", "tests.support.event_writer", *words, env=env)

    seen: list[str] = []
    books = Books(server.url)
    async with Consumer(broker, "kills") as consumer:  # its queue is bound before anything is sent
        relays = [start_relay() for _ in range(2)]
        writers = [start_writer() for _ in range(2)]
        api = start_api()
        reader = asyncio.create_task(follow(key, port, seen))
        try:
            while left > 0 or len(kills) < 5 or min(kills.values()) < KILLS:
                await asyncio.sleep(chance.uniform(0.2, 1.5))
                left = TRANSITIONS - await transitions(books)
                victim = chance.choice(["relay", "writer", "api", "postgres", "rabbitmq"])
                if kills[victim] > KILLS:
                    continue
                kills[victim] += 1
                if victim == "relay":
                    number = chance.randrange(len(relays))
                    relays[number].kill()
                    relays[number] = start_relay()
                elif victim == "writer":
                    number = chance.randrange(len(writers))
                    writers[number].kill()
                    writers[number] = start_writer()
                elif victim == "api":
                    api.kill()
                    api = start_api()
                elif victim == "postgres":
                    server.kill()
                else:
                    broker.kill()
                    await asyncio.sleep(0.5)
                    broker.start(wait=False)
            for writer in writers:
                writer.kill()
            broker.wait()
            await settled(books)
            async with books.sessions() as session:
                events = await events_after(session, 0, 10**6)
                moved = await transitions(books)
                written = await session.scalar(text("SELECT count(*) FROM outbox_events"))
            ids = {event.id for event in events}
            await consumer.until(ids, 60)
            missing = [event for event in events if event.id not in consumer.bodies]
            assert not missing, (len(missing), missing[:3], await consumer.left())
            async with asyncio.timeout(60):
                while len(seen) < len(events):
                    await asyncio.sleep(0.2)
        finally:
            reader.cancel()
            for process in (*relays, *writers, api):
                process.kill()
            await books.engine.dispose()
    print(f"{len(events)} events, {consumer.again} came again; killed: {dict(kills)}")
    assert min(kills[name] for name in kills) >= KILLS
    assert len(kills) == 5
    assert moved >= TRANSITIONS
    assert written == len(events)
    assert [event.position for event in events] == [*range(1, len(events) + 1)]
    assert seen == [event.id for event in events], "the feed over HTTP"
    judge(consumer, events)


async def transitions(books: Books) -> int:
    """How many are committed; 0 while the database is away."""
    try:
        async with books.sessions() as session:
            return int(await session.scalar(text("SELECT count(*) FROM booking_history")) or 0)
    except Exception:  # noqa: BLE001
        return 0


async def settled(books: Books) -> None:
    """Wait until everything has its position, and the relay has had it."""
    async with asyncio.timeout(300):
        while True:
            async with books.sessions() as session:
                left = await session.scalar(
                    text(
                        "SELECT (SELECT count(*) FROM outbox_pending) + (SELECT last FROM"
                        " event_counter) - (SELECT position FROM event_sinks WHERE name ="
                        " 'rabbitmq')"
                    )
                )
            if left == 0:
                return
            await asyncio.sleep(0.2)
