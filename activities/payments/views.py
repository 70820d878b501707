"""A payment as workflows and the record see it, made from what the gateway says."""

from dataclasses import dataclass

from models.bookings.booking import DisputeView, PaymentView, RefundView
from models.bookings.lifecycle import PaymentStatus
from models.core.money import Money
from payments.core.protocol import Dispute, Payment, PaymentState, Refund

_STATUS = {
    PaymentState.UNCONFIRMED: PaymentStatus.PENDING,
    PaymentState.ACTION_REQUIRED: PaymentStatus.PENDING,
    PaymentState.PROCESSING: PaymentStatus.PENDING,
    PaymentState.AUTHORISED: PaymentStatus.AUTHORISED,
    PaymentState.CAPTURED: PaymentStatus.SUCCEEDED,
    PaymentState.RELEASED: PaymentStatus.RELEASED,
}
_HELD = frozenset({PaymentState.AUTHORISED, PaymentState.CAPTURED})


@dataclass(frozen=True)
class Terms:
    """What the record knows of a booking's payment."""

    booking_id: str
    payment_id: str | None
    payment_method_id: str | None
    currency: str
    amount: int
    hold: int
    number: int = 1
    """Of the payment within the booking."""
    gateway: str = "stripe"

    def money(self, amount: int) -> Money:
        """Return ``amount`` (minor units) in the payment's currency."""
        return Money(amount=amount, currency=self.currency)


def view(
    payment: Payment,
    terms: Terms,
    refunds: list[Refund] | None = None,
    disputes: list[Dispute] | None = None,
) -> PaymentView:
    """Return the payment as our models have it; refunds and disputes oldest first.

    The charge that counts the refunds may not be there yet right after the payment succeeded: the
    list of refunds tells then.
    """
    status = _STATUS[payment.state]
    refunded = payment.refunded
    if payment.charge_id is None:
        refunded = sum(one.amount.amount for one in refunds or [] if one.gives_back)
    if refunded:
        whole = refunded >= payment.captured
        status = PaymentStatus.REFUNDED if whole else PaymentStatus.PARTIALLY_REFUNDED
    return PaymentView(
        number=terms.number,
        gateway=terms.gateway,
        id=payment.id,
        charge_id=payment.charge_id,
        payment_method_id=terms.payment_method_id,
        currency=terms.currency,
        amount=terms.amount,
        status=status,
        authorised=payment.amount.amount if payment.state in _HELD else 0,
        captured=payment.captured,
        refunded=refunded,
        refunds=[
            RefundView(
                id=refund.id,
                amount=refund.amount.amount,
                status=refund.status,
                at=refund.created_at,
                key=refund.reference,
                failure_reason=refund.failure_reason,
            )
            for refund in sorted(refunds or [], key=lambda one: (one.created_at, one.id))
        ],
        disputes=[
            DisputeView(
                id=dispute.id,
                amount=dispute.amount.amount,
                status=dispute.status,
                reason=dispute.reason,
                at=dispute.created_at,
            )
            for dispute in sorted(disputes or [], key=lambda one: (one.created_at, one.id))
        ],
        hold=terms.hold,
        capture_before=payment.capture_before,
        client_secret=payment.client_secret if payment.next_action else None,
        next_action=payment.next_action,
    )
