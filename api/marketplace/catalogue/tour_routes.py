"""``/market/v1/tours``: guided tours of some days, sold by the seat."""

from typing import Annotated, Any

from fastapi import Body, Request, Response

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import TheOperation, keyed, natural
from api.marketplace.catalogue import presenter
from api.marketplace.catalogue.offers import Behind, Limit, Moving, Wanted, page
from api.marketplace.catalogue.package_schemas import (
    NewTour,
    TourAnswer,
    TourChange,
    TourPage,
    WholeTour,
)
from api.marketplace.catalogue.values import parts_of, values_of
from api.marketplace.edge import (
    ASKING,
    CHANGING,
    MOVING,
    PREFIX,
    IfMatch,
    ProviderId,
    TourId,
    expected,
    shown_tagged,
    tagged,
    user_of,
)
from api.openapi import WRITING, problems, shown
from models.marketplace.catalogue import packages, publishing
from models.marketplace.catalogue.tables import TourPackageRow

router = Audience(Policy.USER, prefix=PREFIX, tags=["market: catalogue"])

_MOVED: dict[int | str, dict[str, Any]] = {
    200: {"description": "As it is now.", "content": shown("MARKET_TOUR")},
    **problems(*MOVING),
}


@router.post(
    "/tours",
    operation_id="createTour",
    status_code=201,
    summary="Draft a tour",
    responses={
        201: {"description": "A draft.", "content": shown("MARKET_TOUR_WHOLE")},
        **problems(*WRITING, 403, 409),
    },
)
@keyed()
async def create(
    context: Context,
    principal: Asking,
    response: Response,
    body: Annotated[NewTour, Body()],
    operation: TheOperation,
) -> WholeTour:
    """Draft a tour of a provider of yours that is a TOUR_OPERATOR. It may be completed later."""
    provider, values, parts = str(body.provider_id), values_of(body), parts_of(body)
    made = await context.record.write(
        lambda session: packages.create_tour(
            session, user_of(principal), operation.on(provider), provider, values, parts
        )
    )
    answer = presenter.whole_tour(made)
    tagged(response, answer.version, answer)
    return answer


@router.get(
    "/tours/{tour_id}",
    operation_id="getTour",
    response_model=WholeTour,
    summary="A tour of yours",
    responses={
        200: {"description": "With its days and pickups.", "content": shown("MARKET_TOUR_WHOLE")},
        **problems(*ASKING),
    },
)
async def one(context: Context, principal: Asking, request: Request, tour_id: TourId) -> Response:
    """Return a tour with its days and pickups."""
    user, which = user_of(principal), str(tour_id)
    found = await context.record.read(lambda session: packages.load_tour(session, user, which))
    return shown_tagged(request, found.tour.version, presenter.whole_tour(found))


@router.listing(
    "/providers/{provider_id}/tours",
    operation_id="listToursOfProvider",
    summary="Tours of a provider of yours",
    responses={
        200: {"description": "Newest first.", "content": shown("MARKET_TOURS")},
        **problems(400, *ASKING),
    },
)
async def of_provider(
    context: Context,
    principal: Asking,
    request: Request,
    provider_id: ProviderId,
    *,
    status: Wanted = None,
    limit: Limit = 20,
    cursor: Behind = None,
) -> TourPage:
    """List a provider's tours, drafts and archived ones included, without their days."""
    rows, following = await page(
        context,
        principal,
        request,
        TourPackageRow,
        provider_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    return TourPage(
        tours=[presenter.tour(row) for row in rows],
        has_more=following is not None,
        next_cursor=following,
    )


@router.patch(
    "/tours/{tour_id}",
    operation_id="changeTour",
    summary="Change a tour",
    responses={
        200: {"description": "Changed.", "content": shown("MARKET_TOUR_WHOLE")},
        **problems(*CHANGING),
    },
)
@natural
async def change(
    context: Context,
    principal: Asking,
    response: Response,
    tour_id: TourId,
    body: Annotated[TourChange, Body()],
    if_match: IfMatch = None,
) -> WholeTour:
    """Change what is sent, of the version that was seen; itinerary and pickups are sent whole.

    Once there are departures its days and time zone stay, and once seats were held or sold its
    currency: 409 `FIELD_FIXED`.
    """
    version = expected(body.expected_version, if_match, demanded=True)
    user, which, values = user_of(principal), str(tour_id), values_of(body)
    changed = await context.record.write(
        lambda session: packages.change_tour(session, user, which, values, parts_of(body), version)
    )
    answer = presenter.whole_tour(changed)
    tagged(response, answer.version, answer)
    return answer


@router.post(
    "/tours/{tour_id}/publish",
    operation_id="publishTour",
    summary="Put a tour on sale",
    responses=_MOVED,
)
@natural
async def publish(tour_id: TourId, moving: Moving) -> TourAnswer:
    """Put a tour on sale, or on sale again.

    409 `PROVIDER_NOT_APPROVED` where its provider is not approved (any more), `OFFER_INCOMPLETE`
    with what is missing.
    """
    return await moving.do(publishing.publish, TourPackageRow, tour_id, presenter.tour)


@router.post(
    "/tours/{tour_id}/pause",
    operation_id="pauseTour",
    summary="Take a tour off sale for a while",
    responses=_MOVED,
)
@natural
async def pause(tour_id: TourId, moving: Moving) -> TourAnswer:
    """Take a tour off sale; what is booked stays booked."""
    return await moving.do(publishing.pause, TourPackageRow, tour_id, presenter.tour)


@router.post(
    "/tours/{tour_id}/archive",
    operation_id="archiveTour",
    summary="Take a tour off sale for good",
    responses=_MOVED,
)
@natural
async def archive(tour_id: TourId, moving: Moving) -> TourAnswer:
    """Take a tour off sale for good; what is booked stays booked."""
    return await moving.do(publishing.archive, TourPackageRow, tour_id, presenter.tour)
