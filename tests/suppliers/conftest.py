"""Hotels and experiences served in this process over real sockets, and a scripted supplier."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from models.core.people import Contact, Traveler
from models.core.supply import ItemType, TripComponent
from sandbox.app import create_app
from sandbox.connection import AbortableProtocol
from sandbox.world import World
from settings import Settings
from suppliers.core.protocol import Party
from tests.support.listening import listener

PATIENCE = 1.2
"""Seconds the adapters wait in these tests."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class MovableWorld(World):
    """A world whose clock can be put forward."""

    ahead = dt.timedelta()

    def now(self) -> dt.datetime:
        return super().now() + self.ahead


@dataclass
class Exchange:
    """One request as it arrived, and the answer as it left."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int = 0
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: Any = None
    query: str = ""


class Recorder:
    """Keeps what goes in and out of an ASGI application."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.exchanges: list[Exchange] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pieces: list[bytes] = []
        sent: list[bytes] = []
        exchange = Exchange(
            scope["method"],
            scope["path"],
            {name.decode(): value.decode() for name, value in scope["headers"]},
            None,
            query=scope["query_string"].decode(),
        )

        async def watched_receive() -> MutableMapping[str, Any]:
            message = await receive()
            pieces.append(message.get("body", b""))
            return message

        async def watched_send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                exchange.answer_headers = {n.decode(): v.decode() for n, v in message["headers"]}
            sent.append(message.get("body", b""))
            await send(message)

        await self._app(scope, watched_receive, watched_send)
        exchange.body = _json(b"".join(pieces))
        exchange.answer = _json(b"".join(sent))
        self.exchanges.append(exchange)

    def to(self, end: str) -> list[Exchange]:
        """The exchanges on paths that end like this."""
        return [exchange for exchange in self.exchanges if exchange.path.endswith(end)]


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content


@dataclass
class LocalWorld:
    """The sandbox, served."""

    url: str
    world: MovableWorld
    recorder: Recorder

    def live(self, supplier: str, reference: str) -> int:
        """How many reservations under a reference the supplier would honour."""
        return sum(
            record.live and record.reference == reference
            for record in self.world.reservations.all(supplier)
        )

    def settings(self, **more: Any) -> Settings:
        return Settings(sandbox_url=self.url, **{"provider_timeout_seconds": PATIENCE, **more})


@pytest.fixture
async def local() -> AsyncIterator[LocalWorld]:
    """A fresh sandbox on a free port."""
    world = MovableWorld()
    recorder = Recorder(create_app(world))
    listening = listener()
    server = uvicorn.Server(
        uvicorn.Config(
            recorder,
            http=AbortableProtocol,
            ws="none",
            log_level="error",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # its start must not eat up the patience of the first request
        await asyncio.sleep(0.002)
    port = listening.getsockname()[1]
    yield LocalWorld(f"http://127.0.0.1:{port}", world, recorder)
    await world.close()
    server.should_exit = True
    await serving


@dataclass
class Reply:
    """What the scripted supplier says once. ``status`` 0: it resets the connection."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0


class Scripted:
    """A server that says what it was told, path by path, in order; the last reply is repeated."""

    def __init__(self) -> None:
        self.url = ""
        self.replies: dict[str, list[Reply]] = {}
        self.requests: list[tuple[str, Any]] = []

    def say(self, path_end: str, *replies: Reply) -> None:
        self.replies[path_end] = list(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := (await reader.readline()).decode():
                path = line.split()[1]
                length = 0
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    length = int(value) if name.lower() == "content-length" else length
                self.requests.append((path, _json(await reader.readexactly(length))))
                reply = self._next(path)
                await asyncio.sleep(reply.delay)
                if reply.status == 0:
                    writer.transport.abort()
                    return
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body)
                content = body if isinstance(body, bytes) else body.encode()
                head = "".join(f"{name}: {value}\r\n" for name, value in reply.headers.items())
                writer.write(
                    f"HTTP/1.1 {reply.status} X\r\nContent-Length: {len(content)}\r\n"
                    f"Content-Type: application/json\r\n{head}\r\n".encode()
                    + content
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _next(self, path: str) -> Reply:
        for end, replies in self.replies.items():
            if path.endswith(end):
                return replies.pop(0) if len(replies) > 1 else replies[0]
        return Reply(404, {"unscripted": path})

    def settings(self, **more: Any) -> Settings:
        return Settings(
            booking_com={"base_url": f"{self.url}/3.2"},
            viator={"base_url": f"{self.url}/partner"},
            getyourguide={"base_url": f"{self.url}/1"},
            **{"provider_timeout_seconds": PATIENCE, **more},
        )


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """A supplier that says what we script."""
    script = Scripted()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield script
    server.close()


def traveler(first_name: str = "Ana", **more: Any) -> Traveler:
    return Traveler(
        first_name=first_name, last_name="Roe", date_of_birth=dt.date(1990, 1, 31), **more
    )


@pytest.fixture
def party() -> Party:
    """Two people with a phone."""
    return Party(
        travelers=(traveler("Ana"), traveler("Bo")),
        contact=Contact(email="ana@example.com", phone="+1 212 555 0100"),
    )


def component(offer: dict[str, Any], kind: ItemType, supplier: str) -> TripComponent:
    """A trip component around what a planner found."""
    return TripComponent(component_id="1", type=kind, supplier=supplier, **offer)


def in_days(days: int) -> dt.date:
    return dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)
