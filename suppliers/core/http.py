"""JSON over HTTP for suppliers without an SDK: one request, one answer, no retries.

What it settles once for all of them (reliability.md rule 1): whether a call that failed can have
had an effect. A request that never left us is ``Retryable``; one that left and was not answered
by something we can rely on is ``UnknownOutcome`` when it changes the supplier's world, and
``Retryable`` when it only reads.
"""

import asyncio
import datetime as dt
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable, UnknownOutcome
from models.core.money import Money
from models.suppliers.rate_limits import Rate
from suppliers.core.limiter import RateLimits

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_SENDING = ".send_request_headers.started"
_MAX_RETRY_AFTER = 600.0
_MAX_RESET = 60.0

Model = TypeVar("Model", bound="Message")
Failure = TypeVar("Failure", bound=ProviderError)


def _number(value: object) -> Decimal:
    # A string or a boolean where the supplier publishes a number is not what it published.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")
    return Decimal(str(value))


Amount = Annotated[Decimal, BeforeValidator(_number)]
"""A JSON number of major units, read by its shortest decimal representation."""


class Message(BaseModel):
    """What a supplier says: fields we do not use are ignored, wrong types are refused."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class CamelMessage(Message):
    """The same for suppliers that write camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


@dataclass(frozen=True)
class JsonAnswer:
    """An answer that came: whatever its status, and whether or not its body can be read."""

    provider: str
    operation: str
    changes: bool
    """The request may have changed the supplier's world."""
    status: int
    content: bytes
    headers: httpx.Headers
    request_id: str | None

    @property
    def ok(self) -> bool:
        """The supplier says that it did what was asked."""
        return 200 <= self.status < 300

    def failure(
        self, error: type[Failure], message: str, *, code: str | None = None, **extra: Any
    ) -> Failure:
        """Return ``error`` about this answer, carrying its status and request id."""
        return error(
            message,
            provider=self.provider,
            operation=self.operation,
            code=code,
            status=self.status,
            request_id=self.request_id,
            **extra,
        )

    def unsettled(self, message: str, *, code: str | None = None) -> ProviderError:
        """Return the error for an answer that does not tell whether anything was done."""
        if self.changes:
            return self.failure(UnknownOutcome, message, code=code)
        return self.failure(Retryable, message, code=code, retry_after=self.retry_after)

    def parse(self, model: type[Model]) -> Model:
        """Read the body as ``model``.

        Raises:
            UnknownOutcome, Retryable: it is not the published shape; see :meth:`unsettled`.
        """
        try:
            return model.model_validate_json(self.content)
        except (ValidationError, RecursionError) as error:
            raise self.unsettled(
                f"{self.provider} answered {self.status} with a body that is not the published"
                f" {model.__name__.strip('_')}",
                code="malformed_answer",
            ) from error

    def peek(self, model: type[Model]) -> Model | None:
        """Read the body as ``model``, or return None when it is something else."""
        try:
            return model.model_validate_json(self.content)
        except (ValidationError, RecursionError):
            return None

    def money(self, value: Decimal, currency: str) -> Money:
        """Read an amount of major units in ``currency`` exactly.

        Raises:
            UnknownOutcome, Retryable: it is no amount of that currency; see :meth:`unsettled`.
        """
        try:
            return Money.from_decimal(value, currency)
        except ValueError as error:
            raise self.unsettled(
                f"{self.provider} answered an impossible amount: {error}", code="malformed_answer"
            ) from error

    @property
    def retry_after(self) -> dt.timedelta | None:
        """How long the supplier asks to wait, where it says so in seconds."""
        return _seconds(self.headers.get("Retry-After"), _MAX_RETRY_AFTER)

    @property
    def rate_used_up(self) -> dt.timedelta | None:
        """For how long no further request is allowed, where the supplier counts them for us.

        ``RateLimit-Remaining: 0`` with ``RateLimit-Reset`` in seconds (Viator: a rolling 10 s).
        """
        if self.status == 429:
            return self.retry_after
        if self.headers.get("RateLimit-Remaining", "").strip() != "0":
            return None
        return _seconds(self.headers.get("RateLimit-Reset"), _MAX_RESET)

    def by_status(self, message: str, *, code: str | None = None) -> ProviderError:
        """Return the error for a status that means the same at every supplier.

        401, 403 → AuthConfig · 405, 406, 413, 415 → InvalidRequest · 429 → Retryable · the rest,
        5xx among them, tells nothing (providers.md §4 and §5, last rows of the tables).
        """
        match self.status:
            case 401 | 403:
                return self.failure(AuthConfig, message, code=code)
            case 405 | 406 | 413 | 415:
                return self.failure(InvalidRequest, message, code=code)
            case 429:
                return self.failure(Retryable, message, code=code, retry_after=self.retry_after)
            case _:
                return self.unsettled(message, code=code)


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
            trust_env=not _is_loopback(base_url),
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
            UnknownOutcome: it changes the supplier's world, left us and was not answered.
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


def _seconds(text: str | None, most: float) -> dt.timedelta | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(seconds) else dt.timedelta(seconds=min(max(seconds, 0.0), most))


def _words(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
