"""``POST /booking/{id}/payment-method``: what came of another card for a booking, or a change."""

from api.bookings import finding, waiting
from api.bookings.paying import send_card
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.trips import modifying
from models.bookings.booking import Booking


async def use_card(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    payment_method_id: str,
    seconds: float,
    operation: Operation,
) -> Booking | modifying.Asked:
    """Go on with another card; returns the booking at its end, or where it waits again.

    Where a change of the booking waited for the card, returns how that went.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        NoCardExpected, CardInUse: as :func:`send_card`.
    """
    booking = (await finding.find(context, caller, booking_id)).booking
    sent = await send_card(context, caller, booking, payment_method_id, operation)
    booking_id, change = booking.id, sent.change
    if change is not None:
        outcome = await modifying.ended(context, booking_id, change, seconds, sent.heard)
        now = (await finding.find(context, caller, booking_id)).booking
        return modifying.Asked(now, outcome, change)
    await waiting.settled(context, booking_id, seconds, after=sent.heard)
    return (await finding.find(context, caller, booking_id)).booking
