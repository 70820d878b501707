"""A change of a reservation: what is asked for, and what becomes of it on record. No I/O."""

from typing import Any

from pydantic import BaseModel

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code, Problem
from models.core.fencing import Fence
from models.core.people import Contact
from models.core.supply import Quote
from models.core.venues import VenueGuest, VenueSlot

STALE, STATE, MOVE = "version", "state", "move"
"""Steps that problems of a change name: it was about another version, the reservation cannot be
changed any more, or the place could not be moved."""

MOVABLE = frozenset({BookingState.CONFIRMED})
"""States in which a reservation may get another time, party or table."""


class Details(BaseModel):
    """What a transition writes of a reservation, beside its booking; None: it stays as it is."""

    guest: VenueGuest | None = None
    contact: Contact | None = None
    """Goes with ``guest``."""
    traveler_id: str | None = None
    slot: VenueSlot | None = None
    quote: Quote | None = None
    """Of ``slot``."""

    def as_json(self) -> dict[str, Any]:
        """Return it as a transition carries it."""
        given = self.model_dump(mode="json").items()
        return {name: value for name, value in given if value is not None}


class MoveRequest(BaseModel):
    """Another time, party or table, priced before; the guest's data may change with it."""

    booking_id: str
    expected_version: int
    details: Details
    """With slot and quote."""
    payment_method_id: str | None = None
    """Pays what it costs more; None for the one the reservation was paid with."""

    @property
    def slot(self) -> VenueSlot:
        """Where the reservation moves."""
        assert self.details.slot is not None
        return self.details.slot

    @property
    def quote(self) -> Quote:
        """What it costs there."""
        assert self.details.quote is not None
        return self.details.quote


class OpenedMove(BaseModel):
    """The answer of ``open_move``: the reservation as it stands."""

    booking: Booking
    ended: bool = False
    """This very request has ended before."""
    details: Details
    """Guest, slot and quote on record."""
    claim: int
    """The version of the claim that it has, or had last."""


class MoveClaim(BaseModel):
    """Asks for a reservation's claim to be moved, or to be put back."""

    booking_id: str
    version: int
    """Of the claim that is made by it: a repeat finds it."""
    slot: VenueSlot
    back: bool = False
    """To where it was: no limit keeps it from there."""
    fence: Fence | None = None


class MovedClaim(BaseModel):
    """The answer of ``move_claim``."""

    refused: Problem | None = None
    """Why nothing was moved; or, on the way back, what another party has meanwhile."""


def refusal(booking: Booking, expected_version: int) -> Problem | None:
    """Return why a reservation cannot be moved as it stands; None when it may be tried."""
    if booking.version != expected_version:
        return stale(booking.version)
    if booking.state not in MOVABLE or not booking.live_items:
        message = f"a reservation that is {booking.state} cannot be changed"
        return Problem(code=Code.NOT_CHANGEABLE, step=STATE, message=message)
    return None


def stale(version: int) -> Problem:
    """Return the problem of a request that was about another version."""
    return Problem(
        code=Code.NOT_CHANGEABLE,
        step=STALE,
        message=f"the reservation is not in that version any more: it is beyond {version}",
    )
