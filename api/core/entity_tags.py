"""Answers that a caller may have already: ``ETag`` and ``If-None-Match`` (RFC 9110)."""

import hashlib
import re
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


def versioned(version: int, body: bytes) -> Tagged:
    """Return JSON with a tag of a version, behind which it says more that may change by itself."""
    return Tagged(body, f'"{version}-{hashlib.sha256(body).hexdigest()[:12]}"')


def version_of(given: str) -> int | None:
    """Return the version that tags of ``versioned``, or a version alone, name; None: not just one.

    What a change is made of is the version: that something else is told since is no obstacle, nor
    is what a proxy made of the tag, which may be weak or longer (``W/"5-1f0c…-gzip"``).
    """
    if _VERSION.fullmatch(given.strip()):
        return int(given)
    if not _TAGS.fullmatch(given):
        return None
    versions = {int(found[1]) for found in _VERSIONED.finditer(given)}
    return versions.pop() if len(versions) == 1 else None


_VERSION = re.compile(r"[0-9]{1,9}")
_TAG = r'(?:W/)?"[^"\x00-\x20\x7f]*"'  # RFC 9110, 8.8.3
_TAGS = re.compile(rf"[ \t]*{_TAG}(?:[ \t]*,[ \t]*{_TAG})*[ \t]*")
_VERSIONED = re.compile(r'"([0-9]{1,9})(?:-[^"]*)?"(?=[ \t]*(?:,|$))')


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
