"""``/market/v1``: what was quoted is held, paid and cancelled (contracts.md §3)."""

from typing import Annotated

from fastapi import Body, Path, Query, Request, Response

from api.bookings import cancelling
from api.core.audience import WORK_SECONDS, Audience, Policy
from api.core.context import AppContext, Asking, Context
from api.core.entity_tags import NOT_MODIFIED, Tagged, answered, versioned
from api.core.filters import Flag
from api.core.idempotency import TheOperation, keyed
from api.core.named import booking_named
from api.core.preferences import Patience, accepted
from api.core.principals import Principal
from api.core.problems import ApiProblem
from api.marketplace import holding, paying
from api.marketplace.booking_answers import (
    BookingAnswer,
    CancelQuoteAnswer,
    booking_answer,
    cancel_quote,
)
from api.marketplace.booking_bodies import CancelBody, CardBody, HoldBody, PayBody
from api.openapi import READING, WRITING, problems, shown
from models.bookings.errors import NotCancellable
from models.bookings.lifecycle import CancelledBy
from models.bookings.messages import CancelRequest
from models.core.keys import parse_booking_id
from models.marketplace.quotes.errors import QuoteNotFound

PREFIX = "/market/v1"
work = Audience(Policy.MARKET, deadline=WORK_SECONDS, prefix=PREFIX, tags=["market"])
look = Audience(Policy.MARKET, prefix=PREFIX, tags=["market"])

Named = Annotated[
    str, Path(alias="booking_id", description="The id or the reference of the booking.")
]
_WAITS = {
    "description": "Under way, or waiting: for the bank, or another card. Ask at `Location`.",
    "model": BookingAnswer,
    "content": shown("STAY_WAITS"),
}


@work.post(
    "/quotes/{quote_id}/hold",
    operation_id="holdQuote",
    status_code=201,
    response_model=BookingAnswer,
    response_model_exclude_unset=True,
    summary="Hold what was quoted, for fifteen minutes",
    responses={
        201: {"description": "Held: pay before `hold_expires_at`.", "content": shown("STAY_HELD")},
        **problems(*WRITING, 409, 410),
    },
)
@keyed()
async def hold(
    context: Context,
    asking: Asking,
    operation: TheOperation,
    response: Response,
    quote_id: Annotated[str, Path(description="The quote's id.")],
    body: Annotated[HoldBody, Body()],
) -> BookingAnswer:
    """Hold all of it, or nothing: at the quote's price, whatever has become of prices since.

    409 `SOLD_OUT` names the nights, and the quote can still be used; 410 `QUOTE_EXPIRED` wants
    another quote. Three holds a user may be open at a time (429 `TOO_MANY_HOLDS`).
    """
    wanted = parse_booking_id(quote_id)
    if wanted is None:
        raise QuoteNotFound
    booking_id = await holding.hold(context, asking, operation, wanted, body)
    return await _told(context, asking, response, booking_id)


@look.get(
    "/bookings/{booking_id}",
    operation_id="getMarketBooking",
    response_model=BookingAnswer,
    response_model_exclude_unset=True,
    summary="A booking of a stay, package or tour",
    responses={
        200: {"description": "The booking.", "content": shown("STAY_CONFIRMED")},
        **NOT_MODIFIED,
        **problems(*READING, 422),
    },
)
async def get(context: Context, asking: Asking, request: Request, booking_id: Named) -> Response:
    """Return a booking with its history, to whoever made it, and to operators."""
    named = await booking_named(context, asking, booking_id)
    return answered(request, _tagged(await _answer(context, asking, named)))


@work.post(
    "/bookings/{booking_id}/pay",
    operation_id="payMarketBooking",
    response_model=BookingAnswer,
    response_model_exclude_unset=True,
    summary="Pay for what is held",
    responses={
        200: {
            "description": "How it ended.",
            "content": shown("STAY_CONFIRMED", "STAY_FAILED"),
        },
        202: _WAITS,
        **problems(*WRITING, 409, 410),
    },
)
@keyed()
async def pay(
    context: Context,
    asking: Asking,
    operation: TheOperation,
    response: Response,
    booking_id: Named,
    body: Annotated[PayBody, Body()],
    patience: Patience,
) -> BookingAnswer:
    """Have the money held on the card, keep the stock for good, then take the money.

    From this moment on it stays held for ten minutes at least, thirty in all at most: for 3-D
    Secure, or another card. What is held no longer is taken again at the same price if it is still
    free, else 410 `HOLD_EXPIRED`, and no money is taken. One payment is made at a time (409
    `STATE_CONFLICT`).
    """
    named = await booking_named(context, asking, booking_id)
    ended = await paying.pay(context, asking, named, body.payment_method_id, operation, patience)
    return await _told(context, asking, response, named, ended=ended)


@work.post(
    "/bookings/{booking_id}/payment-method",
    operation_id="useOtherCardForMarketBooking",
    response_model=BookingAnswer,
    response_model_exclude_unset=True,
    summary="Go on with another card",
    responses={
        200: {
            "description": "How it ended.",
            "content": shown("STAY_CONFIRMED", "STAY_FAILED"),
        },
        202: _WAITS,
        **problems(*WRITING, 409, 410),
    },
)
@keyed()
async def payment_method(
    context: Context,
    asking: Asking,
    operation: TheOperation,
    response: Response,
    booking_id: Named,
    body: Annotated[CardBody, Body()],
    patience: Patience,
) -> BookingAnswer:
    """Send another card for a booking whose card was refused; it stays held meanwhile.

    Only while `payment.waits_until` is ahead. Else 409 `NO_CARD_WANTED`; while another card is
    asked, 409 `CARD_IN_USE`.
    """
    named = await booking_named(context, asking, booking_id)
    card = body.payment_method_id
    ended = await paying.use_card(context, asking, named, card, operation, patience)
    return await _told(context, asking, response, named, ended=ended)


@work.post(
    "/bookings/{booking_id}/cancel",
    operation_id="cancelMarketBooking",
    response_model=BookingAnswer | CancelQuoteAnswer,
    response_model_exclude_unset=True,
    summary="Cancel, or ask what that would cost",
    responses={
        200: {
            "description": "Cancelled; or, with `dry_run`, what cancelling would keep now.",
            "content": shown("STAY_CANCELLED", "STAY_CANCEL_QUOTE"),
        },
        202: {
            "description": "Under way: ask at `Location`.",
            "model": BookingAnswer,
            "content": shown("STAY_CONFIRMED"),
        },
        **problems(*WRITING, 409),
    },
)
@keyed()
async def cancel(
    context: Context,
    asking: Asking,
    response: Response,
    booking_id: Named,
    body: Annotated[CancelBody, Body()],
    patience: Patience,
    *,
    dry_run: Annotated[Flag, Query(description="Cancel nothing; say what would be kept.")] = False,
) -> BookingAnswer | CancelQuoteAnswer:
    """Cancel a hold, for nothing, or a booking by the terms it was bought on.

    What is kept is that of the snapshot at this moment; the rest is given back. Twice gives the
    same answer twice.
    """
    named = await booking_named(context, asking, booking_id)
    found, _ = await paying.find(context, asking, named)
    booking = found.booking
    if booking.state in cancelling.NEVER_CANCELLABLE:
        raise NotCancellable(booking)
    by = _canceller(asking, body.by)
    if dry_run:
        return cancel_quote(booking, found.read_at, by)
    asked = CancelRequest(by=by, reason=body.reason, accepted_fee=body.accepted_fee)
    _, ended = await cancelling.cancel(context, asking, named, asked, patience)
    return await _told(context, asking, response, named, ended=ended)


def _canceller(asking: Principal, by: str | None) -> CancelledBy:
    """Return who cancels. Raises ApiProblem 403: only operators speak for a provider."""
    if asking.is_operator:
        return CancelledBy.OPERATOR if by == "GUEST" else CancelledBy.PROVIDER
    if by == "PROVIDER":
        detail = "Only operators may cancel for a provider."
        raise ApiProblem(403, "OPERATORS_ONLY", detail, field="by")
    return CancelledBy.GUEST


async def _answer(context: AppContext, asking: Principal, booking_id: str) -> BookingAnswer:
    found, stored = await paying.find(context, asking, booking_id)
    return booking_answer(found.booking, stored, found.history)


def _tagged(answer: BookingAnswer) -> Tagged:
    return versioned(
        answer.version, answer.model_dump_json(by_alias=True, exclude_unset=True).encode()
    )


async def _told(
    context: AppContext,
    asking: Principal,
    response: Response,
    booking_id: str,
    *,
    ended: bool = True,
) -> BookingAnswer:
    """Return a booking as it is after a request about it; 202 while that has not ended."""
    answer = await _answer(context, asking, booking_id)
    if not ended:
        accepted(response, f"{PREFIX}/bookings/{booking_id}")
    response.headers["ETag"] = _tagged(answer).tag
    return answer
