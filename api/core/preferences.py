"""How long a caller wants to wait for the end: ``Prefer`` (RFC 7240) or ``?wait=``.

And the answer when that was not long enough.
"""

import re
from typing import Annotated

from fastapi import Depends, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

from api.core.context import Context

LONGEST_WAIT = 120.0
"""Seconds; what most proxies on the way stand at most."""

Wait = Annotated[int, Field(ge=0, le=1_000_000)]
"""Seconds, as a query gives them."""

_AS_WAIT: TypeAdapter[int] = TypeAdapter(Wait)
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
        Wait | None, Query(description="Wait at most so many seconds for the end.")
    ] = None,
) -> float:
    return seconds_to_wait(prefer, wait, context.settings.book_wait_seconds)


Patience = Annotated[float, Depends(_patience)]


def wanted(request: Request, default: float) -> float:
    """Return how many seconds the caller wants to wait, before the route reads its parameters.

    Raises:
        RequestValidationError: ``wait`` is none; the route itself would say the same.
    """
    given = request.query_params.get("wait")
    try:
        wait = None if given is None else _AS_WAIT.validate_python(given)
    except ValidationError as error:
        where = ("query", "wait")
        raise RequestValidationError([{**e, "loc": where} for e in error.errors()]) from error
    return seconds_to_wait(request.headers.get("Prefer", ""), wait, default)


def accepted(response: Response, status_url: str | None) -> None:
    """Answer 202 with where to ask, if there is such a place: it has not ended yet."""
    if status_url:
        response.status_code = 202
        response.headers["Location"] = status_url
