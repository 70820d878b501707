"""Amadeus' answers of whatever status, and what their error codes mean (providers.md §2)."""

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from models.core.errors import (
    AuthConfig,
    Declined,
    InvalidRequest,
    PriceChanged,
    ProviderError,
    Refusal,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from suppliers.core.answers import Answer, Model

NAME: Final = "amadeus"


_BY_CODE: Final[dict[str, type[Refusal]]] = {
    "37200": PriceChanged,
    "34651": Unavailable,
    "38034": Unavailable,
    "34107": Unavailable,
    "477": InvalidRequest,
    "2781": InvalidRequest,
    "2668": InvalidRequest,
    "4926": InvalidRequest,
    "32171": InvalidRequest,
    "1304": Declined,
    "34733": Declined,
    "38190": AuthConfig,
    "38191": AuthConfig,
    "38192": AuthConfig,
    "38193": AuthConfig,
    "39683": AuthConfig,
    "39686": AuthConfig,
    # "Resource not found": there is no such endpoint. A wrong or closed host says so of everything.
    "38196": AuthConfig,
}
"""The error table of providers.md §2, as far as a code decides."""

_FOR_A_PERSON: Final = frozenset({"36870", "9112"})
"""BOOKING FAILED and TICKETING: an order may be there all the same ("check by operator")."""

_NO_ENDPOINT: Final = frozenset({None, "38196"})
_SERVER_ERROR: Final = "38189"
_QUOTA: Final = frozenset({"38194", "38195"})


@dataclass(frozen=True)
class Issue:
    """One entry of Amadeus' list of errors."""

    code: str | None
    text: str
    pointer: str | None = None
    """What it is about in our request: a JSON Pointer."""


@dataclass(frozen=True, kw_only=True)
class ApiAnswer(Answer):
    """An answer of whatever status; ``body`` is None when it is not a JSON object."""

    provider: str = NAME
    body: dict[str, Any] | None
    pause: dt.timedelta | None = None
    """How long Amadeus asks to wait."""

    @property
    def retry_after(self) -> dt.timedelta | None:
        """How long Amadeus asks to wait."""
        return self.pause

    @property
    def finds_nothing(self) -> bool:
        """Amadeus itself finds nothing under this id (code 1797, or another of a 404's).

        It names no order, and says the same of a wrongly built path: no proof that one is gone.
        """
        return self.status == 404 and any(issue.code not in _NO_ENDPOINT for issue in self.issues)

    @property
    def issues(self) -> list[Issue]:
        """Amadeus' own errors; empty when the answer is not one of its error answers."""
        listed = (self.body or {}).get("errors")
        return [
            Issue(
                code=_code(issue.get("code")),
                text=": ".join(str(issue[k]) for k in ("title", "detail") if issue.get(k)),
                pointer=_pointer(issue.get("source")),
            )
            for issue in (listed if isinstance(listed, list) else [])
            if isinstance(issue, dict)
        ]

    def parse(self, model: type[Model]) -> Model:
        """Read the body as ``model``.

        Raises:
            UnknownOutcome, Retryable: it is not the published shape; see :meth:`unsettled`.
        """
        try:
            return model.model_validate(self.body)
        except ValidationError as error:
            raise self.malformed(model, error) from error


def _code(code: object) -> str | None:
    """Return an error code; it comes as a number or, of the gateway, as a string of digits."""
    if isinstance(code, str):
        return code.strip() or None
    return str(code) if type(code) is int else None


def _pointer(source: object) -> str | None:
    pointer = source.get("pointer") if isinstance(source, dict) else None
    return pointer if isinstance(pointer, str) else None


def failure(answer: ApiAnswer) -> ProviderError:
    """Return the error for an answer that is not a success (providers.md §2, table)."""
    issue = next(iter(answer.issues), None)
    code = issue.code if issue is not None else None
    text = issue.text if issue is not None and issue.text else f"status {answer.status}"
    message = f"Amadeus: {text}"
    if answer.status == 429 or code in _QUOTA:
        return answer.failure(Retryable, message, code=code, retry_after=answer.retry_after)
    if answer.status in (401, 403):
        return answer.failure(AuthConfig, message, code=code)
    if not 400 <= answer.status < 500 or answer.status == 408 or code == _SERVER_ERROR:
        return answer.unsettled(message, code=code)
    if issue is None:
        # Not an error answer of Amadeus': something in between answered, or the address is wrong.
        if answer.changes:
            return answer.unsettled(message)
        return answer.failure(AuthConfig, message)
    if answer.changes and code in _FOR_A_PERSON:
        return answer.failure(UnknownOutcome, f"{message}; check in the back office", code=code)
    unknown = AuthConfig if answer.status == 404 and code is None else InvalidRequest
    return answer.failure(_BY_CODE.get(code or "", unknown), message, code=code)
