"""How claims on nights and seats follow the state of their booking."""

from collections.abc import Mapping

from models.bookings.claims import Follow
from models.bookings.lifecycle import BookingState
from models.marketplace.stock.claims import expire, miss, release, sell, use

_S = BookingState
FOLLOWS: Mapping[BookingState, Follow] = {
    _S.PROCESSING: sell,
    _S.CONFIRMED: sell,
    _S.CANCELLED: release,
    _S.FAILED: release,
    _S.EXPIRED: expire,
    _S.COMPLETED: use,
    _S.NO_SHOW: miss,
}
"""At check-in they stay SOLD: a stay may still be changed, cut short, or checked in by mistake."""
