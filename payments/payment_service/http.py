"""JSON over HTTP to the payment service: one request, one answer, no retries.

A request that never left us, or that only reads, is ``Retryable``; one that can move money, left
us and was not answered is an ``UnknownOutcome`` (reliability.md rule 1).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import BaseModel

from models.core.errors import ProviderError, Retryable, UnknownOutcome
from models.core.http import HttpClient, NoAnswerError, NotSentError
from models.core.pauses import asked_pause

PROVIDER: Final = "payment_service"

_MAX_BYTES: Final = 1024 * 1024
"""A longer answer is not read to its end (reliability.md S21)."""
_CONNECT_SECONDS: Final = 5.0


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
    headers: Mapping[str, str]

    @property
    def context(self) -> dict[str, Any]:
        """What every error about it carries."""
        return {"status": self.status, "request_id": self.headers.get("X-Request-Id")}

    @property
    def retry_after(self) -> dt.timedelta | None:
        """How long the service asks to wait, in whatever form; None where it does not say."""
        return asked_pause(self.status, self.headers)


class ServiceHttp:
    """A bounded pool of connections. Never retries, never follows redirects."""

    def __init__(self, *, url: str, api_key: str, timeout: float) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: the service's base, without ``/api/v1/payments``.
            api_key: sent as a bearer token when not empty.
            timeout: seconds until the whole answer must have arrived.
        """
        self._base_url = f"{url.rstrip('/')}/api/v1/payments"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = HttpClient(timeout=timeout, connect=_CONNECT_SECONDS, max_bytes=_MAX_BYTES)

    async def send(self, asked: Asked) -> Answered:
        """Send one request and return its answer, of whatever status.

        Raises:
            Retryable: it never left us; or it only reads and was not answered.
            UnknownOutcome: it may have moved money, left us and was not answered.
        """
        headers = dict(self._headers)
        if asked.key is not None:
            headers["Idempotency-Key"] = asked.key
        if asked.method == "POST":
            headers["Content-Type"] = "application/json"
        query = f"?{urlencode(asked.query)}" if asked.query else ""
        try:
            answer = await self._http.send(
                asked.method,
                f"{self._base_url}{asked.path}{query}",
                headers=headers,
                content=asked.body.model_dump_json().encode() if asked.body else None,
            )
        except NotSentError as error:
            raise asked.failed(Retryable, _unanswered(asked, error), code="not_sent") from error
        except NoAnswerError as error:
            raise asked.unsettled(_unanswered(asked, error), code="no_answer") from error
        return Answered(answer.status, answer.content, answer.headers)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()


def _unanswered(asked: Asked, reason: Exception) -> str:
    return f"the payment service did not answer {asked.method} {asked.path}: {reason}"
