"""For operators: settle what the saga could not."""

from typing import Annotated

from fastapi import Body, Response

from api import translate
from api.audience import WORK_SECONDS, Audience, Policy
from api.bookings import resolving
from api.contract.answers import BookAnswer
from api.contract.requests import ResolveBody
from api.house import TheCaller, TheHouse
from api.openapi import WRITING, problems, shown
from api.preferences import Patience

router = Audience(Policy.OPERATOR, deadline=WORK_SECONDS, prefix="/booking", tags=["operators"])


@router.post(
    "/{booking_id}/resolve",
    response_model=BookAnswer,
    response_model_exclude_unset=True,
    summary="Decide a case",
    responses={
        200: {
            "description": "The booking after the decision.",
            "content": shown("FAILED"),
        },
        202: {
            "description": "Something is left to settle, or the decision is being carried out.",
            "model": BookAnswer,
            "content": shown("NEEDS_ATTENTION"),
        },
        **problems(*WRITING, 403, 409),
    },
)
async def resolve(
    house: TheHouse,
    caller: TheCaller,
    response: Response,
    booking_id: str,
    body: Annotated[ResolveBody, Body()],
    patience: Patience,
) -> BookAnswer:
    """Try once more what failed (`retry`), or say that a person has settled it (`resolved`)."""
    booking = await resolving.resolve(
        house, caller, booking_id, body.to_resolution(f"operator {caller.name}"), patience
    )
    answer = translate.book_answer(booking)
    if answer.status_url:
        response.status_code = 202
        response.headers["Location"] = answer.status_url
    return answer
