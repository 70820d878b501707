"""What callers are told of a booking's state, for each kind (record-and-marketplace.md §1.2)."""

from collections.abc import Mapping
from enum import StrEnum

from models.bookings.booking import Booking
from models.bookings.lifecycle import MARKET, BookingKind, BookingState, CancelledBy

_S = BookingState

_PENDING = frozenset({_S.PENDING, _S.VALIDATING, _S.HELD, _S.PROCESSING})


class MarketStatus(StrEnum):
    """The states of contracts.md §3."""

    QUOTE = "QUOTE"
    HOLD = "HOLD"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    CONFIRMED = "CONFIRMED"
    COMPLETED = "COMPLETED"
    EXPIRED_HOLD = "EXPIRED_HOLD"
    CANCELLED_BY_GUEST = "CANCELLED_BY_GUEST"
    CANCELLED_BY_PROVIDER = "CANCELLED_BY_PROVIDER"


_MARKET: Mapping[BookingState, MarketStatus] = {
    _S.QUOTED: MarketStatus.QUOTE,
    _S.HELD: MarketStatus.HOLD,
    _S.PAYMENT_PENDING: MarketStatus.PAYMENT_PENDING,
    _S.PROCESSING: MarketStatus.PAYMENT_PENDING,
    _S.CONFIRMED: MarketStatus.CONFIRMED,
    _S.CHECKED_IN: MarketStatus.CONFIRMED,
    _S.COMPLETED: MarketStatus.COMPLETED,
    _S.NO_SHOW: MarketStatus.COMPLETED,
    _S.EXPIRED: MarketStatus.EXPIRED_HOLD,
    _S.FAILED: MarketStatus.EXPIRED_HOLD,
}
"""But for CANCELLED. States that these kinds never have are missing."""


def market_status(booking: Booking) -> MarketStatus:
    """Return what is told of a booking that is bought of a provider.

    What an operator cancelled the guest did not: it is told as cancelled by the provider. Whether
    the guest has come or not, and why a hold ended, stand beside the status.
    """
    return _market(booking.state, booking.cancelled_by)


def _market(state: BookingState, by: CancelledBy | None) -> MarketStatus:
    if state is _S.CANCELLED:
        guest = by in (None, CancelledBy.GUEST)
        return MarketStatus.CANCELLED_BY_GUEST if guest else MarketStatus.CANCELLED_BY_PROVIDER
    return _MARKET[state]


def status_of(state: BookingState, kind: BookingKind, by: CancelledBy | None = None) -> str:
    """Return the status that callers are told; ``by`` is who cancelled it.

    What happens inside a saga is PENDING to them. Of a reservation they are told no other states
    than those of contracts.md §2, of what is bought of a provider those of §3.
    """
    if kind in MARKET:
        return _market(state, by)
    if kind is BookingKind.RESERVATION:
        if state is _S.FAILED:
            return "CANCELLED"
        if state is _S.PAYMENT_PENDING:
            return "PENDING"
    return "PENDING" if state in _PENDING else str(state)
