"""The Amadeus SDK, made safe to share: threads, timeouts, one token, nothing repeated.

The SDK (``amadeus`` 12) is synchronous, waits for ever, adds a handler to standard output, does
not lock its token and lets many kinds of exception through (providers.md §2, "SDK facts"). Here is
settled, once, whether a failed call can have reached Amadeus (reliability.md rule 1).
"""

import asyncio
import http.client
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from amadeus import Client, ResponseError
from amadeus.client.access_token import AccessToken

from models.core.errors import AuthConfig, ProviderError, Retryable, UnknownOutcome
from models.core.pauses import asked_pause
from models.core.text import storable_json
from models.suppliers.rate_limits import Rate
from suppliers.amadeus.responses import NAME, ApiAnswer
from suppliers.amadeus.transport import Http
from suppliers.core.limiter import RateLimits

Send = Callable[[Any], Any]
"""Makes one call with the SDK's client and returns the SDK's response."""

_THREADS: Final = 16
_TOKEN_EXPIRED: Final = "38192"  # noqa: S105 - an error code
_NEVER_SENT: Final = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)
# Whatever the SDK lets through besides its own errors: broken connections and timeouts, half
# answers, bytes that are no text, JSON that is no object.
_ESCAPES: Final = (
    OSError,
    http.client.HTTPException,
    ValueError,
    AttributeError,
    TypeError,
    RecursionError,
)


class _GivenUpError(Exception):
    """Nobody waits for this call any more, and it has not been sent: it must not be."""


@dataclass
class _Attempt:
    """Whether a call has been sent, decided by its thread and whoever waits for it together."""

    _sent: bool = False
    _given_up: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self) -> None:
        """Say that it is being sent now; raises _GivenUpError when nobody waits for it any more."""
        with self._lock:
            if self._given_up:
                raise _GivenUpError
            self._sent = True

    def give_up(self) -> bool:
        """Stop waiting; return whether it may have left us. If not, it never will."""
        with self._lock:
            self._given_up = True
            return self._sent


class _SharedToken(AccessToken):  # type: ignore[misc]
    """The SDK's token, fetched by one thread at a time and never in the middle of a call."""

    TOKEN_BUFFER = 30
    access_token: str | None
    expires_at: float

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._lock = threading.Lock()

    @property
    def is_due(self) -> bool:
        """Whether the next call fetches a token first."""
        return self.access_token is None or time.time() + self.TOKEN_BUFFER >= self.expires_at

    def ensure(self) -> None:
        """Fetch a token if there is none, or if it ends soon."""
        with self._lock:
            super()._bearer_token()

    def forget(self, token: str | None) -> None:
        """Have a new token fetched next time, unless somebody has done so already."""
        with self._lock:
            if self.access_token == token:
                self.access_token = None

    def _bearer_token(self) -> str:
        return f"Bearer {self.access_token}"


class AmadeusApi:
    """One Amadeus host, reached through the SDK from a bounded pool of threads."""

    def __init__(
        self,
        url: str,
        *,
        key: str,
        secret: str,
        timeout: float,
        rate: Rate | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        """Make the client; nothing is sent yet.

        Args:
            url: scheme, host and port; the SDK takes no path prefix.
            key: the API key (``client_id``).
            secret: the API secret.
            timeout: seconds until the whole answer must have arrived.
            rate: how fast it may be asked; None where no rate is documented.
            limits: keep the rate and Amadeus' pauses over all processes.
        """
        parts = urlsplit(url)
        secure = parts.scheme != "http"
        self._timeout = timeout
        self._limiter = (limits or RateLimits()).limiter(NAME, rate, timeout=timeout)
        self._client = _quiet_client(
            client_id=key,
            client_secret=secret,
            hostname="production" if parts.hostname == "api.amadeus.com" else "test",
            host=parts.hostname,
            port=parts.port or (443 if secure else 80),
            ssl=secure,
            http=Http(timeout, host=parts.hostname or ""),
        )
        self._token = self._client.access_token = _SharedToken(self._client)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="amadeus")

    async def call(self, send: Send, *, operation: str, changes: bool) -> ApiAnswer:
        """Make one call and return its answer, of whatever status.

        Only an expired token (401, 38192) makes a second one, for Amadeus did nothing then.

        Raises:
            Retryable: it never left us; or it only reads and was not answered.
            UnknownOutcome: it changes something at Amadeus, left us and was not answered.
            AuthConfig: Amadeus gives us no token.
        """
        token = self._token.access_token
        answer = await self._call_once(send, operation, changes)
        if answer.status == 401 and any(i.code == _TOKEN_EXPIRED for i in answer.issues):
            self._token.forget(token or self._token.access_token)
            answer = await self._call_once(send, operation, changes)
        return answer

    async def _call_once(self, send: Send, operation: str, changes: bool) -> ApiAnswer:
        if self._token.is_due:
            await self._limiter.turn(operation)  # asking for a token is a request too
        await self._limiter.turn(operation)
        attempt = _Attempt()
        future = self._threads.submit(self._exchange, send, attempt, operation, changes)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise _unanswered(
                f"{self._timeout:g} s are over",
                operation,
                changes=changes,
                sent=attempt.give_up(),
            ) from error
        except asyncio.CancelledError:
            attempt.give_up()
            raise
        if answer.status == 429:
            await self._limiter.pause(answer.retry_after)
        return answer

    def _exchange(self, send: Send, attempt: _Attempt, operation: str, changes: bool) -> ApiAnswer:
        try:
            self._token.ensure()
        except ResponseError as error:
            raise _no_token(error.response, operation) from error
        except _ESCAPES as error:
            raise _unanswered(_words(error), operation, changes=changes, sent=False) from error
        try:
            attempt.send()
            response = send(self._client)
        except _GivenUpError as error:
            raise _unanswered("too late", operation, changes=changes, sent=False) from error
        except ResponseError as error:
            response = error.response
        except _ESCAPES as error:
            raise _unanswered(_words(error), operation, changes=changes, sent=True) from error
        if response.status_code is None:
            reason = getattr(response.http_response, "reason", None)
            raise _unanswered(
                str(reason), operation, changes=changes, sent=not isinstance(reason, _NEVER_SENT)
            )
        return ApiAnswer(
            operation=operation,
            changes=changes,
            status=response.status_code,
            body=storable_json(response.result) if isinstance(response.result, dict) else None,
            pause=asked_pause(response.status_code, response.headers),
            request_id=response.headers.get("Ama-Request-Id"),
        )

    def close(self) -> None:
        """Start nothing any more; calls in flight end by their own timeouts."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _quiet_client(**options: Any) -> Any:
    """Make the SDK's client without the handler to standard output that it adds each time."""
    logger = logging.getLogger(NAME)
    before = list(logger.handlers), logger.level
    try:
        # "silent": the SDK would log whole requests, and people with them.
        return Client(logger=logger, log_level="silent", **options)
    finally:
        logger.handlers[:], level = before
        logger.setLevel(level)


def _unanswered(reason: str, operation: str, *, changes: bool, sent: bool) -> ProviderError:
    kind = UnknownOutcome if changes and sent else Retryable
    return kind(
        f"Amadeus did not answer: {reason}" if sent else f"Amadeus was not reached: {reason}",
        provider=NAME,
        operation=operation,
        code="no_answer" if sent else "not_sent",
    )


def _no_token(response: Any, operation: str) -> ProviderError:
    status = response.status_code
    body = response.result if isinstance(response.result, dict) else {}
    if status is not None and 400 <= status < 500 and status not in (408, 425, 429):
        return AuthConfig(
            f"Amadeus does not accept our credentials: {body.get('error_description', status)}",
            provider=NAME,
            operation=operation,
            code=str(body["code"]) if "code" in body else None,
            status=status,
        )
    return Retryable(
        f"Amadeus gave no token ({status or 'no answer'})",
        provider=NAME,
        operation=operation,
        code="not_sent",
        status=status,
        retry_after=asked_pause(status or 0, getattr(response, "headers", None) or {}),
    )


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
