"""``/market/v1/admin/providers`` and ``…/providers/{id}/review``: what admins decide."""

from typing import Annotated

from fastapi import Body, Query, Request, Response

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.cursors import cursor_of, page_of, place_of
from api.core.filters import Cursor
from api.core.idempotency import TheOperation, keyed
from api.core.principals import Principal
from api.marketplace.edge import PREFIX, ProviderId, shown_tagged, tagged
from api.marketplace.providers import schemas
from api.marketplace.providers.schemas import (
    ProviderAnswer,
    ProviderHistory,
    ProviderPage,
    Reviewable,
    ReviewBody,
    ReviewedAnswer,
    WholeProvider,
)
from api.openapi import READING, WRITING, problems, shown
from models.kinds import HOOKS
from models.marketplace.providers.lifecycle import VerificationStatus
from models.marketplace.providers.reviews import (
    list_for_review,
    load_any,
    load_any_history,
    review,
)
from models.marketplace.versions import Expected

router = Audience(Policy.ADMIN, prefix=PREFIX, tags=["market: admins"])


@router.listing(
    "/admin/providers",
    operation_id="listProvidersForReview",
    summary="Providers in a status",
    responses={
        200: {"description": "A page.", "content": shown("MARKET_PROVIDERS_SUBMITTED")},
        **problems(400, 401, 422, 500, 503),
    },
)
async def submitted(
    context: Context,
    principal: Asking,
    request: Request,
    *,
    status: Annotated[Reviewable, Query(description="In this status.")] = "SUBMITTED",
    limit: Annotated[int, Query(ge=1, le=100, description="At most so many.")] = 20,
    cursor: Annotated[
        Cursor | None, Query(description="`next_cursor` of the page before this one.")
    ] = None,
) -> ProviderPage:
    """List submitted profiles in a status, those that were submitted first before the others."""
    after = None if cursor is None else place_of(request, principal, cursor)
    wanted = VerificationStatus(status)
    rows = await context.record.read(
        lambda session: list_for_review(session, wanted, after=after, limit=limit + 1)
    )
    page, last = page_of(rows, limit)
    following = None
    if last is not None:
        assert last.submitted_at is not None
        following = cursor_of(request, principal, (last.submitted_at, last.id))
    return ProviderPage(
        providers=[ProviderAnswer(**schemas.told(row)) for row in page],
        has_more=last is not None,
        next_cursor=following,
    )


@router.get(
    "/admin/providers/{provider_id}",
    operation_id="getProviderForReview",
    response_model=WholeProvider,
    summary="A provider, to be reviewed",
    responses={
        200: {"description": "With its onboarding.", "content": shown("MARKET_PROVIDER")},
        **problems(*READING, 422),
    },
)
async def one(context: Context, request: Request, provider_id: ProviderId) -> Response:
    """Return any provider with what its onboarding says."""
    found = await context.record.read(lambda session: load_any(session, str(provider_id)))
    return shown_tagged(request, found.row.version, schemas.whole(found))


@router.get(
    "/admin/providers/{provider_id}/history",
    operation_id="getProviderHistoryForReview",
    summary="What became of a profile, and who did it",
    responses={
        200: {"description": "Oldest first.", "content": shown("MARKET_PROVIDER_WHO")},
        **problems(*READING, 422),
    },
)
async def history(context: Context, provider_id: ProviderId) -> ProviderHistory:
    """Return every change of any profile's status; `who` names the user, admin or operator."""
    rows = await context.record.read(lambda session: load_any_history(session, str(provider_id)))
    return schemas.history(rows, named=True)


@router.post(
    "/providers/{provider_id}/review",
    operation_id="reviewProvider",
    summary="Decide about a provider",
    responses={
        200: {"description": "Decided.", "content": shown("MARKET_REVIEWED")},
        **problems(*WRITING, 409),
    },
)
@keyed()
async def decide(
    context: Context,
    principal: Asking,
    response: Response,
    provider_id: ProviderId,
    body: Annotated[ReviewBody, Body()],
    operation: TheOperation,
) -> ReviewedAnswer:
    """Decide about the version of a profile that was looked at.

    `START` takes a submitted one under review, `APPROVE` and `REJECT` end that. `SUSPEND` takes
    everything of an approved provider off sale at once, ends open holds, and keeps what is
    confirmed, which becomes a case; `REINSTATE` puts exactly those offers on sale again that the
    suspension took off and nobody has paused or archived since.
    """
    done = await context.record.write(
        lambda session: review(
            session,
            _who(principal),
            str(provider_id),
            body.decision,
            body.reason,
            Expected(body.expected_version),
            hooks=HOOKS,
            repeated=operation.repeated,
        )
    )
    answer = ReviewedAnswer(
        **schemas.told(done.provider),
        offers=done.offers,
        holds_ended=done.holds,
        confirmed_bookings=done.bookings,
    )
    tagged(response, answer.version, answer)
    return answer


def _who(principal: Principal) -> str:
    """Return who decides, as the history says it: told apart from the provider's own users."""
    return f"{principal.role} {principal.id}"
