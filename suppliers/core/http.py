"""JSON over HTTP for suppliers without an SDK: one request, one answer, no retries.

What it settles once for all of them (reliability.md rule 1): whether a call that failed can have
had an effect. A request that never left us is ``Retryable``; one that left and was not answered
by something we can rely on is ``UnknownOutcome`` when it may have changed something there,
and ``Retryable`` when it only reads.
"""

import asyncio
import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from models.core.errors import ProviderError, Retryable, UnknownOutcome
from models.suppliers.rate_limits import Rate
from suppliers.core.answers import JsonAnswer
from suppliers.core.limiter import RateLimits

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SENDING = ".send_request_headers.started"


class JsonClient:
    """A bounded pool of connections to one supplier. Never retries, never follows redirects."""

    def __init__(
        self,
        *,
        provider: str,
        base_url: str,
        headers: dict[str, str],
        timeout: float,
        request_id_header: str = "X-Request-Id",
        connections: int = 20,
        max_bytes: int = 2 * 1024 * 1024,
        rate: Rate | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        """Make a client.

        Args:
            provider: the supplier's name, for errors.
            base_url: with version prefix, without a slash at the end.
            headers: sent with every request; credentials are among them.
            timeout: seconds until the whole answer must have arrived.
            request_id_header: the header that carries the supplier's id of a request.
            connections: at most so many at once (design.md: an unbounded pool is a bottleneck).
            max_bytes: a longer answer is not read to its end (reliability.md S21).
            rate: how fast it may be asked; None where no rate is documented.
            limits: keep the rate and the supplier's pauses over all processes.
        """
        self._provider = provider
        self._timeout = timeout
        self._request_id_header = request_id_header
        self._max_bytes = max_bytes
        self._limiter = (limits or RateLimits()).limiter(provider, rate, timeout=timeout)
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            # Shorter than servers keep idle connections: a request on a connection that is being
            # closed ends as an unknown outcome.
            limits=httpx.Limits(
                max_connections=connections,
                max_keepalive_connections=connections,
                keepalive_expiry=15,
            ),
            follow_redirects=False,
            # A proxy from the environment is for the outside, not for a sandbox next door.
            trust_env=not is_loopback(urlsplit(base_url).hostname or ""),
        )

    async def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        changes: bool,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> JsonAnswer:
        """Send one request and return its answer, of whatever status.

        Raises:
            Retryable: it never left us; or it only reads and was not answered.
            UnknownOutcome: it changes something there, left us and was not answered.
        """
        sent = False

        async def watch(event: str, _: Any) -> None:
            nonlocal sent
            sent = sent or event.endswith(_SENDING)

        def unanswered(reason: str, *, may_have_left: bool) -> ProviderError:
            kind = UnknownOutcome if changes and may_have_left else Retryable
            return kind(
                f"{self._provider} did not answer {method} {path}: {reason}",
                provider=self._provider,
                operation=operation,
                code="no_answer" if may_have_left else "not_sent",
            )

        request = self._http.build_request(
            method,
            path,
            headers={"Content-Type": "application/json", **(headers or {})},
            content=None if body is None else json.dumps(body, allow_nan=False).encode(),
            extensions={"trace": watch},
        )
        await self._limiter.turn(operation)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._http.send(request, stream=True)
                try:
                    content = await self._read(response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise unanswered(f"{self._timeout:g} s are over", may_have_left=sent) from error
        except _NEVER_SENT as error:
            raise unanswered(_words(error), may_have_left=False) from error
        except httpx.HTTPError as error:
            raise unanswered(_words(error), may_have_left=True) from error
        if content is None:
            raise unanswered("the answer is too long to be one", may_have_left=True)
        answer = JsonAnswer(
            provider=self._provider,
            operation=operation,
            changes=changes,
            status=response.status_code,
            content=content,
            headers=response.headers,
            request_id=response.headers.get(self._request_id_header),
        )
        await self._limiter.pause(answer.rate_used_up)
        return answer

    async def _read(self, response: httpx.Response) -> bytes | None:
        content = bytearray()
        async for piece in response.aiter_bytes():
            content += piece
            if len(content) > self._max_bytes:
                return None
        return bytes(content)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()


def _words(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def is_loopback(host: str) -> bool:
    """Tell whether a host name is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
