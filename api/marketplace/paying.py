"""``POST /bookings/{id}/pay``: a request that ``PayBooking`` carries out."""

from contextlib import suppress
from functools import partial

from api.bookings import finding, paying, requests, waiting
from api.core.context import AppContext
from api.core.idempotency import Operation
from api.core.principals import Principal
from api.core.record import NOT_READ
from models.bookings.booking import Booking
from models.bookings.errors import BookingNotFound
from models.bookings.lifecycle import MARKET, BookingState
from models.bookings.messages import BookingRequest, RequestKind
from models.bookings.problems import Code
from models.bookings.repository import Found
from models.marketplace.stock.errors import CardMissing, HoldExpired, NotPayable
from models.marketplace.stock.messages import PayRequest
from models.marketplace.stock.reading import StoredPurchase, find_purchase

_S = BookingState


async def find(
    context: AppContext, asking: Principal, booking_id: str
) -> tuple[Found, StoredPurchase]:
    """Return a booking with its history, and what was bought.

    Raises:
        BookingNotFound: unknown, somebody else's, or of another kind.
    """
    found = await finding.find(context, asking, booking_id)
    if found.booking.kind not in MARKET:
        raise BookingNotFound(booking_id)
    stored = await context.record.look(partial(find_purchase, booking_id=booking_id))
    assert stored is not None, "it is written down with its booking"
    return found, stored


async def pay(
    context: AppContext,
    asking: Principal,
    booking_id: str,
    card: str | None,
    operation: Operation,
    seconds: float,
) -> bool:
    """Pay for a hold, and wait; returns whether nothing is waited for any more.

    Raises:
        NotPayable: it is being paid, was paid, or has ended.
        HoldExpired: it could not be had any more; nothing was taken.
        CardMissing: something is to be paid.
        TemporalUnavailable: nothing is promised.
    """
    found, _ = await find(context, asking, booking_id)
    booking, body = found.booking, PayRequest(payment_method_id=card)
    request = requests.request_of(RequestKind.PAY, asking, body, operation.on(booking_id))
    if not await requests.taken_before(context, request, operation):
        _expect_payable(booking, card)
        await requests.send(context, booking, asking, request)
    return await _paid(context, asking, booking_id, request, seconds)


async def use_card(
    context: AppContext,
    asking: Principal,
    booking_id: str,
    card: str,
    operation: Operation,
    seconds: float,
) -> bool:
    """Go on with another card, and wait; returns whether nothing is waited for any more.

    Raises:
        NoCardExpected, CardInUse, TemporalUnavailable: nothing is promised.
        HoldExpired: as :func:`pay`.
    """
    found, _ = await find(context, asking, booking_id)
    sent = await paying.send_card(context, asking, found.booking, card, operation)
    await waiting.settled(context, booking_id, seconds, after=sent.heard)
    return _ended((await finding.find(context, asking, booking_id)).booking)


async def _paid(
    context: AppContext,
    asking: Principal,
    booking_id: str,
    request: BookingRequest,
    seconds: float,
) -> bool:
    """Wait until a request to pay has ended, or its traveller is needed."""
    ended = None
    async for standing in waiting.looks(context, booking_id, seconds):
        with suppress(*NOT_READ):  # the workflow waits for the database as well
            ended = await context.record.ended_request(request.id)
        if ended is not None or (standing is not None and standing.waits):
            break
    booking = (await finding.find(context, asking, booking_id)).booking
    if ended is None and booking.waits and not await context.record.request_begun(request.id):
        raise NotPayable(booking)  # for another payment of it, behind which this one ends in vain
    if ended is not None and ended.problem is not None:
        if ended.problem.code is Code.HOLD_EXPIRED:
            raise HoldExpired(booking)
        if ended.problem.code is Code.NOT_CHANGEABLE:
            raise NotPayable(booking)
    return ended is not None and _ended(booking)


def _ended(booking: Booking) -> bool:
    """Tell whether nothing is waited for any more. Raises HoldExpired."""
    problem = booking.problem
    if booking.state is _S.EXPIRED and problem and problem.code is Code.HOLD_EXPIRED:
        raise HoldExpired(booking)
    return booking.at_rest


def _expect_payable(booking: Booking, card: str | None) -> None:
    if booking.state is _S.EXPIRED:
        raise HoldExpired(booking)
    if booking.state is not _S.HELD:
        raise NotPayable(booking)
    if booking.accepted_total and card is None:
        raise CardMissing
