"""What all answers are made of, and what whoever runs this is answered."""

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _moment(given: Any) -> Any:
    if isinstance(given, dt.datetime) or (isinstance(given, str) and _MOMENT.fullmatch(given)):
        return given
    raise ValueError("must be a date and time with its zone, such as 2031-03-01T09:00:00Z")


def _day(given: Any) -> Any:
    if isinstance(given, dt.date) or (isinstance(given, str) and _DAY.fullmatch(given)):
        return given
    raise ValueError("must be a date such as 2031-03-01")


Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A moment as RFC 3339 writes it; pydantic alone takes numbers as well."""
Day = Annotated[dt.date, BeforeValidator(_day)]
"""A day as RFC 3339 writes it."""


class Answer(BaseModel):
    """A part of an answer: camelCase JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Check(Answer):
    """Whether a dependency answers."""

    ok: bool
    ms: float
    detail: str


class Readiness(Answer):
    """Whether the API can do its work."""

    ready: bool
    checks: dict[str, Check]


class Alive(Answer):
    """The process runs."""

    status: str = "ok"
