"""A receiver of webhooks: real HTTP(S) on a free port, that answers as a test wants it to."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    """With names in lower case."""
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def told(self) -> tuple[str, int, str]:
        """Booking, version and type."""
        event = self.event
        return event["subject"], event["bookingversion"], event["type"]


@dataclass(frozen=True)
class Reply:
    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    """Before it answers."""
    stays: float = 0
    """So long the connection is kept open afterwards, as if more came."""


OK = Reply()


class Receiver:
    """Keeps what it is sent, and answers ``answer``."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.received: list[Received] = []
        self.answer: Callable[[Received], Reply] = lambda _: OK
        self.connections = 0
        self.at_once = self.most_at_once = 0
        self.port = 0

    @property
    def told(self) -> list[tuple[str, int, str]]:
        return [one.told for one in self.received]

    def of(self, booking_id: str) -> list[tuple[int, str]]:
        return [(version, kind) for subject, version, kind in self.told if subject == booking_id]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Receiver"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()

    def url(self, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}/hooks"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in _split(lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            request = Received(first.split(" ")[1], headers, body)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.received.append(request)
            reply = self.answer(request)
            await asyncio.sleep(reply.seconds)
            self.at_once -= 1
            sent = {"Content-Length": str(len(reply.body)), **reply.headers}
            told = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
            writer.write(f"HTTP/1.1 {reply.status} .\r\n{told}\r\n".encode("latin-1") + reply.body)
            await writer.drain()
            await asyncio.sleep(reply.stays)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def _split(lines: list[str]) -> list[tuple[str, str, str]]:
    return [line.partition(":") for line in lines]
