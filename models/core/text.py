"""Text that comes from outside: what can be stored, sent and shown."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StringConstraints
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

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


HELD: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""``CONTROLS``, as they stand in a pattern."""
_LINE: Final = rf"\t\n{HELD}"

ANY_LINE: Final = rf"^[^{_LINE}]*$"
LINE: Final = rf"^[^{_LINE}]*[^\s{_LINE}][^{_LINE}]*$"
PATH_LINE: Final = rf"^[^/\\{_LINE}]*[^/\\\s{_LINE}][^/\\{_LINE}]*$"
"""A line that can be part of a path: no slash, as ``api.core.edge`` lets none in."""
ANY_LINES: Final = rf"^[^{HELD}]*$"
LINES: Final = rf"^[^{HELD}]*[^\s{HELD}][^{HELD}]*$"


@dataclass(frozen=True)
class Described:
    """States for callers what ``models.core.incoming`` lets in; models do not check it again.

    They read the record, too (decision 49).
    """

    some: str
    """The pattern of text that may not be blank."""
    any: str
    """The pattern of text that may."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with a pattern, unless the field has one that says more."""
        found = handler(schema)
        if found.get("pattern") in (None, STORABLE):
            found["pattern"] = self.some if found.get("minLength") else self.any
        return found


STORABLE: Final = r"^[^\x00]*$"
"""PostgreSQL text has no NUL. Lone surrogates are no text to pydantic (reliability.md S8)."""

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=STORABLE), Described(LINE, ANY_LINE)
]
"""Text that can be stored and sent: no NUL, no lone surrogates, trimmed. One line, from callers."""

Prose = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=STORABLE), Described(LINES, ANY_LINES)
]
"""The same of several lines: notes and reasons."""

Name = Annotated[Text, Field(min_length=1, max_length=120)]

EMAIL: Final = rf"^[^@\s{HELD}]+@[^@\s{HELD}]+\.[^@\s{HELD}]+$"
Email = Annotated[Text, Field(max_length=254, pattern=EMAIL)]

PHONE: Final = r"^\+?[0-9(][0-9 ()./-]*[0-9]$"
Phone = Annotated[Text, Field(min_length=4, max_length=32, pattern=PHONE)]

COUNTRY: Final = "^[A-Za-z]{2}$"
CAPITAL_COUNTRY: Final = "^[A-Z]{2}$"
Country = Annotated[Text, Field(pattern=COUNTRY, description="ISO 3166-1 alpha-2.")]

SIX_DIGITS: Final = "^[0-9]{6}$"
CLIENT: Final = "^[A-Za-z0-9_-]{22,128}$"
TAG: Final = "^[a-z0-9][a-z0-9_-]{0,39}$"
ACCOUNT: Final = "^[A-Za-z0-9_-]+$"
LOCALE: Final = "^[a-z]{2}(-[A-Z]{2})?$"

SUPPLIER: Final = "^[a-z][a-z0-9_]*$"
PAYMENT_METHOD: Final = "^[A-Za-z0-9_]+$"

PaymentMethodId = Annotated[
    Text,
    Field(
        max_length=100,
        pattern=PAYMENT_METHOD,
        description="The gateway's id of a payment method; never card data.",
    ),
]

FORMS: Final[Mapping[str, str]] = {
    STORABLE: "must not hold the NUL character",
    ANY_LINE: "must be one line of text, without control characters",
    EMAIL: "must be an e-mail address such as ada@example.com",
    PHONE: "must be a phone number such as +1 212 555 0123",
    COUNTRY: "must be a country's two letters such as US",
    CAPITAL_COUNTRY: "must be a country's two capital letters such as US",
    SIX_DIGITS: "must be six digits such as 048113",
    CLIENT: "must be 22 to 128 random characters: letters, digits, - and _",
    TAG: "must be a short name in lower case such as air_conditioning",
    ACCOUNT: "must be the gateway's id of an account such as acct_1Q2w3E",
    LOCALE: "must be a language such as en or de-AT",
    SUPPLIER: "must be a supplier's name such as booking_com",
    PAYMENT_METHOD: "must be the gateway's id of a payment method such as pm_card_visa",
}
"""What text has to be, by the pattern it does not fit; for people."""

Key = Annotated[Text, Field(min_length=1, max_length=200)]


class CamelModel(BaseModel):
    """A message at the HTTP edge: camelCase JSON, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", str_max_length=10_000
    )
