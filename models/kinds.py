"""The kinds of bookings that can be made, with the hooks of each."""

from models.bookings.hooks import Hooks
from models.bookings.lifecycle import BookingKind
from models.inventory.hook import ClaimsHook
from models.ledger.hook import LedgerHook
from models.reservations.hook import ReservationHook
from models.trips.repository import TripHook

HOOKS: Hooks = {
    BookingKind.TRIP: (TripHook(), LedgerHook()),
    BookingKind.RESERVATION: (ReservationHook(), ClaimsHook(), LedgerHook()),
}
