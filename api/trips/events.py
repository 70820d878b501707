"""For trip planners: watch a booking as it happens."""

from typing import Annotated, Any

from fastapi import Header, Response
from sse_starlette import EventSourceResponse

from api.bookings import finding
from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.named import BookingId
from api.openapi import READING, problems
from api.trips import watching
from api.trips.examples import EVENTS
from api.trips.presenters.steps import steps_of
from models.core.callers import Scope

router = Audience(Policy.CALLER, Scope.TRIPS, prefix="/booking", tags=["bookings"])

PING_SECONDS = 10
"""How often a silent stream says that it is alive."""


def _event(kinds: list[str], told: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string", "enum": kinds},
            "id": {"type": "string", "description": "To be sent as `Last-Event-ID`."},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": f"#/components/schemas/{told}"},
            },
        },
    }


_EVENT = {
    "description": "Each event of the stream.",
    "oneOf": [_event(["step"], "StepAnswer"), _event(["state", "end"], "BookAnswer")],
}


@router.get(
    "/{bookingId}/events",
    operation_id="watchBooking",
    response_class=Response,
    response_model=None,
    summary="Watch a booking",
    responses={
        200: {
            "description": "Events `step`, `state` and, at last, `end`; their data are JSON.",
            "content": {"text/event-stream": {"schema": _EVENT, "example": EVENTS}},
        },
        204: {"description": "You have seen the end: do not come back."},
        **problems(*READING, 422),
    },
)
async def events(
    context: Context,
    caller: TheCaller,
    booking_id: BookingId,
    last_event_id: Annotated[
        str | None,
        Header(
            description="`id` of the last event seen; browsers send it when they come back."
            " Another one counts as none."
        ),
    ] = None,
) -> Response:
    """Stream every step as it happens (`text/event-stream`), up to the final answer."""
    found = await finding.find(context, caller, booking_id, attempts=True)
    resume = watching.Resume.after(last_event_id, len(steps_of(found)))
    if resume.nothing_left(found):
        return Response(status_code=204)
    return EventSourceResponse(
        watching.watch(context, caller, found, resume),
        ping=PING_SECONDS,
        headers={"Cache-Control": "no-store"},
    )
