"""Local time at a venue as UTC, and what a slot keeps others from. No I/O."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from models.core.domain_errors import DomainError
from models.core.venues import VenueSlot
from models.reservations.policy import VenuePolicy


class TimeDoesNotExist(DomainError):
    """The clocks of the venue are put forward over this time.

    Attributes:
        following: the next local time that exists.
    """

    def __init__(self, asked: dt.datetime, following: dt.datetime) -> None:
        super().__init__(f"there is no {asked:%H:%M} on {asked.date()}")
        self.following = following


class OffsetDoesNotFit(DomainError):
    """The venue's clock does not have this offset to UTC at this time.

    Attributes:
        offsets: those it has.
    """

    def __init__(self, offsets: Sequence[dt.timedelta]) -> None:
        super().__init__("the venue's clock has another offset to UTC at that time")
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


def blocked(policy: VenuePolicy, slot: VenueSlot) -> tuple[dt.datetime, dt.datetime]:
    """Return from when to when a slot keeps others away: with the venue's buffers."""
    before = dt.timedelta(minutes=policy.buffer_before_minutes)
    after = dt.timedelta(minutes=policy.buffer_after_minutes)
    return slot.starts_at - before, slot.ends_at + after


def slot_of(policy: VenuePolicy, slot: VenueSlot) -> tuple[dt.datetime, dt.datetime]:
    """Return when the venue's slot begins in which a visit does, and when the next one does."""
    length = dt.timedelta(minutes=policy.slot_minutes)
    midnight = slot.local.replace(hour=0, minute=0, tzinfo=None)
    begins = slot.starts_at - (slot.local.replace(tzinfo=None) - midnight) % length
    return begins, begins + length


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
