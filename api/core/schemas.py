"""What all answers are made of, and what whoever runs this is answered."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

LARGEST = 2**53 - 1
"""The largest number that every JSON reader keeps exactly (RFC 8259, 6)."""


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
