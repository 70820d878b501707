"""Legs that are alike at several suppliers: a stay from day to day, an experience at a start."""

import datetime as dt
from typing import Final

from models.core.legs import Leg, LegKind, Moment, Place
from suppliers.core.stays import StayOffer

_LONGEST: Final = 500
"""Letters of a meeting point: legs are stored with every quote."""


def stay(
    offer: StayOffer,
    *,
    address: str | None = None,
    city: str | None = None,
    country: str | None = None,
    check_in: dt.time | None = None,
    check_in_until: dt.time | None = None,
    check_out: dt.time | None = None,
) -> tuple[Leg]:
    """Return the leg of a hotel room, as far as the hotel's description tells about it.

    Args:
        offer: which hotel, and which nights.
        address: of the hotel, as it is written there.
        city: the hotel's.
        country: the hotel's, in two letters of either case.
        check_in: from when one may check in, as clocks there show it.
        check_in_until: the latest time to do so.
        check_out: by when one must have left.
    """
    return (
        Leg(
            kind=LegKind.STAY,
            title=offer.name,
            provider=offer.name,
            start=Moment(date=offer.checkin, time=check_in),
            end=Moment(date=offer.checkout, time=check_out),
            place=Place(
                name=offer.name,
                address=_short(address),
                city=_short(city),
                country=country.upper() if country else None,
            ),
            check_in_until=check_in_until,
        ),
    )


def experience(
    title: str,
    provider: str,
    starts: dt.datetime,
    *,
    zone: str | None,
    all_day: bool = False,
    lasts: dt.timedelta | None = None,
    meeting_point: str | None = None,
    pick_up: str | None = None,
) -> tuple[Leg]:
    """Return the leg of an experience that starts at a local time, or at any time of that day.

    Args:
        title: of the experience.
        provider: who delivers it.
        starts: local; only its day counts where ``all_day``.
        zone: the IANA time zone, where it is known.
        all_day: it has no start time.
        lasts: how long, where it is known.
        meeting_point: where one is to be, in the supplier's words.
        pick_up: what the supplier says about being fetched.
    """
    where, fetched = _short(meeting_point), _short(pick_up)
    end = None if all_day or not lasts else Moment.of(_later(starts, lasts), zone)
    return (
        Leg(
            kind=LegKind.EXPERIENCE,
            title=title,
            provider=provider,
            start=Moment(date=starts.date(), zone=zone) if all_day else Moment.of(starts, zone),
            end=end,
            place=Place(name=where) if where else None,
            notes=(fetched,) if fetched else (),
        ),
    )


def _later(start: dt.datetime, by: dt.timedelta) -> dt.datetime:
    """Return a later time on the same wall; its clock may be changed meanwhile."""
    if start.tzinfo is None:
        return start + by
    return (start.astimezone(dt.UTC) + by).astimezone(start.tzinfo)


def _short(text: str | None) -> str | None:
    """Return text as one line of bounded length; None where there is none."""
    line = " ".join((text or "").split())
    return (line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…") or None
