"""``GET /booking/{id}/steps``: all that has happened to a booking, as its watchers were told."""

from pydantic import AwareDatetime, Field

from api.bookings import finding
from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.named import BookingId
from api.core.schemas import Answer
from api.openapi import READING, problems, shown
from api.trips.presenters.steps import steps_of
from models.core.callers import Scope

router = Audience(Policy.CALLER, Scope.TRIPS, prefix="/booking", tags=["bookings"])


class StepAnswer(Answer):
    """Something that has happened."""

    at: AwareDatetime = Field(description="By the database's clock.")
    step: str
    status: str
    message: str


class StepsAnswer(Answer):
    """What has happened to a booking, oldest first."""

    booking_id: str
    booking_reference: str
    steps: list[StepAnswer]


@router.get(
    "/{bookingId}/steps",
    operation_id="listBookingSteps",
    summary="What happened to a booking",
    responses={
        200: {"description": "The steps so far.", "content": shown("STEPS")},
        **problems(*READING, 422),
    },
)
async def steps(context: Context, caller: TheCaller, booking_id: BookingId) -> StepsAnswer:
    """Return every step that `GET /booking/{id}/events` tells, of an ended booking as well."""
    found = await finding.find(context, caller, booking_id, attempts=True)
    return StepsAnswer(
        booking_id=found.booking.id,
        booking_reference=found.booking.reference,
        steps=[StepAnswer.model_validate(vars(step)) for step in steps_of(found)],
    )
