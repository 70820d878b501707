"""Local time and real time at a venue, both changes of clocks included."""

import datetime as dt
from zoneinfo import ZoneInfo

from sandbox.venues.catalogue import Shift


def exists(local: dt.datetime, zone: ZoneInfo) -> bool:
    """Tell whether a local time (without a zone) ever shows on the clock there."""
    there = local.replace(tzinfo=zone)
    return there.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None) == local


def next_existing(local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return the first local time from ``local`` on that exists: clocks skip an hour or less."""
    while not exists(local, zone):
        local += dt.timedelta(minutes=1)
    return local


def moments(local: dt.datetime, zone: ZoneInfo) -> list[dt.datetime]:
    """Return when a local time that exists occurs (UTC): once, or twice in autumn."""
    found = (local.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    return sorted(set(found))


def at(local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return the first moment (UTC) at or after a local time, whether or not it exists."""
    return moments(next_existing(local, zone), zone)[0]


def offset(moment: dt.datetime, zone: ZoneInfo) -> str:
    """Return the offset that the clock there has then, such as ``+01:00``."""
    return moment.astimezone(zone).isoformat()[-6:]


def stamp(moment: dt.datetime, zone: ZoneInfo | None = None) -> str:
    """Return a moment as answers write it: with the venue's offset, or in UTC."""
    if zone is None:
        return moment.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return moment.astimezone(zone).isoformat(timespec="seconds")


def opening(
    shifts: tuple[Shift, ...], day: dt.date, zone: ZoneInfo
) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return from when until when (UTC) the shifts of a local day are."""
    found = []
    for shift in shifts:
        if day.weekday() in shift.days:
            ends = day if shift.closes > shift.opens else day + dt.timedelta(days=1)
            opens = at(dt.datetime.combine(day, shift.opens), zone)
            closes = at(dt.datetime.combine(ends, shift.closes), zone)
            found.append((opens, closes))
    return sorted(found)
