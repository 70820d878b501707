"""What becomes of bookings when time passes, whatever their kind. No I/O."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What is done when its time has come."""

    EXPIRE_HOLD = "EXPIRE_HOLD"
    """Give up what nobody has paid for, or approved, in time."""
    NO_SHOW = "NO_SHOW"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True)
class Due:
    """When something is to be done (UTC)."""

    at: dt.datetime
    rule: str
    """Which rule says so, with its deadline on the clock there: for the history."""
