"""How claims on places of venues follow the state of their booking."""

from collections.abc import Mapping

from models.bookings.claims import Follow
from models.bookings.lifecycle import BookingState
from models.inventory.claims import expire_claims, release_claims, sell_claims, use_claims

_S = BookingState
FOLLOWS: Mapping[BookingState, Follow] = {
    _S.PROCESSING: sell_claims,
    _S.CONFIRMED: sell_claims,
    _S.CANCELLED: release_claims,
    _S.FAILED: release_claims,
    _S.EXPIRED: expire_claims,
    _S.COMPLETED: use_claims,
    _S.NO_SHOW: use_claims,
}
