"""When an endpoint is tried again (record-and-marketplace.md §5.5)."""

import datetime as dt
import random
import re
from email.utils import parsedate_to_datetime

SCHEDULE = (
    dt.timedelta(),
    dt.timedelta(seconds=5),
    dt.timedelta(minutes=5),
    dt.timedelta(minutes=30),
    *(dt.timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""How long each attempt comes after the one before it."""
SPREAD = 0.2
"""Each pause is longer or shorter by at most this part of it, so that not all come together."""
LONGEST_WAIT = dt.timedelta(hours=24)
"""What a receiver asks for by ``Retry-After`` is kept up to this."""
ASKS_TO_WAIT = frozenset({429, 503})

DISABLED_AFTER = dt.timedelta(days=5)
"""After so long without a success an endpoint is disabled."""
APART = dt.timedelta(hours=12)
"""At least one further failure must have come so long after the first."""


def pause_after(attempts: int, retry_after: dt.timedelta | None) -> dt.timedelta | None:
    """Return how long to wait after so many attempts; None: that was the last one."""
    if attempts >= len(SCHEDULE):
        return None
    pause = SCHEDULE[attempts] * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311
    if retry_after is None:
        return pause
    return max(pause, min(retry_after, LONGEST_WAIT))


def retry_after(status: int | None, value: str | None) -> dt.timedelta | None:
    """Return how long a receiver asks us to wait (RFC 9110, 10.2.3); None: it does not."""
    if status not in ASKS_TO_WAIT or value is None:
        return None
    value = value.strip()
    if re.fullmatch("[0-9]{1,9}", value):
        return dt.timedelta(seconds=int(value))
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max(until - dt.datetime.now(dt.UTC), dt.timedelta())
