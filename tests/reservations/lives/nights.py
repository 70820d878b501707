"""Nights in which clocks are changed, and what they show: reckoned from UTC, minute by minute."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

_QUARTER = dt.timedelta(minutes=15)


@dataclass(frozen=True)
class Night:
    """A place on earth, and the moment at which its clocks are changed."""

    zone: str
    change: dt.datetime
    """UTC."""

    def __repr__(self) -> str:
        return f"{self.zone} {self.change.date()}"

    @cached_property
    def shown(self) -> dict[dt.datetime, list[dt.datetime]]:
        """Of each quarter that the clock shows around the change: its moments, one or two."""
        found: dict[dt.datetime, list[dt.datetime]] = {}
        moment = self.change - dt.timedelta(days=3)
        while moment < self.change + dt.timedelta(days=3):
            local = moment.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None, fold=0)
            found.setdefault(local, []).append(moment)
            moment += _QUARTER
        return found

    def wall(self, quarters: int) -> dt.datetime:
        """Return a local time: so many quarters after the one at which clocks are changed."""
        before = self.change.astimezone(dt.UTC) - _QUARTER
        local = before.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None, fold=0)
        return local + _QUARTER * (quarters + 1)


def _utc(month: int, day: int, hour: int) -> dt.datetime:
    return dt.datetime(2027, month, day, hour, tzinfo=dt.UTC)


NIGHTS = [
    Night("Europe/Berlin", _utc(3, 28, 1)),
    Night("Europe/Berlin", _utc(10, 31, 1)),
    Night("America/New_York", _utc(3, 14, 7)),
    Night("America/New_York", _utc(11, 7, 6)),
    # by half an hour
    Night("Australia/Lord_Howe", _utc(4, 3, 15)),
    Night("Australia/Lord_Howe", dt.datetime(2027, 10, 2, 15, 30, tzinfo=dt.UTC)),
]
