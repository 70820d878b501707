"""Moments that nobody asks for by the clock: deadlines, arrivals, departures. No I/O."""

import datetime as dt

from models.core.local_times import TimeDoesNotExist, utc_of


def next_moment(local: dt.datetime, zone: str) -> dt.datetime:
    """Return the moment of a local time (UTC): of two the first; of none, of the next there is."""
    try:
        return utc_of(local.date(), local.time(), zone)
    except TimeDoesNotExist as skipped:
        return utc_of(skipped.following.date(), skipped.following.time(), zone)
