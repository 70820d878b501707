"""Cases that a payment gives rise to by itself: the disputes of its charge."""

from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, DisputeView, PaymentView
from models.core.cases import CaseKind, close_case, open_case, was_opened
from models.core.money import Money


async def cases_of_payments(
    session: AsyncSession, booking: Booking, seen: list[PaymentView]
) -> None:
    """Open a case for every dispute that is open, once; close it when the dispute is over.

    ``seen`` is what the gateway says now. Repeating it changes nothing; a case that an operator
    has closed stays closed, though the dispute may still be open.
    """
    for payment, dispute in ((one, dispute) for one in seen for dispute in one.disputes):
        source = f"dispute:{dispute.id}"
        if dispute.status != "open":
            resolution = f"the dispute is {dispute.status}"
            await close_case(session, source=source, by="gateway", resolution=resolution)
        elif not await was_opened(session, source):
            await open_case(
                session,
                kind=CaseKind.DISPUTE,
                source=source,
                booking_id=booking.id,
                summary=_summary(booking, dispute),
                details={
                    "disputeId": dispute.id,
                    "paymentId": payment.id,
                    "amount": dispute.amount,
                    "currency": payment.currency,
                    "reason": dispute.reason,
                    "disputedAt": dispute.at.isoformat(),
                },
            )


def _summary(booking: Booking, dispute: DisputeView) -> str:
    amount = Money(amount=dispute.amount, currency=booking.currency)
    reason = f" ({dispute.reason})" if dispute.reason else ""
    return (
        f"The card holder of {booking.reference} disputes {amount}{reason}. Answer it, or let it"
        " go, in the gateway's dashboard before its deadline."
    )
