"""What travellers are told of their money, whatever kind of booking it is."""

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingKind, PaymentStatus
from models.core.money import Money


def amount(minor_units: int, currency: str) -> str:
    """Return an amount as people read it: ``2,000.00 USD``."""
    return Money(amount=minor_units, currency=currency).format()


def money(booking: Booking) -> str:
    """Say what happens to the traveller's money."""
    payment = booking.payment
    captured, refunded = booking.captured, booking.refunded
    kept = captured - refunded - booking.paid_by_hand - booking.lost - booking.disputed
    if booking.has_payment_case:
        return _unsettled(booking)
    if booking.kind is BookingKind.RESERVATION and not payment.amount:
        return "There was nothing to pay."
    if booking.lost or booking.disputed:
        return _disputed(booking, kept)
    if booking.paid_by_hand:
        back = amount(refunded + booking.paid_by_hand, payment.currency)
        return (
            f"{back} is being given back,"
            f" {amount(booking.paid_by_hand, payment.currency)} of it by our staff and not to"
            f" your card; {amount(kept, payment.currency)} is kept."
        )
    if captured and kept <= 0:
        return (
            f"{amount(refunded, payment.currency)} is being refunded: everything that was"
            " taken. Banks usually show it within 5 to 10 days."
        )
    if refunded:
        return (
            f"{amount(refunded, payment.currency)} is being refunded;"
            f" {amount(kept, payment.currency)} is kept. Banks usually show a refund within 5 to"
            " 10 days."
        )
    if captured:
        return f"{amount(captured, payment.currency)} was taken from your card."
    refused = booking.problem is not None and booking.problem.step == "authorise"
    if payment.status is PaymentStatus.RELEASED and not refused:
        # A payment that was given up before it was held is released too.
        return (
            "Your card was not charged. Whatever was set aside on it has been released; some"
            " banks take a few days to show it."
        )
    if payment.status is PaymentStatus.AUTHORISED:
        return (
            f"{amount(payment.authorised or payment.amount, payment.currency)} is set aside on your"
            " card and has not been taken."
        )
    return "Your card was not charged."


def _disputed(booking: Booking, kept: int) -> str:
    """Say whose the money is that the card holder asked their bank to take back."""
    currency = booking.payment.currency
    told = []
    if booking.disputed:
        told.append(
            f"{amount(booking.disputed, currency)} is in dispute at the card holder's bank, which"
            " holds it until the dispute is decided"
        )
    if booking.lost:
        told.append(f"{amount(booking.lost, currency)} was given back by the card holder's bank")
    if booking.refunded:
        told.append(f"{amount(booking.refunded, currency)} is being refunded")
    if booking.paid_by_hand:
        told.append(
            f"{amount(booking.paid_by_hand, currency)} is being given back by our staff and not to"
            " your card"
        )
    told.append(f"{amount(max(kept, 0), currency)} is kept")
    return "; ".join(told) + "."


def in_dispute(minor_units: int, currency: str) -> str:
    """Say of an amount that a dispute decides what becomes of it."""
    return (
        f"{amount(minor_units, currency)} is in dispute with the card holder's bank: what is to"
        " become of it is decided there."
    )


def _unsettled(booking: Booking) -> str:
    payment = booking.payment
    if booking.captured:
        there = booking.captured - booking.refunded - booking.lost
        held = f"{amount(max(there, 0), payment.currency)} has been taken"
    elif payment.status is PaymentStatus.RELEASED:
        return "Your card was not charged; whatever was set aside on it has been released."
    elif payment.authorised or payment.id:
        held = (
            f"Up to {amount(payment.authorised or payment.amount, payment.currency)} may be set"
            " aside on your card"
        )
    else:
        return "Your card was not charged."
    return f"{held}. Whatever you do not get will be given back once the case is settled."
