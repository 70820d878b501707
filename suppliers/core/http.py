"""JSON over HTTP for suppliers without an SDK: one request, one answer, no retries.

What it settles once for all of them (reliability.md rule 1): whether a call that failed can have
had an effect. A request that never left us is ``Retryable``; one that left and was not answered
by something we can rely on is ``UnknownOutcome`` when it may have changed something there,
and ``Retryable`` when it only reads.
"""

import json
from typing import Any

from models.core.errors import ProviderError, Retryable, UnknownOutcome
from models.core.http import HttpClient, NoAnswerError, NotSentError
from models.suppliers.rate_limits import Rate
from suppliers.core.answers import JsonAnswer
from suppliers.core.limiter import RateLimits


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
        self._request_id_header = request_id_header
        self._max_bytes = max_bytes
        self._limiter = (limits or RateLimits()).limiter(provider, rate, timeout=timeout)
        self._base_url = base_url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **headers}
        self._http = HttpClient(timeout=timeout, connections=connections, max_bytes=max_bytes)

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

        def unanswered(reason: Exception, *, may_have_left: bool) -> ProviderError:
            kind = UnknownOutcome if changes and may_have_left else Retryable
            return kind(
                f"{self._provider} did not answer {method} {path}: {reason}",
                provider=self._provider,
                operation=operation,
                code="no_answer" if may_have_left else "not_sent",
            )

        await self._limiter.turn(operation)
        try:
            came = await self._http.send(
                method,
                self._base_url + path,
                headers={**self._headers, **(headers or {})},
                content=None if body is None else json.dumps(body, allow_nan=False).encode(),
            )
        except NotSentError as error:
            raise unanswered(error, may_have_left=False) from error
        except NoAnswerError as error:
            raise unanswered(error, may_have_left=True) from error
        answer = JsonAnswer(
            provider=self._provider,
            operation=operation,
            changes=changes,
            status=came.status,
            content=came.content,
            headers=came.headers,
            request_id=came.headers.get(self._request_id_header),
        )
        await self._limiter.pause(answer.rate_used_up)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()
