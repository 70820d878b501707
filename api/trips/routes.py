"""For trip planners: book a trip, look at it, cancel it."""

from typing import Annotated

from fastapi import Body, Path, Query, Request, Response

from api.bookings import cancelling
from api.bookings.starting import book as book_once
from api.core.audience import WORK_SECONDS, Audience, Policy
from api.core.context import Context, TheCaller
from api.core.entity_tags import NOT_MODIFIED, answered
from api.core.filters import Flag
from api.core.idempotency import TheOperation, keyed, natural
from api.core.named import BookingId, booking_named
from api.core.preferences import Patience, accepted
from api.openapi import READING, WRITING, problems, shown
from api.trips import modifying, paying, reading, starting
from api.trips import quoting_cancellation as quoting_cancel
from api.trips.presenters import booking as translate
from api.trips.presenters import changes
from api.trips.schemas.answers import BookAnswer, CancelAnswer, WholeBooking
from api.trips.schemas.cancelling import CancelQuoteAnswer
from api.trips.schemas.changing import ChangeAnswer, ChangeQuoteAnswer, ModifyBody
from api.trips.schemas.requests import BookRequest, CancelBookingBody, PaymentMethodBody
from models.bookings.booking import Booking
from models.bookings.errors import BookingNotFound
from models.bookings.lifecycle import CancelledBy
from models.bookings.messages import CancelRequest
from models.core.callers import Scope
from models.core.keys import parse_booking_reference

work = Audience(
    Policy.CALLER, Scope.TRIPS, deadline=WORK_SECONDS, prefix="/booking", tags=["bookings"]
)
look = Audience(Policy.CALLER, Scope.TRIPS, prefix="/booking", tags=["bookings"])


@work.post(
    "/book",
    operation_id="bookTrip",
    response_model=BookAnswer,
    response_model_exclude_unset=True,
    summary="Book a whole trip, or nothing",
    responses={
        200: {
            "description": "How it ended: confirmed, or failed with everything undone.",
            "content": shown("BOOKED", "FAILED"),
        },
        202: {
            "description": "Taken, and not ended yet: ask at `statusUrl`.",
            "model": BookAnswer,
            "content": shown("RUNNING", "PAYMENT_PENDING", "CARD_REFUSED"),
        },
        **problems(*WRITING, 403),
    },
)
@keyed(rebuilt=True)
async def book(
    context: Context,
    caller: TheCaller,
    request: Request,
    response: Response,
    body: Annotated[BookRequest, Body()],
    patience: Patience,
    operation: TheOperation,
) -> BookAnswer:
    """Book flight, hotel and activities and pay for them, or put everything back.

    Waits for the end (by default 30 seconds), otherwise answers 202 and goes on without you.
    A booking that did not work out is a complete answer too: 200 with `success: false` and what
    happened, what was undone and where the money is.
    """
    asked = starting.asked_for(context, caller, operation, body, request.state.allowances)
    found = await book_once(context, asked, patience)
    answer = (
        translate.book_answer(found)
        if isinstance(found, Booking)
        else translate.running_answer(
            found.booking_id,
            found.reference,
            body.payment_info.currency,
            found.state,
            soon=found.soon,
        )
    )
    accepted(response, answer.status_url)
    return answer


@work.post(
    "/{bookingId}/payment-method",
    operation_id="usePaymentMethod",
    response_model=BookAnswer,
    response_model_exclude_unset=True,
    summary="Go on with another card",
    responses={
        200: {"description": "How it ended.", "content": shown("BOOKED", "FAILED")},
        202: {
            "description": "Under way, or waiting again: for the bank, or for yet another card.",
            "model": BookAnswer,
            "content": shown("CARD_REFUSED", "PAYMENT_PENDING"),
        },
        **problems(*WRITING, 409),
    },
)
@keyed()
async def payment_method(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: BookingId,
    body: Annotated[PaymentMethodBody, Body()],
    patience: Patience,
    operation: TheOperation,
) -> BookAnswer:
    """Send another card for a booking whose card was refused; the same booking goes on.

    Only while the booking is PAYMENT_PENDING with an error, or a change of it waits for a card:
    until `payment.waitsUntil`, and for a few cards at most. Of a change, `success` says whether it
    was made.
    """
    went = await paying.use_card(
        context, caller, booking_id, body.payment_method_id, patience, operation
    )
    answer = translate.book_answer(went) if isinstance(went, Booking) else changes.card_answer(went)
    accepted(response, answer.status_url)
    return answer


@work.post(
    "/cancel",
    operation_id="cancelBooking",
    response_model=CancelAnswer | CancelQuoteAnswer,
    response_model_exclude_unset=True,
    summary="Cancel a booking, or some of its components, or ask what that would cost",
    responses={
        200: {
            "description": "Cancelled; or, with `dryRun`, what cancelling would keep now.",
            "content": shown("CANCELLED", "CANCEL_QUOTE"),
        },
        202: {
            "description": "Under way: ask at `statusUrl`.",
            "model": CancelAnswer,
            "content": shown("STILL_CANCELLING"),
        },
        **problems(*WRITING, 409),
    },
)
@natural
async def cancel(
    context: Context,
    caller: TheCaller,
    response: Response,
    body: Annotated[CancelBookingBody, Body()],
    patience: Patience,
    *,
    dry_run: Annotated[
        Flag,
        Query(
            alias="dryRun",
            description="Cancel nothing; say what would be given back and kept, per component.",
        ),
    ] = False,
) -> CancelAnswer | CancelQuoteAnswer:
    """Cancel while the booking is being made, or after it was confirmed.

    What is kept comes from the cancellation terms stored when the trip was booked; the rest is
    refunded. Cancelling twice gives the same answer twice.

    With `dryRun=true` nothing is cancelled: the answer is what cancelling would keep and give back
    now, until when that holds, and what the suppliers themselves say, where they do.
    """
    booking_id = await booking_named(context, caller, body.booking_id)
    if dry_run:
        return await quoting_cancel.quote(context, caller, booking_id, body.components)
    request = CancelRequest(
        by=CancelledBy.OPERATOR if caller.is_operator else CancelledBy.GUEST,
        reason=body.reason,
        components=body.components,
        accepted_fee=body.accepted_fee,
    )
    booking, ended = await cancelling.cancel(context, caller, booking_id, request, patience)
    answer = translate.cancel_answer(booking, body.components)
    if not ended:
        answer.success = False
        answer.status_url = translate.status_url(booking.id)
        answer.message = answer.message or "The booking is being cancelled."
        accepted(response, answer.status_url)
    return answer


@work.post(
    "/{bookingId}/modify",
    operation_id="modifyBooking",
    response_model=ChangeAnswer | ChangeQuoteAnswer,
    response_model_exclude_unset=True,
    summary="Change a booking that stands, or ask what that would cost",
    responses={
        200: {
            "description": "What the change would cost; or that it is made; or that it is not, and"
            " the booking stands as it was.",
            "content": shown("CHANGE_QUOTE", "CHANGED", "NOT_CHANGED"),
        },
        202: {
            "description": "Under way, or waiting for the bank, another card or a person.",
            "model": ChangeAnswer,
            "content": shown("CHANGING"),
        },
        **problems(*WRITING, 409),
    },
)
@keyed(rebuilt=True)
async def modify(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: BookingId,
    body: Annotated[ModifyBody, Body()],
    patience: Patience,
    operation: TheOperation,
    *,
    dry_run: Annotated[
        Flag, Query(alias="dryRun", description="Change nothing; say what it would cost.")
    ] = False,
) -> ChangeAnswer | ChangeQuoteAnswer:
    """Swap, drop or add components; the difference in price is charged or refunded.

    Without `acceptedTotal`, or with `dryRun=true`, nothing is changed: the answer is what the
    change would cost now. With it, prices are verified anew and the change is made only when the
    booking then costs no more. What is new is booked before anything old is cancelled; when
    anything fails, the booking stands as it was. 409 `PRICE_CHANGED` has the new figures.
    """
    if dry_run or body.accepted_total is None:
        return changes.quote_answer(await modifying.quote(context, caller, booking_id, body))
    answer = changes.change_answer(
        await modifying.change(context, caller, booking_id, body, operation, patience)
    )
    accepted(response, answer.status_url)
    return answer


@look.get(
    "/reference/{bookingReference}",
    operation_id="getBookingByReference",
    response_model=WholeBooking,
    summary="A whole booking, by its reference",
    responses={
        200: {"description": "The booking.", "content": shown("WHOLE")},
        **NOT_MODIFIED,
        **problems(*READING, 422),
    },
)
async def by_reference(
    context: Context,
    caller: TheCaller,
    request: Request,
    booking_reference: Annotated[
        str, Path(alias="bookingReference", description="In any case, with dashes or without.")
    ],
) -> Response:
    """Return a booking with components, payment and history, by what the traveller was told."""
    if parse_booking_reference(booking_reference) is None:
        raise BookingNotFound(booking_reference)
    booking_id = await booking_named(context, caller, booking_reference)
    return await by_id(context, caller, request, booking_id)


@look.get(
    "/{bookingId}",
    operation_id="getBooking",
    response_model=WholeBooking,
    summary="A whole booking",
    responses={
        200: {"description": "The booking.", "content": shown("WHOLE")},
        **NOT_MODIFIED,
        **problems(*READING, 422),
    },
)
async def by_id(
    context: Context, caller: TheCaller, request: Request, booking_id: BookingId
) -> Response:
    """Return a booking with components, payment and history, as it stands this moment.

    Who has the answer already sends its `ETag` as `If-None-Match`, and gets 304 while it is true.
    """
    return answered(request, await reading.whole(context, caller, booking_id))
