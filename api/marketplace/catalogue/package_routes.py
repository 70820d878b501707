"""``/market/v1/packages``: nights and more of a listing, at a price per person."""

from typing import Annotated, Any

from fastapi import Body, Request, Response

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import TheOperation, keyed, natural
from api.marketplace.catalogue import presenter
from api.marketplace.catalogue.offers import Behind, Limit, Moving, Wanted, page
from api.marketplace.catalogue.package_schemas import (
    NewPackage,
    PackageAnswer,
    PackageChange,
    PackagePage,
    WholePackage,
)
from api.marketplace.catalogue.values import rooms_of, values_of
from api.marketplace.edge import (
    ASKING,
    CHANGING,
    MOVING,
    PREFIX,
    IfMatch,
    PackageId,
    ProviderId,
    expected,
    shown_tagged,
    tagged,
    user_of,
)
from api.openapi import WRITING, problems, shown
from models.marketplace.catalogue import packages, publishing
from models.marketplace.catalogue.tables import HotelPackageRow

router = Audience(Policy.USER, prefix=PREFIX, tags=["market: catalogue"])

_MOVED: dict[int | str, dict[str, Any]] = {
    200: {"description": "As it is now.", "content": shown("MARKET_PACKAGE")},
    **problems(*MOVING),
}


@router.post(
    "/packages",
    operation_id="createPackage",
    status_code=201,
    summary="Draft a hotel package",
    responses={
        201: {"description": "A draft.", "content": shown("MARKET_PACKAGE_WHOLE")},
        **problems(*WRITING, 403, 409),
    },
)
@keyed()
async def create(
    context: Context,
    principal: Asking,
    response: Response,
    body: Annotated[NewPackage, Body()],
    operation: TheOperation,
) -> WholePackage:
    """Draft a package of a listing of yours: WEEKEND_ONLY, SEASONAL (in a season) or FLEXIBLE."""
    listing, values, rooms = str(body.listing_id), values_of(body), rooms_of(body) or []
    made = await context.record.write(
        lambda session: packages.create_package(
            session, user_of(principal), operation.on(listing), listing, values, rooms
        )
    )
    answer = presenter.whole_package(made)
    tagged(response, answer.version, answer)
    return answer


@router.get(
    "/packages/{package_id}",
    operation_id="getPackage",
    response_model=WholePackage,
    summary="A hotel package of yours",
    responses={
        200: {"description": "With its rooms.", "content": shown("MARKET_PACKAGE_WHOLE")},
        **problems(*ASKING),
    },
)
async def one(
    context: Context, principal: Asking, request: Request, package_id: PackageId
) -> Response:
    """Return a hotel package with its rooms."""
    user, which = user_of(principal), str(package_id)
    found = await context.record.read(lambda session: packages.load_package(session, user, which))
    return shown_tagged(request, found.package.version, presenter.whole_package(found))


@router.listing(
    "/providers/{provider_id}/packages",
    operation_id="listPackagesOfProvider",
    summary="Hotel packages of a provider of yours",
    responses={
        200: {"description": "Newest first.", "content": shown("MARKET_PACKAGES")},
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
) -> PackagePage:
    """List a provider's hotel packages, drafts and archived ones included, without their rooms."""
    rows, following = await page(
        context,
        principal,
        request,
        HotelPackageRow,
        provider_id,
        status=status,
        limit=limit,
        cursor=cursor,
    )
    return PackagePage(
        packages=[presenter.package(row) for row in rows],
        has_more=following is not None,
        next_cursor=following,
    )


@router.patch(
    "/packages/{package_id}",
    operation_id="changePackage",
    summary="Change a hotel package",
    responses={
        200: {"description": "Changed.", "content": shown("MARKET_PACKAGE_WHOLE")},
        **problems(*CHANGING),
    },
)
@natural
async def change(
    context: Context,
    principal: Asking,
    response: Response,
    package_id: PackageId,
    body: Annotated[PackageChange, Body()],
    if_match: IfMatch = None,
) -> WholePackage:
    """Change what is sent, of the version that was seen; rooms are sent whole."""
    version = expected(body.expected_version, if_match, demanded=True)
    user, which, values = user_of(principal), str(package_id), values_of(body)
    changed = await context.record.write(
        lambda session: packages.change_package(
            session, user, which, values, rooms_of(body), version
        )
    )
    answer = presenter.whole_package(changed)
    tagged(response, answer.version, answer)
    return answer


@router.post(
    "/packages/{package_id}/publish",
    operation_id="publishPackage",
    summary="Put a hotel package on sale",
    responses=_MOVED,
)
@natural
async def publish(package_id: PackageId, moving: Moving) -> PackageAnswer:
    """Put a hotel package on sale, or on sale again.

    409 `PROVIDER_NOT_APPROVED` where its provider is not approved (any more), `OFFER_INCOMPLETE`
    with what is missing: its listing has to be published, too.
    """
    return await moving.do(publishing.publish, HotelPackageRow, package_id, presenter.package)


@router.post(
    "/packages/{package_id}/pause",
    operation_id="pausePackage",
    summary="Take a hotel package off sale for a while",
    responses=_MOVED,
)
@natural
async def pause(package_id: PackageId, moving: Moving) -> PackageAnswer:
    """Take a hotel package off sale; what is booked stays booked."""
    return await moving.do(publishing.pause, HotelPackageRow, package_id, presenter.package)


@router.post(
    "/packages/{package_id}/archive",
    operation_id="archivePackage",
    summary="Take a hotel package off sale for good",
    responses=_MOVED,
)
@natural
async def archive(package_id: PackageId, moving: Moving) -> PackageAnswer:
    """Take a hotel package off sale for good; what is booked stays booked."""
    return await moving.do(publishing.archive, HotelPackageRow, package_id, presenter.package)
