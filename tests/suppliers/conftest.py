"""Hotels and experiences served in this process over real sockets, and a scripted supplier."""

import asyncio
import copy
import datetime as dt
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn

from models.core.errors import ProviderError
from models.core.people import Contact, Document, Traveler
from models.core.supply import ItemType, TripComponent
from sandbox.app import create_app
from sandbox.connection import AbortableProtocol
from sandbox.faults import Fault
from sandbox.world import World
from settings import Settings
from suppliers.core.protocol import Party
from tests.support.listening import listener

PATIENCE = 1.2
"""Seconds that an adapter waits where nothing comes."""
ENOUGH = 8
"""Seconds within which everything is answered, on a busy machine too."""

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
    """The sandbox, served in this process."""

    url: str
    world: MovableWorld
    recorder: Recorder

    def live(self, supplier: str, reference: str) -> int:
        """How many reservations under a reference the supplier would honour."""
        return sum(
            record.live and record.reference == reference
            for record in self.world.reservations.all(supplier)
        )

    def effects(self, supplier: str, reference: str) -> list[str]:
        """What happened under a reference, in order."""
        rows = self.world.log.rows(supplier=supplier, reference=reference)
        return [row["effect"] for row in rows if row["effect"] != "none"]

    def arm(self, supplier: str, operation: str, kind: str, **more: Any) -> Fault:
        """Arm a fault; one that waits waits longer than any adapter here."""
        seconds = {"slow": 0.1, "late_commit": 0.05, "short_hold": 0.3}.get(kind, 30)
        return self.world.faults.arm(supplier, operation, kind, **{"seconds": seconds, **more})

    async def post(self, path: str, **body: Any) -> Any:
        """Have the sandbox do what a supplier does by itself; returns its JSON."""
        async with httpx.AsyncClient(base_url=self.url) as http:
            answer = await http.post(path, json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def settings(self, **more: Any) -> Settings:
        return Settings(sandbox_url=self.url, **{"provider_timeout_seconds": ENOUGH, **more})


@asynccontextmanager
async def served() -> AsyncIterator[LocalWorld]:
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
            timeout_keep_alive=75,  # as the sandbox itself
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # its start must not use up the patience of the first request
        await asyncio.sleep(0.002)
    yield LocalWorld(f"http://127.0.0.1:{listening.getsockname()[1]}", world, recorder)
    await world.close()
    server.should_exit = True
    await serving


@pytest.fixture
async def local() -> AsyncIterator[LocalWorld]:
    """A sandbox of one's own."""
    async with served() as world:
        yield world


@dataclass
class Reply:
    """What the scripted supplier says once. ``status`` 0: it resets the connection."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0
    until: asyncio.Event | None = None
    """It keeps what it has to say until then."""


class Scripted:
    """A server that says what it was told, path by path, in order; the last reply is repeated."""

    def __init__(self) -> None:
        self.url = ""
        self.replies: dict[str, list[Reply]] = {}
        self.requests: list[tuple[str, Any]] = []
        self.heads: list[tuple[str, list[tuple[str, str]]]] = []
        """Request lines and headers, as they came."""

    def say(self, path_end: str, *replies: Reply) -> None:
        self.replies[path_end] = list(replies)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := (await reader.readline()).decode():
                path = line.split()[1]
                length = 0
                headers: list[tuple[str, str]] = []
                self.heads.append((line.strip(), headers))
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers.append((name, value.strip()))
                    length = int(value) if name.lower() == "content-length" else length
                self.requests.append((path, _json(await reader.readexactly(length))))
                reply = self._next(path)
                await asyncio.sleep(reply.delay)
                if reply.until is not None:
                    await reply.until.wait()
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
            **{"provider_timeout_seconds": ENOUGH, **more},
        )


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    """A supplier that says what we script."""
    script = Scripted()
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    script.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield script
    server.close()


async def expect(
    error: type[ProviderError], call: Awaitable[object], operation: str | None = None
) -> ProviderError:
    """Await a call that must end in exactly this error; returns it."""
    with pytest.raises(ProviderError) as caught:
        await call
    assert type(caught.value) is error, repr(caught.value)
    assert operation in (None, caught.value.operation)
    return caught.value


def traveler(first_name: str = "Ana", **more: Any) -> Traveler:
    """An adult without a document."""
    return Traveler(
        first_name=first_name,
        **{"last_name": "Roe", "date_of_birth": dt.date(1990, 1, 31), **more},
    )


def flyer(first_name: str = "Ana", **more: Any) -> Traveler:
    """An adult whom airlines take: with a gender and a passport."""
    passport = Document(
        number=f"X{first_name}",
        expiry_date=in_days(2000),
        issuance_country="US",
        nationality="US",
    )
    return traveler(first_name, **{"gender": "FEMALE", "document": passport, **more})


def party_of(*travelers: Traveler, phone: str | None = "+1 202 555 0133") -> Party:
    """A party, of two flyers by default."""
    return Party(
        travelers=travelers or (flyer("Ana"), flyer("Bo", gender="MALE")),
        contact=Contact(email="ana@example.com", phone=phone),
    )


@pytest.fixture
def party() -> Party:
    """Two people with a phone."""
    return party_of(traveler("Ana"), traveler("Bo"), phone="+1 212 555 0100")


def component(offer: dict[str, Any], kind: ItemType, supplier: str) -> TripComponent:
    """A trip component around what a planner found."""
    return TripComponent(component_id="1", type=kind, supplier=supplier, **offer)


def changed(item: TripComponent, **offer: Any) -> TripComponent:
    """The same component with another offer."""
    return item.model_copy(update={"offer": {**copy.deepcopy(item.offer), **offer}})


def reference() -> str:
    """A reference as the saga makes them."""
    return f"{uuid.uuid4()}-1-1"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def in_days(days: int) -> dt.date:
    return now().date() + dt.timedelta(days=days)
