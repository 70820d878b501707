"""Local time as UTC: what a clock on a wall shows, and when it does (no I/O)."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from models.core.domain_errors import DomainError


class TimeDoesNotExist(DomainError):
    """The clocks there are put forward over this time.

    Attributes:
        following: the next local time that exists.
    """

    def __init__(self, asked: dt.datetime, following: dt.datetime) -> None:
        super().__init__(f"there is no {asked:%H:%M} on {asked.date()}")
        self.following = following


class OffsetDoesNotFit(DomainError):
    """The clock there does not have this offset to UTC at this time.

    Attributes:
        offsets: those it has.
    """

    def __init__(self, offsets: Sequence[dt.timedelta]) -> None:
        super().__init__("the clock there has another offset to UTC at that time")
        self.offsets = tuple(offsets)


def utc_of(
    date: dt.date, time: dt.time, zone: str, offset: dt.timedelta | None = None
) -> dt.datetime:
    """Return the moment of a local time (UTC).

    Of a time that exists twice it is the first, unless ``offset`` (to UTC) names the second.

    Raises:
        TimeDoesNotExist: the clocks are put forward over it.
        OffsetDoesNotFit: the clock never shows this time with that offset.
    """
    local = dt.datetime.combine(date, time, ZoneInfo(zone))
    moments = [local.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1)]
    shown = [moment for moment in moments if reads(moment, local, zone)]
    if not shown:
        raise TimeDoesNotExist(local.replace(tzinfo=None), _next_local(moments, zone))
    if offset is None:
        return shown[0]
    offsets = {_offset(moment, zone): moment for moment in shown}
    if offset not in offsets:
        raise OffsetDoesNotFit(sorted(offsets))
    return offsets[offset]


def reads(moment: dt.datetime, local: dt.datetime, zone: str) -> bool:
    """Tell whether a clock in the zone shows ``local`` at that moment."""
    shown = moment.astimezone(ZoneInfo(zone))
    return shown.replace(tzinfo=None) == local.replace(tzinfo=None, fold=0)


def _offset(moment: dt.datetime, zone: str) -> dt.timedelta:
    return moment.astimezone(ZoneInfo(zone)).utcoffset() or dt.timedelta(0)


def _next_local(moments: Sequence[dt.datetime], zone: str) -> dt.datetime:
    """Return the local time right after a gap; the readings of a time in it are on both sides."""
    low, high = min(moments), max(moments)
    before = _offset(low - dt.timedelta(days=1), zone)
    while high - low > dt.timedelta(seconds=1):
        middle = low + (high - low) / 2
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
