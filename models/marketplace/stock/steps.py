"""What becomes of a booking's item and payment with its hold. Pure: for workflows as well."""

import datetime as dt

from models.bookings.booking import Booking
from models.bookings.lifecycle import ItemStatus, PaymentStatus, SagaState
from models.core.supply import ReservationStatus


def given_up(booking: Booking, at: dt.datetime) -> Booking:
    """Return a booking whose hold has ended unpaid: nothing stands, and nobody waits for money.

    Payments that exist at their gateway are left as they are: only the gateway says what they are.
    """
    ended = booking.model_copy(deep=True)
    for item in ended.items:
        item.status, item.saga_state = ItemStatus.CANCELLED, SagaState.UNDONE
        item.cancelled_at = at
    _reserved(ended, ReservationStatus.CANCELLED)
    for payment in ended.payments:
        payment.waits_until = payment.client_secret = payment.next_action = None
        if payment.id is None and payment.status is PaymentStatus.PENDING:
            payment.status = PaymentStatus.FAILED  # it was never begun
    return ended


def confirmed(booking: Booking, at: dt.datetime) -> Booking:
    """Return a booking whose stock is sold and whose money is taken."""
    stands = booking.model_copy(deep=True)
    stands.confirmed_at = at
    for item in stands.items:
        item.status, item.saga_state, item.booked_at = ItemStatus.CONFIRMED, SagaState.BOOKED, at
    _reserved(stands, ReservationStatus.CONFIRMED)
    return stands


def _reserved(booking: Booking, status: ReservationStatus) -> None:
    """Let what we reserve ourselves have a status; nobody else has to be asked."""
    for item in booking.items:
        if item.reservation is not None:
            item.reservation = item.reservation.model_copy(
                update={"status": status, "held_until": None}
            )
