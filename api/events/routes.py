"""For callers: what happens to their bookings, as CloudEvents (record-and-marketplace.md §5.4)."""

import json
from functools import partial
from typing import Annotated, Any

from fastapi import Header, Path, Query, Request, Response

from api.core.audience import Audience, Policy
from api.core.context import AppContext, Context, TheCaller
from api.core.filters import EVENT_PLACE, EVENT_TYPES, SOME_EVENT_TYPES
from api.core.named import owner_of
from api.core.problems import ApiProblem
from api.core.schemas import LARGEST
from api.events.examples import EVENT_STREAM
from api.events.schemas import EventFeed
from api.events.streams import PAGE, EventStream, stream
from api.openapi import problems, shown
from models.core.callers import Scope
from models.events.feed import FeedPage, latest_position, read_feed
from models.events.schemas import asyncapi, schema_of

router = Audience(Policy.CALLER, Scope.EVENTS_READ, prefix="/api/v1/events", tags=["events"])
public = Audience(Policy.PUBLIC, tags=["events"])

LATEST = "latest"
_ASKING = (401, 410, 422, 500, 503)

After = Annotated[
    str | None,
    Query(
        pattern=EVENT_PLACE,
        description="`next` of the page before this one, or `latest`; absent: from the oldest"
        " event that is kept.",
    ),
]
Types = Annotated[
    str | None,
    Query(
        pattern=SOME_EVENT_TYPES,
        description=f"Only events of these types, separated by commas: {', '.join(EVENT_TYPES)}.",
        examples=["booking.confirmed,booking.cancelled"],
    ),
]


@router.get(
    "",
    operation_id="listEvents",
    response_class=Response,
    response_model=None,
    summary="Events of your bookings, in their order",
    responses={
        200: {"model": EventFeed, "content": shown("EVENT_FEED")},
        **problems(*_ASKING),
    },
)
async def events(
    context: Context,
    caller: TheCaller,
    after: After = None,
    types: Types = None,
    limit: Annotated[int, Query(ge=1, le=500, description="At most so many.")] = 100,
) -> Response:
    """Return the events behind a position; keep `next`, and ask again with it.

    Operators see everybody's. An empty page with `caught_up` says that nothing has happened.
    """
    page = await _page(context, after, limit, owner_of(caller), _wanted(types))
    body = b'{"events":[%s],"next":%d,"caught_up":%s}' % (
        b",".join(event.body for event in page.events),
        page.next,
        b"true" if page.caught_up else b"false",
    )
    headers = {"Cache-Control": "no-store"}
    return Response(body, media_type="application/json", headers=headers)


_SENT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "The position: send it as `Last-Event-ID`."},
        "event": {"type": "string", "enum": EVENT_TYPES},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/CloudEvent"},
        },
    },
}


@router.get(
    "/stream",
    operation_id="streamEvents",
    response_class=Response,
    response_model=None,
    summary="Events of your bookings, as they happen",
    responses={
        200: {
            "description": "Each event is a CloudEvent; a silent stream says now and then that it"
            " is alive.",
            "content": {"text/event-stream": {"schema": _SENT, "example": EVENT_STREAM}},
        },
        **problems(*_ASKING),
    },
)
async def events_stream(
    context: Context,
    caller: TheCaller,
    after: After = None,
    types: Types = None,
    last_event_id: Annotated[
        str | None,
        Header(
            pattern=EVENT_PLACE,
            description="`id` of the last event seen, which goes before `after`; browsers send it"
            " when they come back.",
        ),
    ] = None,
) -> Response:
    """Stream events behind a position (`text/event-stream`), and then as they happen."""
    owner, wanted = owner_of(caller), _wanted(types)
    page = await _page(context, last_event_id or after, PAGE, owner, wanted)
    most = context.settings.events.streams_per_caller
    if context.tail.streams[caller.id] >= most:
        raise ApiProblem(
            429,
            "TOO_MANY_STREAMS",
            f"You have {most} streams open, which are as many as you may have. Please close one.",
            headers={"Retry-After": "30"},
        )
    return EventStream(context.tail, caller.id, stream(context, owner, wanted, page))


@public.get(
    "/schemas/{type}/{version}",
    operation_id="getEventSchema",
    response_model=None,
    response_class=Response,
    summary="The JSON Schema of an event's data",
    responses={
        200: {
            "content": {
                "application/schema+json": {
                    "schema": {"type": "object"},
                    "example": schema_of("booking.expired", 1),
                }
            }
        },
        **problems(404, 422),
    },
)
async def schema(
    type_: Annotated[str, Path(alias="type", max_length=100, description="Of the event.")],
    version: Annotated[int, Path(ge=1, le=LARGEST, description="Of the schema.")],
) -> Response:
    """Return what `data` of events of a type looks like; fields are only ever added to it."""
    found = schema_of(type_, version)
    if found is None:
        raise ApiProblem(404, "NOT_FOUND", "There is no such schema.")
    return _document(found, "application/schema+json")


@public.get("/asyncapi.json", include_in_schema=False)
async def asyncapi_document(request: Request) -> Response:
    """Return the AsyncAPI 3 document of the events."""
    return _document(asyncapi("Events of bookings", request.app.version), "application/json")


def _document(content: dict[str, Any], media_type: str) -> Response:
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(json.dumps(content), media_type=media_type, headers=headers)


def _wanted(types: str | None) -> list[str]:
    return types.split(",") if types else []


async def _page(
    context: AppContext, after: str | None, limit: int, owner: str | None, types: list[str]
) -> FeedPage:
    if after == LATEST:
        latest = await context.record.read(latest_position)
        return FeedPage([], latest, caught_up=True)
    position = None if after is None else int(after)
    return await context.record.read(
        partial(read_feed, after=position, limit=limit, owner=owner, types=types)
    )
