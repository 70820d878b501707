"""``/market/v1/listings``: properties of hotel managers."""

from typing import Annotated, Any

from fastapi import Body, Request, Response

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import TheOperation, keyed, natural
from api.marketplace.catalogue import presenter
from api.marketplace.catalogue.listing_schemas import (
    ListingAnswer,
    ListingChange,
    ListingPage,
    NewListing,
    WholeListing,
)
from api.marketplace.catalogue.offers import Behind, Limit, Moving, Wanted, page
from api.marketplace.catalogue.values import values_of
from api.marketplace.edge import (
    ASKING,
    CHANGING,
    MOVING,
    PREFIX,
    IfMatch,
    ListingId,
    ProviderId,
    expected,
    shown_tagged,
    tagged,
    user_of,
)
from api.openapi import WRITING, problems, shown
from models.marketplace.catalogue import publishing, repository
from models.marketplace.catalogue.tables import ListingRow

router = Audience(Policy.USER, prefix=PREFIX, tags=["market: catalogue"])

_MOVED: dict[int | str, dict[str, Any]] = {
    200: {"description": "As it is now.", "content": shown("MARKET_LISTING")},
    **problems(*MOVING),
}


@router.post(
    "/listings",
    operation_id="createListing",
    status_code=201,
    summary="Draft a listing",
    responses={
        201: {"description": "A draft.", "content": shown("MARKET_LISTING_WHOLE")},
        **problems(*WRITING, 403, 409),
    },
)
@keyed()
async def create(
    context: Context,
    principal: Asking,
    response: Response,
    body: Annotated[NewListing, Body()],
    operation: TheOperation,
) -> WholeListing:
    """Draft a listing of a provider of yours that is a HOTEL_MANAGER. It may be completed later."""
    provider, values = str(body.provider_id), values_of(body)
    made = await context.record.write(
        lambda session: repository.create_listing(
            session, user_of(principal), operation.on(provider), provider, values
        )
    )
    answer = presenter.whole_listing(made)
    tagged(response, answer.version, answer)
    return answer


@router.get(
    "/listings/{listing_id}",
    operation_id="getListing",
    response_model=WholeListing,
    summary="A listing of yours",
    responses={
        200: {"description": "With its rooms.", "content": shown("MARKET_LISTING_WHOLE")},
        **problems(*ASKING),
    },
)
async def one(
    context: Context, principal: Asking, request: Request, listing_id: ListingId
) -> Response:
    """Return a listing with its rooms and their rate plans, archived ones included."""
    user, which = user_of(principal), str(listing_id)
    found = await context.record.read(lambda session: repository.load_listing(session, user, which))
    return shown_tagged(request, found.listing.version, presenter.whole_listing(found))


@router.listing(
    "/providers/{provider_id}/listings",
    operation_id="listListingsOfProvider",
    summary="Listings of a provider of yours",
    responses={
        200: {"description": "Newest first.", "content": shown("MARKET_LISTINGS")},
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
) -> ListingPage:
    """List a provider's listings, drafts and archived ones included, without their rooms."""
    rows, following = await page(
        context,
        principal,
        request,
        ListingRow,
        provider_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    return ListingPage(
        listings=[presenter.listing(row) for row in rows],
        has_more=following is not None,
        next_cursor=following,
    )


@router.patch(
    "/listings/{listing_id}",
    operation_id="changeListing",
    summary="Change a listing",
    responses={
        200: {"description": "Changed.", "content": shown("MARKET_LISTING_WHOLE")},
        **problems(*CHANGING),
    },
)
@natural
async def change(
    context: Context,
    principal: Asking,
    response: Response,
    listing_id: ListingId,
    body: Annotated[ListingChange, Body()],
    if_match: IfMatch = None,
) -> WholeListing:
    """Change what is sent, of the version that was seen. What is so already changes nothing.

    `expected_version` or `If-Match` says the version: 409 or 412 `VERSION_CONFLICT` when it has
    moved on. Once nights were held or sold, currency and time zone stay: 409 `FIELD_FIXED`.
    """
    version = expected(body.expected_version, if_match, demanded=True)
    user, which, values = user_of(principal), str(listing_id), values_of(body)
    changed = await context.record.write(
        lambda session: repository.change_listing(session, user, which, values, version)
    )
    answer = presenter.whole_listing(changed)
    tagged(response, answer.version, answer)
    return answer


@router.post(
    "/listings/{listing_id}/publish",
    operation_id="publishListing",
    summary="Put a listing on sale",
    responses=_MOVED,
)
@natural
async def publish(listing_id: ListingId, moving: Moving) -> ListingAnswer:
    """Put a listing on sale, or on sale again.

    409 `PROVIDER_NOT_APPROVED` where its provider is not approved (any more), `LISTING_INCOMPLETE`
    with what is missing. Hotel packages of it are on sale only while it is.
    """
    return await moving.do(publishing.publish, ListingRow, listing_id, presenter.listing)


@router.post(
    "/listings/{listing_id}/pause",
    operation_id="pauseListing",
    summary="Take a listing off sale for a while",
    responses=_MOVED,
)
@natural
async def pause(listing_id: ListingId, moving: Moving) -> ListingAnswer:
    """Take a listing off sale; what is booked stays booked.

    What a suspension paused stays paused when that ends, once its provider has paused it, too.
    """
    return await moving.do(publishing.pause, ListingRow, listing_id, presenter.listing)


@router.post(
    "/listings/{listing_id}/archive",
    operation_id="archiveListing",
    summary="Take a listing off sale for good",
    responses=_MOVED,
)
@natural
async def archive(listing_id: ListingId, moving: Moving) -> ListingAnswer:
    """Take a listing off sale for good; what is booked stays booked."""
    return await moving.do(publishing.archive, ListingRow, listing_id, presenter.listing)
