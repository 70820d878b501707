"""What bodies of the routes in snake_case are made of."""

import datetime as dt
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from api.core.idempotency import IdempotencyKey
from models.core.money import WHOLE

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


def _clock(given: Any) -> Any:
    if isinstance(given, dt.time) or (isinstance(given, str) and _CLOCK.fullmatch(given)):
        return given
    raise ValueError("must be a time such as 19:30")


LocalTime = Annotated[
    dt.time,
    BeforeValidator(_clock),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
"""On the clock at a wall there."""

KeyField = Annotated[
    IdempotencyKey | None, Field(description="In place of the header Idempotency-Key.")
]

Version = Annotated[int, Field(ge=1, le=2_147_483_647, strict=True), WHOLE]
"""Of what the request is about, as its caller has seen it."""


class Body(BaseModel):
    """A message at the HTTP edge."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


SAME: Any = Field(default=None, json_schema_extra=_without_default)
"""Absent: unchanged. Null is refused, or the field's own type says what it means."""
