"""``POST …/payment-method``: another card for a reservation, or for a change of it, that waits."""

from api.bookings import paying, waiting
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.reservations import changing, finding, presenter


async def use_card(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    payment_method_id: str,
    seconds: float,
    operation: Operation,
) -> bool:
    """Go on with another card; returns whether nothing is waited for any more.

    Raises:
        BookingNotFound, TemporalUnavailable: nothing is promised.
        NoCardExpected: no card is waited for.
        CardInUse: another card was sent a moment ago.
        StateConflict, NotChanged: as :func:`changing.paid`.
    """
    found, _ = await finding.find(context, caller, booking_id)  # and no trip
    sent = await paying.send_card(context, caller, found.booking, payment_method_id, operation)
    if sent.change is not None:
        return await changing.paid(context, caller, sent, seconds)
    standing = await waiting.settled(context, booking_id, seconds, after=sent.heard)
    state = found.booking.state if standing is None else standing.state
    return presenter.status_of(state) != "PENDING"
