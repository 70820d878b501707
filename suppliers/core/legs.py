"""Legs that are alike at several suppliers: a stay from day to day, an experience at a start."""

import datetime as dt

from models.core.legs import Leg, LegKind, Moment, Place
from suppliers.core.stays import StayOffer


def stay(offer: StayOffer) -> tuple[Leg]:
    """Return the leg of a hotel room; when one may check in is not part of any offer."""
    return (
        Leg(
            kind=LegKind.STAY,
            title=offer.name,
            provider=offer.name,
            start=Moment(date=offer.checkin),
            end=Moment(date=offer.checkout),
            place=Place(name=offer.name),
        ),
    )


def experience(
    title: str, provider: str, starts: dt.datetime, *, zone: str | None, all_day: bool = False
) -> tuple[Leg]:
    """Return the leg of an experience that starts at a local time, or at any time of that day."""
    begins = Moment(date=starts.date(), zone=zone) if all_day else Moment.of(starts, zone)
    return (Leg(kind=LegKind.EXPERIENCE, title=title, provider=provider, start=begins),)
