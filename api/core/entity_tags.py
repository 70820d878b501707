"""Answers that a caller may have already: ``ETag`` and ``If-None-Match`` (RFC 9110)."""

import hashlib
from typing import Any

from fastapi import Request, Response

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "As in the answer whose `ETag` came as `If-None-Match`."},
}
"""For the description of routes that answer by :func:`answered` or :func:`not_modified`."""


def answered(request: Request, body: bytes) -> Response:
    """Return JSON with its entity tag, or 304 without it when the caller has this very answer."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    found = not_modified(request, tag)
    return found or Response(body, media_type="application/json", headers={"ETag": tag})


def not_modified(request: Request, tag: str) -> Response | None:
    """Return 304 when the caller has the answer of this entity tag already, else None."""
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers={"ETag": tag})
    return None


def _has(known: str, tag: str) -> bool:
    """Tell whether a list of entity tags names ``tag``; weak ones count (RFC 9110, 13.1.2)."""
    tags = [one.strip().removeprefix("W/") for one in known.split(",")]
    return "*" in tags or tag in tags
