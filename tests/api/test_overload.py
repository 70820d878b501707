"""More bookings than the workers begin: answered at once, and refused beyond a limit."""

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from temporalio.client import Client

from api.core.load import FRESH_SECONDS, Load, Pressure
from api.core.record import Record
from localworld.shared import Servers
from models.bookings.lifecycle import BookingState
from models.bookings.repository import count_under_way
from settings import Settings
from tests.api.conftest import body, client
from tests.api.server import add_caller, serve
from tests.ledger.bookings import confirm, request
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.support.databases import migrated_database
from tests.support.environment import changed
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack

AT_ONCE = 5
"""Seconds within which an answer does not wait for the booking, on a busy machine too."""


@pytest.fixture
async def unserved(world: Stack, shared_servers: Servers) -> AsyncIterator[Settings]:
    """Settings with a queue that no worker serves, and a database where nothing is under way.

    What is begun there is ended afterwards.
    """
    queue = f"unserved-{uuid.uuid4().hex[:8]}"
    yield changed(
        world.settings, task_queue=queue, database={"url": migrated_database(shared_servers)}
    )
    for _ in range(50):  # visibility is late
        running = [
            one
            async for one in world.client.list_workflows(
                f"TaskQueue = '{queue}' AND ExecutionStatus = 'Running'"
            )
        ]
        if running:
            break
        await asyncio.sleep(0.1)
    for one in running:
        await world.client.get_workflow_handle(one.id).terminate()


@pytest.fixture
def own_key(unserved: Settings) -> str:
    """The key of a caller whom that database knows."""
    return add_caller(unserved.database.url)


async def book(
    http: httpx.AsyncClient, trip: dict[str, Any], key: str, *, seconds: int = 30
) -> tuple[Any, float]:
    """Ask for a booking and wait so long for it; the answer, and after how long it came."""
    began = time.monotonic()
    headers = {"Idempotency-Key": key, "Prefer": f"wait={seconds}"}
    answer = await http.post("/booking/book", json=body(trip), headers=headers)
    return answer, time.monotonic() - began


async def waiting(queue: str, temporal: Client, number: int) -> None:
    """Wait until so many bookings have been begun, as Temporal sees it."""
    async with asyncio.timeout(20):
        while (await temporal.count_workflows(f"TaskQueue = '{queue}'")).count != number:
            await asyncio.sleep(0.1)


def refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")
    assert 5 <= int(answer.headers["Retry-After"]) <= 60


def test_limits_that_are_set() -> None:
    limits = Settings().overload
    assert limits.busy_bookings < limits.full_bookings
    assert limits.busy_seconds < limits.full_seconds


async def test_many_at_once(
    unserved: Settings, world: Stack, sandbox: SandboxClient, own_key: str
) -> None:
    settings = changed(unserved, overload={"busy_bookings": 1, "full_bookings": 3})
    trips = [await sandbox.trip() for _ in range(4)]
    keys = [f"many-{uuid.uuid4()}" for _ in trips]
    with serve(settings) as served:
        async with client(served.url, own_key) as http:
            first = asyncio.create_task(book(http, trips[0], keys[0], seconds=8))
            await waiting(settings.task_queue, world.client, 1)
            for number in (1, 2):
                answer, seconds = await book(http, trips[number], keys[number])
                assert answer.status_code == 202, answer.text
                assert seconds < AT_ONCE
                told = answer.json()
                assert (told["state"], told["success"]) == ("PENDING", False)
                assert "when its turn comes" in told["message"]
                assert answer.headers["Location"] == told["statusUrl"]
            answer, seconds = await book(http, trips[3], keys[3])
            refused(answer)
            assert not first.done(), "it might have ended soon, so it was waited for"
            # What was taken is found again by its key, though nothing is recorded of it.
            again, seconds = await book(http, trips[2], keys[2])
            assert again.status_code == 202
            assert again.json()["bookingId"] == told["bookingId"]
            other, _ = await book(http, trips[3], keys[2])
            assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
            assert (await first)[0].status_code == 202
    await asyncio.sleep(6)  # the server's figures are up to five seconds old
    # Another process has let nothing in, and knows it all the same.
    with serve(settings) as served:
        async with client(served.url, own_key) as http:
            refused((await book(http, trips[3], keys[3]))[0])
    await waiting(settings.task_queue, world.client, 3)


async def test_a_task_that_waits_long(
    unserved: Settings, world: Stack, sandbox: SandboxClient, own_key: str
) -> None:
    settings = changed(unserved, overload={"busy_seconds": 1, "full_seconds": 5})
    with serve(settings) as served:
        async with client(served.url, own_key) as http:
            answer = await http.post("/booking/book?wait=0", json=body(await sandbox.trip()))
            assert answer.status_code == 202
            assert "in a moment" in answer.json()["message"]
            await asyncio.sleep(2.2)
            answer, seconds = await book(http, await sandbox.trip(), str(uuid.uuid4()))
            assert answer.status_code == 202
            assert seconds < AT_ONCE
            await asyncio.sleep(3)
            refused((await book(http, await sandbox.trip(), str(uuid.uuid4())))[0])
    await waiting(settings.task_queue, world.client, 2)


async def test_what_is_under_way(scratch: Books) -> None:
    async def count() -> int:
        async with scratch.sessions() as session:
            return await count_under_way(session)

    before = await count()
    booking = await scratch.begin(request())
    assert await count() == before + 1
    booking = await scratch.record(booking, BookingState.PROCESSING)
    assert await count() == before + 1
    await scratch.record(confirm(booking), BookingState.CONFIRMED)
    assert await count() == before


async def test_what_cannot_be_measured_refuses_nobody(world: Stack, scratch: Books) -> None:
    """A booking let in before says nothing of the queue while the server does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    nobody = await Client.connect(f"127.0.0.1:{port}", lazy=True)
    settings = changed(world.settings, overload={"busy_seconds": 0.5, "full_seconds": 0.8})
    load = Load(Record(scratch.sessions, at_once=1), nobody, settings)
    assert await load.let_in("one") is Pressure.FREE
    await asyncio.sleep(FRESH_SECONDS + 0.1)
    assert await load.let_in("another") is Pressure.FREE
