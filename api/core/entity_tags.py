"""Answers that a caller may have already: ``ETag`` and ``If-None-Match`` (RFC 9110)."""

import hashlib
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "As in the answer whose `ETag` came as `If-None-Match`."},
}
"""For the description of routes that answer by :func:`answered`."""


@dataclass(frozen=True)
class Tagged:
    """JSON as it is answered, with its entity tag."""

    body: bytes
    tag: str


def tagged(body: bytes) -> Tagged:
    """Return JSON with a tag made of what it says."""
    return Tagged(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def tag_of(version: int) -> str:
    """Return the tag of something that is told by its version."""
    return f'"{version}"'


def answered(request: Request, told: Tagged) -> Response:
    """Return JSON with its entity tag, or 304 without it when the caller has this very answer."""
    headers = {"ETag": told.tag}
    if _has(request.headers.get("if-none-match", ""), told.tag):
        return Response(status_code=304, headers=headers)
    return Response(told.body, media_type="application/json", headers=headers)


def _has(known: str, tag: str) -> bool:
    """Tell whether a list of entity tags names ``tag``; weak ones count (RFC 9110, 13.1.2)."""
    tags = [one.strip().removeprefix("W/") for one in known.split(",")]
    return "*" in tags or tag in tags
