"""JSON over HTTP to the payment service: one request, one answer, no retries.

A request that never left us, or that only reads, is ``Retryable``; one that can move money, left
us and was not answered is an ``UnknownOutcome`` (reliability.md rule 1).
"""

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from models.core.errors import ProviderError, Retryable, UnknownOutcome

PROVIDER: Final = "payment_service"

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SENDING: Final = ".send_request_headers.started"
_CONNECTIONS: Final = 20
_MAX_BYTES: Final = 1024 * 1024
"""A longer answer is not read to its end (reliability.md S21)."""
_CONNECT_SECONDS: Final = 5.0
_KEEP_SECONDS: Final = 15
"""Shorter than servers keep idle connections: a request on one that is being closed would end as
an unknown outcome."""
_MAX_RETRY_AFTER: Final = 600


@dataclass(frozen=True)
class Asked:
    """A request: which operation of the protocol it is part of, and whether money may move."""

    operation: str
    method: str
    path: str
    """Below ``/api/v1/payments``."""
    body: BaseModel | None = None
    query: Mapping[str, str] | None = None
    key: str | None = None
    """The idempotency key."""
    changes: bool = False
    """It may have changed the service's world."""

    def page(self, size: int, *, after: str | None) -> "Asked":
        """Return the request for one page of a list."""
        cursor = {} if after is None else {"after": after}
        return replace(self, query={**(self.query or {}), "limit": str(size), **cursor})

    def failed(self, kind: type[ProviderError], message: str, **more: Any) -> ProviderError:
        """Return an error of this request."""
        return kind(message, provider=PROVIDER, operation=self.operation, **more)

    def unsettled(self, message: str, **more: Any) -> ProviderError:
        """Return the error of an answer that does not tell whether anything was done."""
        return self.failed(UnknownOutcome if self.changes else Retryable, message, **more)


@dataclass(frozen=True)
class Answered:
    """An answer that came, whatever its status and whether or not its body can be read."""

    status: int
    content: bytes
    headers: httpx.Headers

    @property
    def context(self) -> dict[str, Any]:
        """What every error about it carries."""
        return {"status": self.status, "request_id": self.headers.get("X-Request-Id")}

    @property
    def retry_after(self) -> dt.timedelta | None:
        """How long the service asks to wait, where it says so in whole seconds."""
        seconds = self.headers.get("Retry-After", "")
        if not (seconds.isascii() and seconds.isdecimal() and len(seconds) < 10):
            return None
        return dt.timedelta(seconds=min(int(seconds), _MAX_RETRY_AFTER))


class ServiceHttp:
    """A bounded pool of connections. Never retries, never follows redirects."""

    def __init__(self, *, url: str, api_key: str, timeout: float) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: the service's base, without ``/api/v1/payments``.
            api_key: sent as a bearer token when not empty.
            timeout: seconds until the whole answer must have arrived.
        """
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/api/v1/payments",
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            limits=httpx.Limits(
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS,
                keepalive_expiry=_KEEP_SECONDS,
            ),
            follow_redirects=False,
            # A proxy from the environment is for the outside, not for a service next door.
            trust_env=not _is_loopback(url),
        )

    async def send(self, asked: Asked) -> Answered:
        """Send one request and return its answer, of whatever status.

        Raises:
            Retryable: it never left us; or it only reads and was not answered.
            UnknownOutcome: it may have moved money, left us and was not answered.
        """
        sent = False

        async def watch(event: str, _: Any) -> None:
            nonlocal sent
            sent = sent or event.endswith(_SENDING)

        headers = {} if asked.key is None else {"Idempotency-Key": asked.key}
        if asked.method == "POST":
            headers["Content-Type"] = "application/json"
        request = self._http.build_request(
            asked.method,
            asked.path,
            headers=headers,
            params=asked.query,
            content=asked.body.model_dump_json() if asked.body else None,
            extensions={"trace": watch},
        )
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._http.send(request, stream=True)
                try:
                    content = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise _unanswered(asked, f"{self._timeout:g} s are over", sent=sent) from error
        except _NEVER_SENT as error:
            raise _unanswered(asked, _words(error), sent=False) from error
        except httpx.HTTPError as error:
            raise _unanswered(asked, _words(error), sent=True) from error
        if content is None:
            raise _unanswered(asked, "the answer is too long to be one", sent=True)
        return Answered(response.status_code, content, response.headers)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


async def _read(response: httpx.Response) -> bytes | None:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > _MAX_BYTES:
            return None
    return bytes(content)


def _unanswered(asked: Asked, reason: str, *, sent: bool) -> ProviderError:
    message = f"the payment service did not answer {asked.method} {asked.path}: {reason}"
    if sent:
        return asked.unsettled(message, code="no_answer")
    return asked.failed(Retryable, message, code="not_sent")


def _words(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
