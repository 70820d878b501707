"""Answers of suppliers, of whatever status: read strictly, and classified as errors.

Whether a call that failed can have had an effect is settled here for all suppliers (reliability.md
rule 1): an answer that cannot be relied on is ``UnknownOutcome`` where the request may have changed
the supplier's state, and ``Retryable`` where it only read.
"""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable, UnknownOutcome
from models.core.money import Money

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


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer that came: whatever its status, and whether or not its body can be read."""

    provider: str
    operation: str
    changes: bool
    """The request may have changed the supplier's state."""
    status: int
    request_id: str | None = None

    @property
    def ok(self) -> bool:
        """The supplier says that it did what was asked."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> dt.timedelta | None:
        """How long the supplier asks to wait, where it says so in seconds."""
        return None

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

    def money(self, value: Decimal | str, currency: str) -> Money:
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


@dataclass(frozen=True, kw_only=True)
class JsonAnswer(Answer):
    """An answer to a request of :class:`suppliers.core.http.JsonClient`."""

    content: bytes
    headers: Mapping[str, str]

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

    @property
    def retry_after(self) -> dt.timedelta | None:
        """How long the supplier asks to wait, where it says so in seconds."""
        return pause_in(self.headers.get("Retry-After"))

    @property
    def rate_used_up(self) -> dt.timedelta | None:
        """For how long no further request is allowed, where the supplier counts them for us.

        ``RateLimit-Remaining: 0`` with ``RateLimit-Reset`` in seconds (Viator: a rolling 10 s).
        """
        if self.status == 429:
            return self.retry_after
        if self.headers.get("RateLimit-Remaining", "").strip() != "0":
            return None
        return pause_in(self.headers.get("RateLimit-Reset"), _MAX_RESET)

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


def pause_in(text: str | None, most: float = _MAX_RETRY_AFTER) -> dt.timedelta | None:
    """Return a pause that a header states in seconds, at most ``most``; None if it is none."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(seconds) else dt.timedelta(seconds=min(max(seconds, 0.0), most))
