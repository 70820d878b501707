"""Many readers, many wrong keys and slow senders: everybody else is served all the same."""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.core import connections, health
from api.core.callers import Callers
from api.core.context import READS_AT_ONCE
from api.core.record import Record
from api.trips import reading
from benchmarks.reads import Client, get
from models.core.database import create_engine, create_sessions
from models.core.domain_errors import CallerUnknown
from settings import Settings
from tests.api.conftest import NOBODY, body
from tests.api.server import Served, add_caller, serve
from tests.support.sandbox_client import SandboxClient


class Counting:
    """The record, counting its reads."""

    def __init__(self, record: Any) -> None:
        self._record = record
        self.reads = 0

    async def read(self, query: Any) -> Any:
        self.reads += 1
        return await self._record.read(query)


@contextlib.asynccontextmanager
async def pressing(url: str, requests: Iterator[bytes], clients: int) -> AsyncIterator[list[int]]:
    """So many connections that ask again as soon as they are answered; the statuses so far."""
    statuses: list[int] = []

    async def play(client: Client) -> None:
        await client.open()
        while True:
            statuses.append(await client.get())

    playing = [asyncio.create_task(play(Client(url, requests))) for _ in range(clients)]
    try:
        async with asyncio.timeout(30):
            while len(statuses) < clients:
                await asyncio.sleep(0.05)
        yield statuses
    finally:
        for task in playing:
            task.cancel()
        await asyncio.gather(*playing, return_exceptions=True)


async def test_readiness_and_bookings_beside_many_readers(
    api: httpx.AsyncClient, key: str, sandbox: SandboxClient
) -> None:
    url = str(api.base_url).rstrip("/")
    booked = (await api.post("/booking/book", json=body(await sandbox.trip()))).json()
    trips = [await sandbox.trip() for _ in range(3)]
    requests = itertools.cycle([get(url, key, f"/booking/{booked['bookingId']}")])
    async with pressing(url, requests, 250) as statuses:
        for trip in trips:
            assert (await api.get("/readyz")).status_code == 200
            began = time.monotonic()
            answer = await api.post("/booking/book?wait=0", json=body(trip))
            assert answer.status_code in (200, 202), answer.text
            assert time.monotonic() - began < 10
    assert set(statuses) == {200}


async def test_reads_take_turns(
    api: httpx.AsyncClient,
    key: str,
    sandbox: SandboxClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = str(api.base_url).rstrip("/")
    booked = (await api.post("/booking/book", json=body(await sandbox.trip()))).json()
    read, running, most = reading.whole, 0, 0

    async def counted(*asked: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            await asyncio.sleep(0.01)
            return await read(*asked)
        finally:
            running -= 1

    monkeypatch.setattr(reading, "whole", counted)
    requests = itertools.cycle([get(url, key, f"/booking/{booked['bookingId']}")])
    async with pressing(url, requests, 200) as statuses:
        pass
    assert set(statuses) == {200}
    assert most == READS_AT_ONCE


async def test_many_who_ask_for_readiness_share_the_answer(
    whole: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = 0
    check = health._check

    async def counted(ask: Any) -> Any:
        nonlocal checks
        checks += 1
        await asyncio.sleep(0.2)
        return await check(ask)

    monkeypatch.setattr(health, "_check", counted)
    requests = itertools.cycle([get(whole.url, "none", "/readyz")])
    async with pressing(whole.url, requests, 200) as statuses:
        pass
    assert set(statuses) == {200}
    assert checks <= len(statuses) / 5


async def test_wrong_keys_at_once_share_a_look(database_url: str) -> None:
    key = add_caller(database_url, name="patient")
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    counting: Any = Counting(Record(create_sessions(engine), at_once=1))
    callers = Callers(counting)
    wrong = [callers.identify(f"ts_{secrets.token_urlsafe(32)}") for _ in range(400)]
    answers = await asyncio.gather(
        *wrong[:200], callers.identify(key), *wrong[200:], return_exceptions=True
    )
    assert [one for one in answers if not isinstance(one, CallerUnknown)] == [answers[200]]
    began = time.monotonic()
    while time.monotonic() - began < 1:
        with pytest.raises(CallerUnknown):
            await callers.identify(f"ts_{secrets.token_urlsafe(32)}")
        assert (await callers.identify(key)).name.startswith("patient")
    assert counting.reads <= 25
    await engine.dispose()


@pytest.fixture(scope="module")
def strict(database_url: str, sandbox_url: str) -> Iterator[Served]:
    """An API without patience, whose Temporal is away."""
    with serve(
        Settings(
            database={"url": database_url},
            temporal={"address": NOBODY},
            sandbox_url=sandbox_url,
            limit={"head_seconds": 1, "address_connections": 60},
        )
    ) as served:
        yield served


async def connect(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    at = urlsplit(served.url)
    return await asyncio.open_connection(at.hostname, at.port)


async def dribble(writer: asyncio.StreamWriter) -> None:
    """Send a byte now and then, for as long as anybody takes them."""
    with contextlib.suppress(ConnectionError):
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("first", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_heads_that_dribble_in_are_given_up(strict: Served, first: bytes) -> None:
    """The first head of a connection, and one after a request that was answered."""

    async def hold() -> bytes:
        reader, writer = await connect(strict)
        writer.write(first)
        if first:
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(b'{"status":"ok"}'))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        dribbling = asyncio.create_task(dribble(writer))
        try:
            async with asyncio.timeout(10):
                return await reader.read()
        except ConnectionResetError:  # what we sent meanwhile was not read any more
            return b""
        finally:
            dribbling.cancel()
            writer.close()

    answers = await asyncio.gather(*(hold() for _ in range(50)))
    said = [one for one in answers if one]
    assert said
    for answer in said:
        head, _, document = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        assert json.loads(document)["code"] == "HEAD_TOO_SLOW"


async def test_a_connection_that_says_nothing_is_closed(strict: Served) -> None:
    reader, writer = await connect(strict)
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()


async def test_a_body_that_nobody_reads_is_given_up(
    strict: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_WHOLE_SECONDS", 1)
    reader, writer = await connect(strict)
    writer.write(b"POST /booking/book HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    dribbling = asyncio.create_task(dribble(writer))
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionResetError):
            assert b"401 Unauthorized" in await reader.read()
    dribbling.cancel()
    writer.close()


async def test_an_idle_connection_outlives_the_deadline_of_heads(strict: Served) -> None:
    reader, writer = await connect(strict)
    for _ in range(2):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(len(b'{"status":"ok"}'))
        await asyncio.sleep(1.5)
    writer.close()


async def test_an_address_has_so_many_connections(strict: Served) -> None:
    held = [await connect(strict) for _ in range(60)]
    reader, writer = await connect(strict)
    async with asyncio.timeout(0.9):  # sooner than the deadline of heads
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()
    for _, one in held:
        one.close()
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(httpx.TransportError):
                async with httpx.AsyncClient(base_url=strict.url) as http:
                    assert (await http.get("/healthz")).status_code == 200
                    return
            await asyncio.sleep(0.1)
