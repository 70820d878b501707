"""Connections that can be torn down: what a reset looks like from the client's side."""

import asyncio
import socket
import struct
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT = "sandbox.transport"


class AbortableProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, handing its transport to the application."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        application = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope[_TRANSPORT] = self.transport
            await application(scope, receive, send)

        self.app = with_transport


async def abort(request: Request) -> None:
    """Tear the client's TCP connection down (RST), unsent data included.

    Raises:
        ConnectionResetError: there is no connection of our own server to tear down, as with an
            in-process client; that is what such a client shall see.
    """
    transport = request.scope.get(_TRANSPORT)
    if transport is None:
        raise ConnectionResetError("connection reset by the sandbox")
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        # Lingering for zero seconds makes the kernel send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    # One turn of the loop lets uvicorn notice, so that it drops the answer silently.
    await asyncio.sleep(0)
