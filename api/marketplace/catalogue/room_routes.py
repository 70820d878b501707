"""``/market/v1/rooms`` and ``/rate-plans``: what a listing sells, when, on which terms."""

from typing import Annotated

from fastapi import Body, Query, Response

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import TheOperation, keyed, natural
from api.marketplace.catalogue import presenter
from api.marketplace.catalogue.listing_schemas import (
    NewRatePlan,
    NewRoom,
    NightsAnswer,
    NightsBody,
    NightsPut,
    RatePlanAnswer,
    RatePlanChange,
    RoomAnswer,
    RoomChange,
)
from api.marketplace.catalogue.values import values_of
from api.marketplace.edge import (
    ASKING,
    CHANGING,
    PREFIX,
    IfMatch,
    ListingId,
    RatePlanId,
    RoomId,
    expected,
    tagged,
    user_of,
)
from api.openapi import WRITING, problems, shown
from models.core.times import Day
from models.marketplace.catalogue import inventory, repository
from models.marketplace.catalogue.terms import PriceRule

router = Audience(Policy.USER, prefix=PREFIX, tags=["market: catalogue"])


@router.post(
    "/listings/{listing_id}/rooms",
    operation_id="createRoom",
    status_code=201,
    summary="Add a type of room",
    responses={
        201: {"description": "The room.", "content": shown("MARKET_ROOM")},
        **problems(*WRITING, 403, 409),
    },
)
@keyed()
async def create_room(
    context: Context,
    principal: Asking,
    response: Response,
    listing_id: ListingId,
    body: Annotated[NewRoom, Body()],
    operation: TheOperation,
) -> RoomAnswer:
    """Add a type of room, whose units are all alike, to a listing. Its nights are put up apart."""
    listing, values = str(listing_id), values_of(body)
    made = await context.record.write(
        lambda session: repository.create_room(
            session, user_of(principal), operation.on(listing), listing, values
        )
    )
    answer = presenter.room(made)
    tagged(response, made.version, answer)
    return answer


@router.patch(
    "/rooms/{room_id}",
    operation_id="changeRoom",
    summary="Change a room, or take it out",
    responses={
        200: {"description": "Changed.", "content": shown("MARKET_ROOM")},
        **problems(*CHANGING),
    },
)
@natural
async def change_room(
    context: Context,
    principal: Asking,
    response: Response,
    room_id: RoomId,
    body: Annotated[RoomChange, Body()],
    if_match: IfMatch = None,
) -> RoomAnswer:
    """Change what is sent, of the version that was seen; quotes and bookings keep their prices."""
    version = expected(body.expected_version, if_match, demanded=True)
    user, which, values = user_of(principal), str(room_id), values_of(body)
    changed = await context.record.write(
        lambda session: repository.change_room(session, user, which, values, version)
    )
    answer = presenter.room(changed)
    tagged(response, changed.version, answer)
    return answer


@router.post(
    "/rooms/{room_id}/rate-plans",
    operation_id="createRatePlan",
    status_code=201,
    summary="Add a rate plan",
    responses={
        201: {"description": "The rate plan.", "content": shown("MARKET_RATE_PLAN")},
        **problems(*WRITING, 403, 409),
    },
)
@keyed()
async def create_plan(
    context: Context,
    principal: Asking,
    response: Response,
    room_id: RoomId,
    body: Annotated[NewRatePlan, Body()],
    operation: TheOperation,
) -> RatePlanAnswer:
    """Add terms to sell a room on: what cancelling and not coming cost, board, price, stays."""
    room = str(room_id)
    values = {"price_rule": PriceRule().model_dump(mode="json"), **values_of(body)}
    made = await context.record.write(
        lambda session: repository.create_plan(
            session, user_of(principal), operation.on(room), room, values
        )
    )
    answer = presenter.plan(made)
    tagged(response, made.version, answer)
    return answer


@router.patch(
    "/rate-plans/{rate_plan_id}",
    operation_id="changeRatePlan",
    summary="Change a rate plan, or take it out",
    responses={
        200: {"description": "Changed.", "content": shown("MARKET_RATE_PLAN")},
        **problems(*CHANGING),
    },
)
@natural
async def change_plan(
    context: Context,
    principal: Asking,
    response: Response,
    rate_plan_id: RatePlanId,
    body: Annotated[RatePlanChange, Body()],
    if_match: IfMatch = None,
) -> RatePlanAnswer:
    """Change what is sent, of the version that was seen; bookings keep the terms they have."""
    version = expected(body.expected_version, if_match, demanded=True)
    user, which, values = user_of(principal), str(rate_plan_id), values_of(body)
    changed = await context.record.write(
        lambda session: repository.change_plan(session, user, which, values, version)
    )
    answer = presenter.plan(changed)
    tagged(response, changed.version, answer)
    return answer


@router.put(
    "/rooms/{room_id}/inventory",
    operation_id="putInventory",
    summary="Put nights up for sale, or change them",
    responses={
        200: {"description": "Done.", "content": shown("MARKET_NIGHTS_PUT")},
        **problems(*WRITING, 403, 409),
    },
)
@natural
async def put_nights(
    context: Context, principal: Asking, room_id: RoomId, body: Annotated[NightsBody, Body()]
) -> NightsPut:
    """Say something of all nights from one day to another, on some days of the week or on all.

    All of it is done, or nothing. There are never fewer units than are held and sold: 409
    `BELOW_SOLD` names the nights. `closed` stops the sale and leaves the number as it is.
    """
    user, which = user_of(principal), str(room_id)
    done = await context.record.write(
        lambda session: inventory.put_nights(
            session,
            user,
            which,
            body.since,
            body.until,
            body.weekdays,
            values_of(body, "weekdays"),
        )
    )
    return NightsPut(nights=done.nights, created=done.created, changed=done.changed)


@router.get(
    "/rooms/{room_id}/inventory",
    operation_id="getInventory",
    summary="Nights of a room",
    responses={
        200: {"description": "In order.", "content": shown("MARKET_NIGHTS")},
        **problems(*ASKING),
    },
)
async def nights(
    context: Context,
    principal: Asking,
    room_id: RoomId,
    *,
    since: Annotated[Day, Query(alias="from", description="The first night.")],
    until: Annotated[
        Day, Query(alias="to", description="The day after the last: at most 730 after from.")
    ],
) -> NightsAnswer:
    """Return the nights that are up for sale, with what is held and sold of each."""
    user, which = user_of(principal), str(room_id)
    room, found, currency = await context.record.read(
        lambda session: inventory.list_nights(session, user, which, since, until)
    )
    return NightsAnswer(
        room_id=room.id,
        currency=currency,
        nights=[presenter.night(one, room) for one in found],
    )
