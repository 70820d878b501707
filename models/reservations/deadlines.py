"""What becomes of a reservation when time passes: when, and by which rule. No I/O."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from models.bookings.deadlines import Action, Due
from models.bookings.lifecycle import BookingState
from models.core.venues import VenueType
from models.reservations.policy import NO_SHOW_GRACE_MINUTES, VenuePolicy

HOTELS_WAIT_UNTIL = dt.time(4)
"""On the clock there, on the day after the beginning."""


@dataclass(frozen=True)
class Visit:
    """When a party is at a venue, and what the venue's policy says of it now."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str
    venue_type: VenueType
    policy: VenuePolicy


HAS_DUE = frozenset({BookingState.HELD, BookingState.CONFIRMED, BookingState.CHECKED_IN})
"""States in which something becomes of a reservation by time alone.

In the states before a workflow runs for it, and sees to the time itself.
"""


def due_after(
    state: BookingState, hold_expires_at: dt.datetime | None, visit: Visit
) -> Mapping[Action, Due]:
    """Return what is due, and when, for a reservation that has come to ``state``.

    A guest has not come only where the venue keeps a list of who has. Elsewhere a visit that was
    confirmed is over at its end, or every guest of a house without a desk would be a no-show.
    """
    match state:
        case BookingState.HELD if hold_expires_at is not None:
            rule = f"not approved by {_local(hold_expires_at, visit)}"
            return {Action.EXPIRE_HOLD: Due(hold_expires_at, rule)}
        case BookingState.CONFIRMED if visit.policy.check_in == "tracked":
            latest, grace = _latest(visit)
            rule = f"no check-in by {_local(latest, visit)} ({grace})"
            return {Action.NO_SHOW: Due(latest, rule)}
        case BookingState.CONFIRMED | BookingState.CHECKED_IN:
            rule = f"the visit ended at {_local(visit.ends_at, visit)}"
            return {Action.COMPLETE: Due(visit.ends_at, rule)}
    return {}


def _latest(visit: Visit) -> tuple[dt.datetime, str]:
    """Return until when guests may be checked in, and what gives them so long."""
    minutes = visit.policy.no_show_grace_minutes
    if minutes is None and visit.venue_type == "HOTEL":
        zone = ZoneInfo(visit.time_zone)
        morning = visit.starts_at.astimezone(zone).date() + dt.timedelta(days=1)
        latest = dt.datetime.combine(morning, HOTELS_WAIT_UNTIL, zone)
        return latest.astimezone(dt.UTC), "hotels wait for the night"
    minutes = NO_SHOW_GRACE_MINUTES if minutes is None else minutes
    return visit.starts_at + dt.timedelta(minutes=minutes), f"grace {minutes} min"


def _local(moment: dt.datetime, visit: Visit) -> str:
    return f"{moment.astimezone(ZoneInfo(visit.time_zone)):%Y-%m-%d %H:%M} {visit.time_zone}"
