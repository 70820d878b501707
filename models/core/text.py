"""Text that comes from outside: what can be stored, sent and shown."""

import json
import re
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What steers a terminal or turns text around; tab and line feed are none (Unicode: Cc, Zl, Zp,
and the embeddings, overrides and isolates of UAX 9)."""


def visible(text: str) -> str:
    """Return text as it may be written on a terminal, a page or in a log: controls escaped."""
    return CONTROLS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def storable(text: str) -> str:
    """Return text as PostgreSQL and UTF-8 can hold it: NUL and lone surrogates become U+FFFD.

    For what suppliers and gateways say. What callers send is refused instead (``Text``).
    """
    if text.isascii():
        return text.replace("\x00", "\ufffd")
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\x00", "\ufffd")


def storable_json(value: Any) -> Any:
    """Return a copy of a JSON value whose every text, names included, is storable."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable_json(name): storable_json(inner) for name, inner in value.items()}
        case list() | tuple():
            return [storable_json(inner) for inner in value]
    return value


def storable_dump(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """Return a value as JSON whose every text is storable; ``default`` as in ``json.dumps``."""
    text = json.dumps(value, default=default)
    # Looked for first, for it is rare: JSON escapes what is not ASCII.
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(storable_json(value), default=default)
    return text


def _clean(text: str) -> str:
    # PostgreSQL text has no NUL, and UTF-8 has no lone surrogates (reliability.md S8).
    if "\x00" in text:
        raise ValueError("must not contain the NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("must not contain lone surrogates") from error
    return text.strip()


Text = Annotated[str, AfterValidator(_clean)]
"""Text that can be stored and sent: no NUL, no lone surrogates, trimmed."""

Name = Annotated[Text, Field(min_length=1, max_length=120)]

Email = Annotated[
    Text, Field(min_length=3, max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+\.[^@\s\x00]+$")
]

Phone = Annotated[Text, Field(min_length=4, max_length=32, pattern=r"^\+?[0-9 ()./-]+$")]

Key = Annotated[Text, Field(min_length=1, max_length=200)]


class CamelModel(BaseModel):
    """A message at the HTTP edge: camelCase JSON, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", str_max_length=10_000
    )
