"""``POST /booking/{id}/refund``: more is given back than the terms ask for."""

from api.bookings import finding, requests
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.trips.schemas.requests import GoodwillBody
from models.bookings.booking import Booking
from models.bookings.errors import ComponentUnknown
from models.bookings.lifecycle import SETTLED_STATES
from models.bookings.messages import RequestKind
from models.core.money import Money, smallest_charge
from models.payments.errors import (
    AmountNotPayable,
    NothingToRefund,
    RefundInOtherCurrency,
    RefundRefused,
    RefundTooLarge,
)
from models.payments.messages import GoodwillRefund


async def give_back(
    context: AppContext,
    caller: Principal,
    booking_id: str,
    body: GoodwillBody,
    operation: Operation,
    seconds: float,
) -> bool:
    """Give back more than the terms ask for; the same ``operation`` gives it back once.

    Returns whether the request has ended.

    Raises:
        BookingNotFound, ComponentUnknown, TemporalUnavailable: nothing is promised.
        NothingToRefund, RefundTooLarge, RefundRefused: so much cannot be given back.
        RefundInOtherCurrency, AmountNotPayable: it is not an amount that could be.
    """
    booking = (await finding.find(context, caller, booking_id)).booking
    if operation.key in booking.grants:  # granted before decision 0083, under the key alone
        return True
    grant = operation.on(booking.id)
    refund = GoodwillRefund(
        key=grant, amount=body.amount, reason=body.reason, item=_item(booking, body)
    )
    request = requests.request_of(RequestKind.REFUND, caller, refund, grant)
    if not await requests.taken_before(context, request, operation):
        _check(booking, body)
        await requests.send(context, booking, caller, request)
    ended = await requests.ended(context, booking_id, request, seconds)
    if ended is not None and ended.problem is not None:
        booking = (await finding.find(context, caller, booking_id)).booking
        raise RefundRefused(ended.problem, has_case=booking.has_payment_case)
    return ended is not None


def _item(booking: Booking, body: GoodwillBody) -> int | None:
    """Return the number of the item that is named."""
    if body.component_id is None:
        return None
    for item in booking.items:
        if item.component_id == body.component_id:
            return item.number
    raise ComponentUnknown(booking.id)


def _check(booking: Booking, body: GoodwillBody) -> None:
    """Refuse at once what cannot be given back."""
    currency = booking.payment.currency
    left = booking.still_there
    if booking.state not in SETTLED_STATES or left <= 0:
        raise NothingToRefund(booking)
    if body.currency != currency:
        raise RefundInOtherCurrency(paid=currency, given=body.currency)
    if body.amount > left:
        raise RefundTooLarge(Money(amount=left, currency=currency))
    step = smallest_charge(currency)
    if body.amount % step:
        raise AmountNotPayable(Money(amount=step, currency=currency))
