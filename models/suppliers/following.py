"""What suppliers say afterwards: what it means for a booking, and the messages of following it.

Pure, and plain data: the workflow, the rounds and the inbox all judge by ``news_about``. Fields of
messages are only ever added, with defaults.
"""

from enum import StrEnum

from pydantic import BaseModel

from models.bookings.booking import Booking, Item
from models.bookings.lifecycle import CLOSED_STATES, BookingState
from models.core.patience import Patience
from models.core.supply import GONE, Reservation, ReservationStatus

ON_ITS_WAY = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN})
"""States in which a traveller still needs what was booked."""


class News(StrEnum):
    """What a supplier's answer means for an item of a booking at rest."""

    CONFIRMED = "confirmed"
    """It was awaited, and is to be had."""
    REFUSED = "refused"
    """It was awaited, and is not to be had."""
    CANCELLED = "cancelled"
    """The traveller counts on it, and it is gone at the supplier."""
    MOVED = "moved"
    """It begins or ends at another time than it was booked for."""
    LEFT_OVER = "left over"
    """Nobody wants it, and it stands at the supplier: booked late, or not cancelled."""


def news_about(booking: Booking, item: Item, seen: Reservation | None) -> News | None:
    """Hold an item of a booking at rest against what its supplier has; None when they agree."""
    if seen is None:
        return None
    gone = seen.status in GONE
    if booking.state in CLOSED_STATES or not item.live:
        return None if gone else News.LEFT_OVER
    if item.awaited:
        if gone:
            return News.REFUSED
        return News.CONFIRMED if seen.status is ReservationStatus.CONFIRMED else None
    if gone:
        return News.CANCELLED
    return News.MOVED if has_moved(item.reservation, seen) else None


def has_moved(booked: Reservation | None, seen: Reservation) -> bool:
    """Tell whether the supplier has other times than those on record, where it says times."""
    if booked is None:
        return False
    pairs = ((booked.starts_at, seen.starts_at), (booked.ends_at, seen.ends_at))
    return any(before and now and before != now for before, now in pairs)


# -- FollowBooking ---------------------------------------------------------------------------


class FollowRequest(BaseModel):
    """What ``FollowBooking`` needs: a booking at rest whose suppliers are to be asked."""

    booking_id: str
    why: str
    """What led here, for the history."""
    items: list[int] = []
    """Numbers of the items to look at; empty for all that the booking has."""
    patience: Patience = Patience()


class LookAgain(BaseModel):
    """Asks for items to be looked at in the next round, because a look had no answer."""

    booking_id: str
    items: list[int]
    why: str


class Noted(BaseModel):
    """It is written down."""


# -- WatchSuppliers --------------------------------------------------------------------------


class FollowPart(BaseModel):
    """Asks for one part of a round; what is due is in the record."""


class Followed(BaseModel):
    """What a part of a round came to."""

    looked: int = 0
    """Items asked about at their suppliers."""
    news: int = 0
    """Bookings that ``FollowBooking`` was begun for."""
    listed: int = 0
    """Changes read from suppliers' lists and kept in the inbox."""
    cases: int = 0
    """Cases opened."""
    troubled: list[str] = []
    """Suppliers that gave no answer; the next round asks again."""


class FollowSummary(BaseModel):
    """What ``WatchSuppliers`` found; None for a part that could not be made."""

    changes: Followed | None = None
    looks: Followed | None = None
    quiet: Followed | None = None


class FollowRound(BaseModel):
    """What ``WatchSuppliers`` is to do."""
