"""Ids in the paths of requests: data, whoever sent them (offers, suppliers' answers, operators)."""

import re
from typing import Final
from urllib.parse import quote, unquote

from models.core.errors import InvalidRequest

_LONGEST: Final = 1_000
_ENCODED: Final = re.compile(r"(?:[\w.~!$&'()*+,=:@-]|%[0-9A-F]{2})+", re.ASCII | re.IGNORECASE)
"""A segment as it stands in a path (RFC 3986, ``pchar``, without parameters behind a ``;``)."""


def segment(identifier: str, *, provider: str, operation: str, encoded: bool = False) -> str:
    """Return an id as one segment of a path, which it cannot leave or change.

    What percent-encoding does not keep inside a segment everywhere is refused: slashes and the
    like, which servers and proxies in between may decode before they route, and dot segments,
    which have no encoded form (RFC 3986, 6.2.2). No supplier has ids of that kind.

    Args:
        identifier: as it was told.
        provider: whom it is sent to, for the error.
        operation: what is asked of it, for the error.
        encoded: it is percent-encoded already, and is returned as it came (Amadeus' orders).

    Raises:
        InvalidRequest: no id looks like this; nothing was asked.
    """
    plain = unquote(identifier) if encoded else identifier
    fits = bool(identifier) and len(identifier) <= _LONGEST and plain.isprintable()
    if encoded:
        # What is encoded in it may hold slashes (base64), but lead nowhere else.
        parts = re.split(r"[/\\]", plain)
        fits = fits and _ENCODED.fullmatch(identifier) is not None and not set("?#%;") & set(plain)
    else:
        parts = [plain]
        fits = fits and not set("/\\?#%;") & set(plain)
    if not fits or any(part.startswith(".") for part in parts):
        raise InvalidRequest(
            f"{identifier[:100]!r} is no id of {provider}", provider=provider, operation=operation
        )
    return identifier if encoded else quote(identifier, safe="")
