"""How long an answer asks to wait: suppliers and gateways say it in several forms."""

import datetime as dt
import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

_MAX_RETRY_AFTER: Final = 600.0
_EPOCH: Final = 1e9
"""A larger number is no pause in seconds but a moment in Unix time."""
_RESETS: Final = ("RateLimit-Reset", "X-RateLimit-Reset")


def asked_pause(status: int, headers: Mapping[str, str]) -> dt.timedelta | None:
    """Return how long an answer asks to wait, at most 10 minutes; None where it does not say.

    ``Retry-After`` (RFC 9110 §10.2.3: seconds, or an HTTP date) says so first. Of a 429 without it
    a reset header tells (``RateLimit-Reset``, ``X-RateLimit-Reset``: seconds, an HTTP date as
    Duffel writes it, or Unix time).

    Args:
        status: the answer's HTTP status.
        headers: of the answer, found whatever their case.
    """
    names = ("Retry-After", *_RESETS) if status == 429 else ("Retry-After",)
    now = headers.get("Date")
    waits = (pause_in(headers.get(name), now) for name in names)
    return next((wait for wait in waits if wait is not None), None)


def pause_in(
    text: str | None, now: str | None = None, most: float = _MAX_RETRY_AFTER
) -> dt.timedelta | None:
    """Return a pause that a header states, at most ``most`` seconds; None if it is none.

    Args:
        text: seconds, an HTTP date, or Unix time in seconds.
        now: the answer's ``Date``: a moment is one of the server's clock, not of ours.
        most: seconds.
    """
    try:
        seconds = float(text or "")
    except ValueError:
        until = _moment(text)
        if until is None:
            return None
        seconds = (until - (_moment(now) or dt.datetime.now(dt.UTC))).total_seconds()
    if _EPOCH < seconds < math.inf:
        seconds -= (_moment(now) or dt.datetime.now(dt.UTC)).timestamp()
    return None if math.isnan(seconds) else dt.timedelta(seconds=min(max(seconds, 0.0), most))


def _moment(text: str | None) -> dt.datetime | None:
    """Read an HTTP date; None if it is none."""
    try:
        read = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=dt.UTC)
