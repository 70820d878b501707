"""For operators: settle what the saga could not."""

from typing import Annotated

from fastapi import Body, Response

from api.bookings import finding
from api.core.audience import WORK_SECONDS, Audience, Policy
from api.core.context import Context, TheCaller
from api.core.idempotency import TheOperation, keyed
from api.core.named import BookingId
from api.core.preferences import Patience, accepted
from api.openapi import WRITING, problems, shown
from api.trips import refunding, resolving
from api.trips.presenters import booking as translate
from api.trips.schemas.answers import BookAnswer, WholeBooking
from api.trips.schemas.requests import GoodwillBody, ResolveBody
from models.core.domain_errors import Keyed

router = Audience(Policy.OPERATOR, deadline=WORK_SECONDS, prefix="/booking", tags=["operators"])


@router.post(
    "/{bookingId}/resolve",
    operation_id="resolveBookingCase",
    response_model=BookAnswer,
    response_model_exclude_unset=True,
    summary="Decide a case",
    responses={
        200: {
            "description": "The booking after it; a case that is not settled stays open.",
            "content": shown("FAILED"),
        },
        202: {
            "description": "The decision is being carried out.",
            "model": BookAnswer,
            "content": shown("RUNNING"),
        },
        **problems(*WRITING, 403, 409),
    },
)
@keyed()
async def resolve(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: BookingId,
    body: Annotated[ResolveBody, Body()],
    patience: Patience,
    operation: TheOperation,
) -> BookAnswer:
    """Try once more what failed (`retry`), or say that a person has settled it (`resolved`)."""
    booking, ended = await resolving.resolve(
        context, caller, booking_id, body.to_resolution(), patience, operation
    )
    answer = translate.book_answer(booking)
    if not ended:
        answer.status_url = translate.status_url(booking.id)
        accepted(response, answer.status_url)
    return answer


@router.post(
    "/{bookingId}/refund",
    operation_id="refundBooking",
    response_model=WholeBooking,
    summary="Give back more than the terms ask for",
    responses={
        200: {"description": "The booking, with its refunds.", "content": shown("WHOLE")},
        202: {
            "description": "Under way, or a person must look: ask for the booking.",
            "model": WholeBooking,
            "content": shown("WHOLE"),
        },
        **problems(*WRITING, 403, 409),
    },
)
@keyed(demanded=True, of=Keyed.REFUND)
async def refund(
    context: Context,
    caller: TheCaller,
    response: Response,
    booking_id: BookingId,
    body: Annotated[GoodwillBody, Body()],
    patience: Patience,
    operation: TheOperation,
) -> WholeBooking:
    """Refund an amount out of goodwill; of equal amounts as often as asked, each with its own key.

    Without a key it is refused (400 `IDEMPOTENCY_KEY_MISSING`): sent again, it would refund twice.
    What stands of the trip is not touched.
    """
    ended = await refunding.give_back(context, caller, booking_id, body, operation, patience)
    found = await finding.find(context, caller, booking_id)
    if not ended:
        response.status_code = 202
    return translate.whole_booking(found.booking, found.history)
