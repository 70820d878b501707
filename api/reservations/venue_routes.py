"""``/api/v1/venues``: venues with their policy."""

from typing import Annotated

from fastapi import Body

from api.core.audience import Audience, Policy
from api.core.context import Context, TheCaller
from api.core.idempotency import natural
from api.core.named import VenueId
from api.openapi import READING, WRITING, problems, shown
from api.reservations.answers import VenueAnswer
from api.reservations.requests import PutVenueBody
from models.core.callers import Scope
from models.core.legs import known_zone
from models.reservations.errors import SlotRefused, VenueNotFound
from models.reservations.venues import Venue, find_venue, put_venue, venue_id

PREFIX = "/api/v1/venues"
work = Audience(Policy.CALLER, Scope.VENUES_WRITE, prefix=PREFIX, tags=["reservations"])
look = Audience(Policy.CALLER, Scope.RESERVATIONS_READ, prefix=PREFIX, tags=["reservations"])


@work.put(
    "/{external_id}",
    operation_id="putVenue",
    response_model=VenueAnswer,
    summary="Register a venue, or change its policy",
    responses={
        200: {"description": "The venue as it is now.", "content": shown("VENUE")},
        **problems(*WRITING, 409),
    },
)
@natural
async def put(
    context: Context,
    caller: TheCaller,
    external_id: VenueId,
    body: Annotated[PutVenueBody, Body()],
) -> VenueAnswer:
    """Put the venue as it is said to be, whole; reservations that stand keep their times."""
    if known_zone(body.time_zone) is None:
        words = "There is no such time zone in the IANA database; one is Europe/Berlin."
        raise SlotRefused("time_zone", words)
    if (wrong := body.policy.contradiction) is not None:
        raise SlotRefused("policy", f"The policy contradicts itself: {wrong}")
    venue = Venue(
        id=venue_id(caller.id, external_id),
        external_id=external_id,
        type=body.type,
        name=body.name,
        time_zone=body.time_zone,
        policy=body.policy,
        version=1,
    )
    stored = await context.record.write(
        lambda session: put_venue(session, caller.id, venue, expected=body.expected_version)
    )
    return _answer(stored)


@look.get(
    "/{external_id}",
    operation_id="getVenue",
    response_model=VenueAnswer,
    summary="A venue",
    responses={
        200: {"description": "The venue.", "content": shown("VENUE")},
        **problems(*READING, 422),
    },
)
async def get(context: Context, caller: TheCaller, external_id: VenueId) -> VenueAnswer:
    """Return a venue with its policy; defaults are filled in."""
    found = await context.record.read(lambda session: find_venue(session, caller.id, external_id))
    if found is None:
        raise VenueNotFound
    return _answer(found)


def _answer(venue: Venue) -> VenueAnswer:
    return VenueAnswer(
        id=venue.external_id,
        type=venue.type,
        name=venue.name,
        time_zone=venue.time_zone,
        policy=venue.policy,
        version=venue.version,
    )
