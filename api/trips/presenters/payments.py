"""What was paid, and what the bank wants of the traveller (contracts.md §1)."""

from typing import Any

from api.trips.schemas.answers import DisputeAnswer, RefundAnswer, WholePaymentAnswer
from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import BookingState


def authentication(booking: Booking) -> dict[str, Any]:
    """Return what the traveller needs to prove who they are, while the bank asks for it."""
    if booking.state is not BookingState.PAYMENT_PENDING:
        return {}
    return waited_for(booking, booking.payment)


def waited_for(booking: Booking, payment: PaymentView) -> dict[str, Any]:
    """Return until when a payment waits, and what the traveller needs to approve it."""
    answer: dict[str, Any] = {"waits_until": payment.waits_until}
    # The client secret lets its holder act on the payment: shown only while it is needed.
    if booking.problem is None:
        answer["client_secret"] = payment.client_secret
        answer["next_action"] = payment.next_action
    return answer


def paid_answer(
    payment: PaymentView, supplements: list[PaymentView] | None = None, **waiting: Any
) -> WholePaymentAnswer:
    """Return a payment as stored; with the first one of a booking go the later ones.

    A later payment tells by itself what it waits for; of the first one the booking's state does.
    """
    if payment.number > 1 and payment.waits_until is not None:
        waiting = {
            "waits_until": payment.waits_until,
            "client_secret": payment.client_secret,
            "next_action": payment.next_action,
        }
    return WholePaymentAnswer(
        payment_intent_id=payment.id,
        charge_id=payment.charge_id,
        payment_method_id=payment.payment_method_id,
        amount=payment.amount,
        currency=payment.currency,
        status=payment.status,
        authorised=payment.authorised,
        captured=payment.captured,
        refunded=payment.refunded,
        refunds=[
            RefundAnswer(id=one.id, amount=one.amount, status=one.status, at=one.at)
            for one in payment.refunds
        ],
        disputes=[
            DisputeAnswer(id=one.id, amount=one.amount, status=one.status, at=one.at)
            for one in payment.disputes
        ],
        supplements=[paid_answer(supplement) for supplement in supplements or []],
        **waiting,
    )
