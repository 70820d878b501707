"""Messages about one item at its supplier."""

from pydantic import BaseModel

from models.bookings.problems import Problem
from models.core.money import Currency, MinorUnits
from models.core.supply import Quote, Reservation
from models.core.venues import VenueGuest, VenueSlot


class ItemCall(BaseModel):
    """Asks for one item to be booked or cancelled. The record holds what the supplier needs."""

    booking_id: str
    item: int
    key: str
    supplier_id: str | None = None
    """Found by an operator, where the supplier cannot look up our reference."""


class BookedItem(BaseModel):
    """The answer of ``book_item``: the reservation, or a definite refusal."""

    reservation: Reservation | None = None
    refused: Problem | None = None
    after_capture: bool = False
    """A HELD reservation is completed after the money is taken, not before."""
    doubtful: bool = False
    """Refused, but an earlier attempt was never answered and may still take effect."""


class ChangeCall(BaseModel):
    """Asks for a reservation to be changed in place, once for its key."""

    booking_id: str
    item: int
    key: str
    reservation: Reservation
    component: VenueSlot
    """What it becomes one of."""
    quote: Quote
    party: VenueGuest


class LookedItem(BaseModel):
    """The answer of ``look_at_item``: the reservation as the supplier has it now."""

    reservation: Reservation | None = None
    """None: nothing was ever reserved, or nobody has seen what was."""


class CancelledItem(BaseModel):
    """The answer of ``cancel_item``: nothing is left of the item, or the supplier refused."""

    supplier_fee: MinorUnits | None = None
    """What the supplier says it keeps, where it says so; minor units of its own currency."""
    supplier_fee_currency: Currency | None = None
    refused: Problem | None = None
