"""How much of a booking's time suppliers and gateway took, out of the attempt log.

A booking waits for a call from its intent's row (``started_at``) to its outcome's
(``finished_at``); calls side by side are waited for once, so the intervals' union counts. It
includes the adapters and half of the attempt log's own work, so what is called overhead is never
too little by more than that. Quotes leave no rows: their time is measured beside (way ``plain``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

import psycopg

Interval = tuple[dt.datetime, dt.datetime]


def supplier_seconds(database_url: str, booking_ids: list[str]) -> dict[str, float]:
    """Return the seconds of provider calls on each booking's way."""
    intervals: dict[str, list[Interval]] = defaultdict(list)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT booking_id::text, started_at, finished_at FROM attempts"
            " WHERE booking_id = ANY(%s::uuid[]) AND finished_at IS NOT NULL",
            [booking_ids],
        )
        for booking_id, started, finished in rows:
            intervals[booking_id].append((started, finished))
    return {booking_id: union(found) for booking_id, found in intervals.items()}


def union(intervals: Iterable[Interval]) -> float:
    """Return the seconds that at least one of the intervals covers."""
    total = dt.timedelta()
    until: dt.datetime | None = None
    for start, end in sorted(intervals):
        if until is None or start > until:
            total += end - start
            until = end
        elif end > until:
            total += end - until
            until = end
    return total.total_seconds()
