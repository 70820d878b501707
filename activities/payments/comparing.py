"""Compares the record with the gateway: one pure function.

An event of the gateway is only a reason to look; what differs is a reason to act. So neither the
order of events nor their number can matter (reliability.md rule 6, I12).
"""

from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import CLOSED_STATES, OPEN_STATUSES, PaymentStatus


def differences(booking: Booking, seen: list[PaymentView]) -> list[str]:
    """Return in what the payments of a booking at rest differ from what the gateway says now.

    Empty when nothing is to be recorded or put right. ``booking`` is as recorded, ``seen`` is what
    ``PaymentActivities.look`` returned.
    """
    found = []
    known = {payment.number: payment for payment in booking.payments}
    # What a person is settling already is put right by their decision.
    settling = booking.has_payment_case
    for payment in seen:
        kept = known.get(payment.number)
        more = _differences(kept, payment) if kept else ["it is not on record"]
        if payment.status in OPEN_STATUSES and not more and not settling:
            if kept and kept.change:
                more.append("it is still open, and nothing waits for it")
            elif booking.state in CLOSED_STATES:
                more.append(f"it is still {payment.status} and the booking is {booking.state}")
        found += [f"{payment.id}: {what}" for what in more]
    if not booking.adds_up and _explained(booking, seen) and not found and not settling:
        # Somebody refunded in the dashboard, or a dispute was lost, while the trip was being
        # cancelled: the cancellation recorded it, and nobody has judged what it means. Of any other
        # imbalance the record itself may be the cause: that is for the live checks to tell.
        found.append(f"what is kept differs by {booking.owed} from what is due")
    return found


def _explained(booking: Booking, seen: list[PaymentView]) -> bool:
    """Tell whether others moved money so that what is kept may differ from what is due."""
    made_elsewhere = any(refund.key is None for payment in seen for refund in payment.refunds)
    return made_elsewhere or (booking.owed < 0 and any(payment.lost for payment in seen))


def _differences(kept: PaymentView, seen: PaymentView) -> list[str]:
    """Return in what one payment on record differs from what the gateway says now."""
    found = []
    if kept.status is not PaymentStatus.FAILED or seen.status is not PaymentStatus.PENDING:
        # a payment that was never confirmed is FAILED here and merely unconfirmed there
        for name in ("status", "captured", "refunded"):
            before, now = getattr(kept, name), getattr(seen, name)
            if before != now:
                found.append(f"{name} is {now} at the gateway and {before} on record")
    refunds = {refund.id: refund.status for refund in kept.refunds}
    for refund in seen.refunds:
        known = refunds.get(refund.id)
        if known != refund.status:
            found.append(f"refund {refund.id} is {refund.status}, {known or 'not'} on record")
    disputes = {dispute.id: dispute.status for dispute in kept.disputes}
    for dispute in seen.disputes:
        known = disputes.get(dispute.id)
        if known != dispute.status:
            found.append(f"dispute {dispute.id} is {dispute.status}, {known or 'not'} on record")
    return found
