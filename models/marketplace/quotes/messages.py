"""What a quote is asked for."""

import datetime as dt
from dataclasses import dataclass

from models.bookings.lifecycle import BookingKind
from models.marketplace.quotes.parties import Party


@dataclass(frozen=True)
class RoomWish:
    """One unit of a room, with who is to sleep in it."""

    room_id: str
    party: Party
    rate_plan_id: str | None = None
    """None: the cheapest that fits."""


@dataclass(frozen=True)
class StayWish:
    """Rooms of a listing, or of a hotel package."""

    listing_id: str | None
    check_in: dt.date
    check_out: dt.date | None
    """None: as long as the package is."""
    rooms: tuple[RoomWish, ...]
    currency: str
    package_id: str | None = None

    @property
    def kind(self) -> BookingKind:
        """What is to be booked."""
        return BookingKind.HOTEL_PACKAGE if self.package_id else BookingKind.STAY

    @property
    def product_id(self) -> str:
        """The listing's or the package's id."""
        found = self.package_id or self.listing_id
        assert found is not None, "a stay names a listing or a package"
        return found

    @property
    def room_ids(self) -> list[str]:
        """Each room once."""
        return list(dict.fromkeys(wish.room_id for wish in self.rooms))


@dataclass(frozen=True)
class SeatsWish:
    """Seats of a departure."""

    tour_id: str
    departure_id: str
    travelers: int
    currency: str

    kind = BookingKind.TOUR_PACKAGE


Wish = StayWish | SeatsWish


@dataclass(frozen=True)
class Asker:
    """Who asks: a caller, or a user."""

    subject_id: str
    user_id: str | None
