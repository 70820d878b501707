"""The kinds of bookings that can be made: hooks of each, what is due about it, what it claims."""

from collections.abc import Mapping

from models.bookings.claims import ClaimsHook
from models.bookings.due import DueHook, DueOf
from models.bookings.hooks import Hook, Hooks
from models.bookings.lifecycle import MARKET, BookingKind
from models.inventory.hook import FOLLOWS as PLACES_FOLLOW
from models.ledger.hook import LedgerHook
from models.marketplace.stock import purchases
from models.marketplace.stock.hook import FOLLOWS as STOCK_FOLLOWS
from models.marketplace.stock.purchases import PurchaseHook
from models.reservations import deadlines, due
from models.reservations.hook import ReservationHook
from models.trips.repository import TripHook

_BOUGHT: tuple[Hook, ...] = (
    PurchaseHook(),
    ClaimsHook(STOCK_FOLLOWS),
    DueHook(purchases.HAS_DUE, purchases.due_of),
    LedgerHook(),
)

HOOKS: Hooks = {
    BookingKind.TRIP: (TripHook(), LedgerHook()),
    BookingKind.RESERVATION: (
        ReservationHook(),
        ClaimsHook(PLACES_FOLLOW),
        DueHook(deadlines.HAS_DUE, due.due_of),
        LedgerHook(),
    ),
    **dict.fromkeys(sorted(MARKET), _BOUGHT),
}

DUE: Mapping[BookingKind, DueOf] = {
    BookingKind.RESERVATION: due.due_of,
    **dict.fromkeys(sorted(MARKET), purchases.due_of),
}
"""Says what is due about a booking, for kinds of which something becomes by time alone."""
