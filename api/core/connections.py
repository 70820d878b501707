"""Connections: how long a request may take to arrive, and how many one address may have.

uvicorn waits for ever for the end of a head or a body, as long as a byte comes now and then. The
deadlines here are of the whole head and the whole request: further bytes do not extend them.
"""

import asyncio
import json
import logging
import math
import uuid
from collections import Counter
from typing import ClassVar

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.core import problems
from api.core.audience import BODY_SECONDS
from api.core.rate_limits import RateLimit, network
from settings import Settings

KEEP_ALIVE_SECONDS = 15
_WHOLE_SECONDS = BODY_SECONDS + 5
"""From the end of the head; later than the routes that read a body give up and say so."""

_log = logging.getLogger(__name__)


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 with deadlines for what arrives and a limit of connections for each address."""

    head_seconds: ClassVar[float]
    most: ClassVar[int]
    """Connections of one address; 0: as many as it likes."""
    open: ClassVar[Counter[str]]
    refusals: ClassVar[RateLimit]
    """Log lines about refused connections."""

    _address = ""
    _awaited: object = None
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection, or close it where its address has too many."""
        super().connection_made(transport)
        self._address = network(self.client[0] if self.client else "")
        self.open[self._address] += 1
        if self.most and self.open[self._address] > self.most:
            told = self.refusals.take(self._address)
            if told and not told.exceeded:
                _log.warning("an address has more than %d connections: refused", self.most)
            transport.abort()
            return
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection: it counts for its address no more, and has no deadline."""
        super().connection_lost(exc)
        self.open[self._address] -= 1
        if not self.open[self._address]:
            del self.open[self._address]
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        """Read what has arrived, and set the deadline of what is awaited after it."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Begin the connection's next request, and set the deadline of what is awaited of it."""
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        """Set the deadline of what is awaited now, unless it has been set."""
        awaited: object = self.conn.their_state
        if awaited is h11.IDLE and self.timeout_keep_alive_task is not None:
            awaited = None  # between two requests, which uvicorn limits
        if awaited is self._awaited:
            return
        self._stop_waiting()
        self._awaited = awaited
        if awaited is h11.IDLE:
            self._deadline = self.loop.call_later(self.head_seconds, self._refuse_head)
        elif awaited is h11.SEND_BODY:
            self._deadline = self.loop.call_later(_WHOLE_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse_head(self) -> None:
        if self.conn.trailing_data[0] and not self.transport.is_closing():
            problem = problems.ApiProblem(
                408, "HEAD_TOO_SLOW", "The head of the request took too long to arrive."
            )
            body = json.dumps(problems.document(problem, uuid.uuid4().hex)).encode()
            self.transport.write(
                b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s"
                % (problems.MEDIA_TYPE.encode(), len(body), body)
            )
        self.transport.close()


def server_config(app: FastAPI, settings: Settings, *, host: str, port: int) -> uvicorn.Config:
    """Return how the API is served."""
    bounds = {
        "head_seconds": settings.limit.head_seconds,
        "most": settings.limit.address_connections,
        "open": Counter(),
        "refusals": RateLimit("refused-connections", 1),
    }
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=type("Protocol", (BoundedProtocol,), bounds),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.shutdown_grace_seconds),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
