"""Settling the money of a booking at rest: what must not be kept is released or refunded."""

from models.bookings.booking import PaymentView
from models.bookings.lifecycle import CLOSED_STATES, OPEN_STATUSES
from models.bookings.problems import Code, Problem
from workflows.core.record import BookingRecord
from workflows.payments.refunds import Refunds


async def put_right(
    record: BookingRecord, refunds: Refunds, reason: str, *, operator_asks: bool = False
) -> Problem | None:
    """Release and refund what must not be kept; answers what a person must look at.

    The booking's payments must just have been looked at. A refund that came back, and money owed
    for a booking that stands, are given back only when an operator asks for it; what a dispute held
    of a part that was cancelled goes back by itself when the dispute is won.
    """
    booking = record.booking
    for payment in booking.payments:
        problem = await _release(record, refunds, payment, reason)
        if problem is not None:
            return problem
    if booking.owed < 0:
        return _problem(_too_much(record))
    if booking.refundable == 0 and not (operator_asks and booking.captured):
        return None
    if not operator_asks:
        failed = [
            refund
            for payment in booking.payments
            for refund in payment.refunds
            if not refund.gives_back
        ]
        if failed:
            reasons = ", ".join(refund.failure_reason or refund.status for refund in failed)
            owed = record.money(booking.refundable)
            return _problem(f"a refund came back ({reasons}): the traveller is owed {owed}")
        # More than the dispute held, or owed before it was decided, is owed for another reason.
        of_dispute = booking.refundable <= refunds.freed and not booking.has_payment_case
        if booking.state not in CLOSED_STATES and not of_dispute:
            return _problem(f"the traveller is owed {record.money(booking.refundable)}")
    return await refunds.give_back(reason, operation="settle")


def _too_much(record: BookingRecord) -> str:
    """Return, for operators, why less is left than is due."""
    booking = record.booking
    missing = record.money(-booking.owed)
    if not booking.lost:
        return f"{missing} more than due was given back"
    what = "the trip stands and is not paid for" if booking.live_items else "fees are not paid"
    return (
        f"the card holder has {record.money(booking.lost)} by a dispute that was lost: {what};"
        f" {missing} are missing"
    )


def money_of(record: BookingRecord) -> object:
    """Return all that settling may change, to be compared with later."""
    booking = record.booking.model_copy(deep=True)
    return booking.payments, booking.paid_by_hand, booking.goodwill, booking.grants


async def _release(
    record: BookingRecord, refunds: Refunds, payment: PaymentView, reason: str
) -> Problem | None:
    """Release a payment that is open though nothing waits for it any more."""
    # Of a booking at rest no change is under way that could want a later payment.
    surplus = payment.number > 1 or record.booking.state in CLOSED_STATES
    if not surplus or payment.status not in OPEN_STATUSES or payment.id is None:
        return None
    return await refunds.release(payment, reason)


def _problem(message: str) -> Problem:
    return Problem(code=Code.PAYMENT_DOWN, step="refund", message=message)
