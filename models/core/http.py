"""HTTP to the outside: one request, one answer, no retries.

What it settles for all who ask (reliability.md rule 1): whether a request that was not answered
can have had an effect. aiohttp takes a sixth of httpx' CPU for a request (decision 41).
"""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import certifi
from yarl import URL


class NotSentError(Exception):
    """The request never left us."""


class NoAddressError(NotSentError):
    """What it was to be sent to is no address."""


class NoAnswerError(Exception):
    """The request left us, or may have, and was not answered by something we can rely on."""


@dataclass(frozen=True)
class HttpAnswer:
    """An answer, of whatever status."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    """Whatever the case of their names."""


class HttpClient:
    """A bounded pool of connections. Never retries, never follows redirects, keeps no cookies."""

    def __init__(
        self,
        *,
        timeout: float,
        connect: float = 10.0,
        connections: int = 20,
        keep: float = 4.0,
        max_bytes: int = 2 * 1024 * 1024,
        cafile: str | None = None,
    ) -> None:
        """Prepare; connections are made at the first request.

        Args:
            timeout: seconds until the whole answer must have arrived.
            connect: of these for the connection at most.
            connections: at most so many at once; the others wait.
            keep: seconds that an idle connection is kept. Shorter than servers keep it, since a
                request on one that is being closed ends as an unknown outcome: uvicorn, Node.js
                and Apache close theirs after five.
            max_bytes: a longer answer is not read to its end (reliability.md S21).
            cafile: whom to trust; None for the usual authorities.
        """
        self._timeout = timeout
        self._patience = aiohttp.ClientTimeout(total=None, sock_connect=min(timeout, connect))
        self._connections = connections
        self._keep = keep
        self._max_bytes = max_bytes
        self._cafile = cafile
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By whether a proxy of the environment may be used: not for a neighbour."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request and return its answer.

        Raises:
            NotSentError: it never left us.
            NoAnswerError: it may have had an effect. Both say why.
        """
        told = SimpleNamespace(connected=False)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._session(url).request(
                    method,
                    URL(url, encoded=True),
                    headers=headers,
                    data=content,
                    allow_redirects=False,
                    trace_request_ctx=told,
                ) as response,
            ):
                body = await self._read(response)
                return HttpAnswer(response.status, body, response.headers)
        except TimeoutError as error:
            kind = NoAnswerError if told.connected else NotSentError
            raise kind(f"{self._timeout:g} s are over") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise NoAddressError(_words(error)) from error
        except (aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError) as error:
            raise NotSentError(_words(error)) from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(_words(error)) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for piece in response.content.iter_any():
            content += piece
            if len(content) > self._max_bytes:
                response.close()
                raise NoAnswerError("the answer is too long to be one")
        return bytes(content)

    def _session(self, url: str) -> aiohttp.ClientSession:
        proxied = not is_loopback(urlsplit(url).hostname or "")
        session = self._sessions.get(proxied)
        if session is None:
            session = self._sessions[proxied] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    keepalive_timeout=self._keep,
                    ssl=_trusting(self._cafile) if urlsplit(url).scheme == "https" else True,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._patience,
                trust_env=proxied,
                skip_auto_headers=["Content-Type"],
                middlewares=[_once],
                trace_configs=[_watching()],
            )
        return session

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions = {}


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send a request once: aiohttp by itself repeats a GET, PUT or DELETE on a lost connection."""
    try:
        return await send(request)
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise NoAnswerError(_words(error)) from error


def _watching() -> aiohttp.TraceConfig:
    """Return what notes that a request has got its connection: from then on it may have left."""

    async def connected(_: Any, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.connected = True

    watch = aiohttp.TraceConfig()
    watch.on_connection_create_end.append(connected)
    watch.on_connection_reuseconn.append(connected)
    return watch


def _trusting(cafile: str | None) -> ssl.SSLContext:
    if cafile is None and "SSL_CERT_FILE" not in os.environ:
        cafile = certifi.where()
    return ssl.create_default_context(cafile=cafile)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
