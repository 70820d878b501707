"""Answers of suppliers, of whatever status: read strictly, and classified as errors.

Whether a call that failed can have had an effect is settled here for all suppliers (reliability.md
rule 1): an answer that cannot be relied on is ``UnknownOutcome`` where the request may have changed
the supplier's state, and ``Retryable`` where it only read.
"""

import contextlib
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    NaiveDatetime,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable, UnknownOutcome
from models.core.money import Money
from models.core.pauses import asked_pause, pause_in

_MAX_RESET: Final = 60.0

Model = TypeVar("Model", bound="Message")
Value = TypeVar("Value")
Failure = TypeVar("Failure", bound=ProviderError)


def _number(value: object) -> Decimal:
    # A string or a boolean where the supplier publishes a number is not what it published.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number")
    return Decimal(str(value))


Amount = Annotated[Decimal, BeforeValidator(_number)]
"""A JSON number of major units, read by its shortest decimal representation."""


def _iso(value: object) -> object:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value


def _wall(value: object) -> object:
    read = _iso(value)
    return read.replace(tzinfo=None) if isinstance(read, dt.datetime) else read


Moment = Annotated[AwareDatetime, BeforeValidator(_iso)]
"""An ISO 8601 time with its zone."""


def _clock(value: object) -> object:
    return dt.time.fromisoformat(value).replace(tzinfo=None) if isinstance(value, str) else value


Clock = Annotated[dt.time, BeforeValidator(_clock)]
"""A time of day ("15:00", "15:00:00") as a clock on the wall there shows it."""

LocalTime = Annotated[NaiveDatetime, BeforeValidator(_wall)]
"""An ISO 8601 time as a clock on the wall there shows it; an offset it may carry is left out."""


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> object:
    try:
        return read(value)
    except ValidationError:
        return None


def _readable(value: object, read: ValidatorFunctionWrapHandler) -> object:
    found: list[object] = []
    for one in value if isinstance(value, list) else ():
        with contextlib.suppress(ValidationError):
            found += read([one])
    return found


Loose = Annotated[Value | None, WrapValidator(_or_none)]
"""Something an adapter can do without: null, of another form or of an unknown kind, it is None.

A field of this type has None as its default, so that its absence means the same. Times in it are
:data:`Moment`, :data:`LocalTime` or :data:`Clock`: strict ones of pydantic are not read behind such
a validator.
"""

LooseList = Annotated[list[Value], WrapValidator(_readable)]
"""A list an adapter can do without: whatever is no list is empty, what cannot be read left out."""


def first_fault(error: ValidationError) -> str:
    """Say which field of a message is wrong first, and how; never what was in it."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}"


class Message(BaseModel):
    """What a supplier says: fields we do not use are ignored, wrong types of others are refused.

    What is declared without :data:`Loose` is what an adapter needs: without it an answer cannot be
    read, and the error names it.
    """

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

    def malformed(self, model: type[BaseModel], error: Exception) -> ProviderError:
        """Return the error for a body that lacks what we need, by the name of what it lacks."""
        name = model.__name__.strip("_")
        fault = first_fault(error) if isinstance(error, ValidationError) else "nested too deeply"
        return self.unsettled(
            f"{self.provider} answered {self.status} with a body that is not the published {name}:"
            f" {fault}",
            code="malformed_answer",
        )

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

    def stated(self, value: Decimal | str, currency: str) -> Money | None:
        """Read an amount that we can do without; None where it is none of that currency."""
        try:
            return Money.from_decimal(value, currency)
        except ValueError:
            return None


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
            raise self.malformed(model, error) from error

    def peek(self, model: type[Model]) -> Model | None:
        """Read the body as ``model``, or return None when it is something else."""
        try:
            return model.model_validate_json(self.content)
        except (ValidationError, RecursionError):
            return None

    @property
    def retry_after(self) -> dt.timedelta | None:
        """How long the supplier asks to wait, in whatever form; see :func:`asked_pause`."""
        return asked_pause(self.status, self.headers)

    @property
    def rate_used_up(self) -> dt.timedelta | None:
        """For how long no further request is allowed, where the supplier counts them for us.

        ``RateLimit-Remaining: 0`` with ``RateLimit-Reset`` in seconds (Viator: a rolling 10 s).
        """
        if self.status == 429:
            return self.retry_after
        if self.headers.get("RateLimit-Remaining", "").strip() != "0":
            return None
        return pause_in(self.headers.get("RateLimit-Reset"), self.headers.get("Date"), _MAX_RESET)

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
