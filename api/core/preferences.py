"""How long a caller wants to wait for the end: ``Prefer`` (RFC 7240) or ``?wait=``.

And the answer when that was not long enough.
"""

import re
from typing import Annotated

from fastapi import Depends, Header, Query, Response

from api.core.context import Context

LONGEST_WAIT = 120.0
"""Seconds; what most proxies on the way stand at most."""

_WAIT = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)


def seconds_to_wait(prefer: str, wait: int | None, default: float) -> float:
    """Return the seconds to wait. What ``prefer`` says that we do not know is ignored.

    ``respond-async`` alone means not to wait; with ``wait=N`` it means to wait so long first.
    """
    seconds = default
    preferences = [part.strip() for part in prefer.split(",")]
    if any(part.partition(";")[0].strip().lower() == "respond-async" for part in preferences):
        seconds = 0.0
    for part in preferences:
        if (found := _WAIT.match(part)) is not None:
            seconds = float(found.group(1))
            break
    if wait is not None:
        seconds = float(wait)
    return min(seconds, LONGEST_WAIT)


async def _patience(
    context: Context,
    prefer: Annotated[
        str,
        Header(
            description="`respond-async` to be answered at once, `wait=N` to wait at most N"
            " seconds for the end (at most 120).",
            examples=["respond-async", "wait=10"],
        ),
    ] = "",
    wait: Annotated[
        int | None,
        Query(ge=0, le=1_000_000, description="Wait at most so many seconds for the end."),
    ] = None,
) -> float:
    return seconds_to_wait(prefer, wait, context.settings.book_wait_seconds)


Patience = Annotated[float, Depends(_patience)]


def accepted(response: Response, status_url: str | None) -> None:
    """Answer 202 with where to ask, if there is such a place: it has not ended yet."""
    if status_url:
        response.status_code = 202
        response.headers["Location"] = status_url
