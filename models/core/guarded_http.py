"""HTTP to addresses that strangers have named: one POST, one answer, no redirects, no proxy.

The connection itself resolves the name, refuses unless every address of it is public, and dials
the address it has judged, with TLS for the name. Nothing is kept open: a name that stands for
another address the next time is judged again (reliability.md S20).
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import certifi
import httpcore

from models.core.addresses import AddressRefused, Reach, UnfitUrl, fit_url, is_allowed
from models.core.text import storable

ANSWER_BYTES = 2_048
"""So much of an answer is kept; the rest is not read."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the IP addresses of a host. Raises OSError."""


@dataclass(frozen=True)
class Reply:
    """What came of a request."""

    status: int | None
    """None: no answer."""
    error: str | None
    """Why there is no answer."""
    content: bytes
    """How the answer's body begins."""
    headers: Mapping[str, str]
    """With names in lower case."""
    milliseconds: int

    @property
    def accepted(self) -> bool:
        """Whether the answer is 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def failure(self) -> str | None:
        """Why it was not accepted; None: it was."""
        return None if self.accepted else self.error or f"the receiver answers {self.status}"

    @property
    def text(self) -> str:
        """How the answer's body begins, as it may be stored."""
        return storable(self.content.decode("utf-8", "replace").replace("\0", ""))


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the system knows them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Guard(httpcore.AsyncNetworkBackend):
    """Makes the connections: to judged addresses only."""

    def __init__(
        self,
        reach: Reach,
        resolve: Resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._reach = reach
        self._resolve = resolve
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host. Raises AddressRefused, or httpcore's errors."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise AddressRefused(f"{host} cannot be looked up: {error}") from error
        if not addresses or not all(is_allowed(one, self._reach) for one in addresses):
            raise AddressRefused(f"{host} does not stand for public addresses only")
        failed: Exception | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        assert failed is not None
        raise failed

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class GuardedClient:
    """Sends single requests to where strangers want them."""

    def __init__(
        self,
        reach: Reach,
        *,
        timeout: float,
        cafile: str | None = None,
        resolve: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """Prepare; nothing is connected.

        Args:
            reach: what may be connected to.
            timeout: seconds until the head of the answer must have arrived.
            cafile: whom to trust; None for the usual authorities.
            resolve: looks names up.
            network: dials the addresses that were judged; None for the usual one.
        """
        self._reach = reach
        self._timeout = timeout
        self._cafile = cafile
        self._guard = _Guard(reach, resolve, network)
        self._tls: ssl.SSLContext | None = None

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes) -> Reply:
        """Send a request; whatever comes of it is told, nothing is raised.

        The status counts once it has come: a body that does not end in time is cut off.
        """
        began = time.monotonic()
        status, told, body = None, {}, bytearray()
        error: str | None = None
        try:
            url = fit_url(url, self._reach)
            async with asyncio.timeout(self._timeout), self._pool() as pool:
                sent = [*headers.items(), ("Host", urlsplit(url).netloc), ("Connection", "close")]
                async with pool.stream("POST", url, headers=sent, content=content) as answer:
                    status = answer.status
                    told = {
                        name.decode("latin-1").lower(): value.decode("latin-1")
                        for name, value in answer.headers
                    }
                    async for piece in answer.aiter_stream():
                        body += piece
                        if len(body) >= ANSWER_BYTES:
                            break
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except UnfitUrl as unfit:
            error = f"the URL {unfit}"
        except AddressRefused as refused:
            error = str(refused)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as broken:
            error = f"{type(broken).__name__}: {broken}"[:500]
        except (OSError, ValueError) as broken:
            error = f"{type(broken).__name__}: {broken}"[:500]
        took = round((time.monotonic() - began) * 1000)
        return Reply(
            status, None if status is not None else error, bytes(body[:ANSWER_BYTES]), told, took
        )

    def _pool(self) -> httpcore.AsyncConnectionPool:
        if self._tls is None:
            cafile = self._cafile
            if cafile is None and "SSL_CERT_FILE" not in os.environ:
                cafile = certifi.where()
            self._tls = ssl.create_default_context(cafile=cafile)
        return httpcore.AsyncConnectionPool(
            ssl_context=self._tls, max_connections=1, retries=0, network_backend=self._guard
        )
