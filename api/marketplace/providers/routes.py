"""``/market/v1/providers``: a user's providers and their onboarding."""

from typing import Annotated

from fastapi import Body, Request, Response

from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import natural
from api.core.principals import expect_recent_second_factor
from api.marketplace.edge import ASKING, PREFIX, ProviderId, shown_tagged, tagged, user_of
from api.marketplace.providers import schemas
from api.marketplace.providers.schemas import (
    MyProvider,
    NewProvider,
    ProviderHistory,
    ProvidersAnswer,
    StepBody,
    WholeProvider,
)
from api.openapi import READING, WRITING, problems, shown
from models.core.keys import operation_id
from models.marketplace.catalogue.errors import OfferRefused
from models.marketplace.providers import repository
from models.marketplace.providers.lifecycle import MemberRole
from models.marketplace.providers.steps import Step

router = Audience(Policy.USER, prefix=f"{PREFIX}/providers", tags=["market: providers"])


@router.post(
    "",
    operation_id="createProvider",
    status_code=201,
    summary="Begin to offer stays or tours",
    responses={
        201: {"description": "The profile.", "content": shown("MARKET_PROVIDER_BEGUN")},
        **problems(*WRITING),
    },
)
@natural
async def create(
    context: Context,
    principal: Asking,
    response: Response,
    body: Annotated[NewProvider, Body()],
) -> WholeProvider:
    """Make the user's profile of a type; there is one of each. The same again finds it.

    What it offers can be drafted at once, and is published once the house has approved it.
    """
    user = user_of(principal)
    own_id = operation_id(principal.subject, f"POST {PREFIX}/providers", body.provider_type, "")
    made = await context.record.write(
        lambda session: repository.create_provider(session, user, own_id, body.provider_type)
    )
    answer = schemas.whole(made)
    tagged(response, answer.version, answer)
    return answer


@router.listing(
    "",
    operation_id="listProviders",
    summary="Your providers",
    responses={
        200: {"description": "Oldest first.", "content": shown("MARKET_PROVIDERS")},
        **problems(401, 403, 422, 500, 503),
    },
)
async def mine(context: Context, principal: Asking) -> ProvidersAnswer:
    """List the providers of which the user is a member."""
    user = user_of(principal)
    found = await context.record.read(lambda session: repository.list_providers(session, user))
    return ProvidersAnswer(
        providers=[MyProvider(**schemas.told(row), role=MemberRole(role)) for row, role in found]
    )


@router.get(
    "/{provider_id}",
    operation_id="getProvider",
    response_model=WholeProvider,
    summary="A provider of yours",
    responses={
        200: {"description": "With its onboarding.", "content": shown("MARKET_PROVIDER")},
        **problems(*READING, 403, 422),
    },
)
async def one(
    context: Context, principal: Asking, request: Request, provider_id: ProviderId
) -> Response:
    """Return a provider of which the user is a member, with the steps of its onboarding."""
    user, which = user_of(principal), str(provider_id)
    found = await context.record.read(
        lambda session: repository.load_provider(session, user, which)
    )
    return shown_tagged(request, found.row.version, schemas.whole(found))


@router.patch(
    "/{provider_id}/onboarding/{step}",
    operation_id="fillInStep",
    summary="Fill in a step of the onboarding",
    responses={
        200: {"description": "As it is now.", "content": shown("MARKET_PROVIDER_BEGUN")},
        **problems(*WRITING, 403, 409),
    },
)
@natural
async def fill_in(
    context: Context,
    principal: Asking,
    response: Response,
    provider_id: ProviderId,
    step: Step,
    body: Annotated[StepBody, Body()],
) -> WholeProvider:
    """Send a step whole; it takes the place of what was sent before. The same changes nothing.

    A hotel manager has `business`, `contact`, `address`, `property`, `payout` and `terms`; a tour
    operator `licence` in place of `property`. `payout` and `terms` are the owner's, and for
    `payout` a second factor has to have been proved within 15 minutes. A change takes back what was
    submitted; while it is under review nothing is changed, and once it was approved only contact,
    address and payout are.
    """
    if body.root.step != step:
        raise OfferRefused("step", f"The path names the step {step}, and the body another one.")
    if step is Step.PAYOUT:
        expect_recent_second_factor(principal)
    user, which = user_of(principal), str(provider_id)
    saved = await context.record.write(
        lambda session: repository.save_step(session, user, which, body.root)
    )
    answer = schemas.whole(saved)
    tagged(response, answer.version, answer)
    return answer


@router.post(
    "/{provider_id}/submit",
    operation_id="submitProvider",
    summary="Hand a profile in to be reviewed",
    responses={
        200: {"description": "Submitted.", "content": shown("MARKET_PROVIDER")},
        **problems(*ASKING, 409),
    },
)
@natural
async def submit(
    context: Context, principal: Asking, response: Response, provider_id: ProviderId
) -> WholeProvider:
    """Hand a complete profile in. 409 `STEPS_MISSING` says which steps are to be filled in."""
    user, which = user_of(principal), str(provider_id)
    handed_in = await context.record.write(lambda session: repository.submit(session, user, which))
    answer = schemas.whole(handed_in)
    tagged(response, answer.version, answer)
    return answer


@router.get(
    "/{provider_id}/history",
    operation_id="getProviderHistory",
    summary="What became of a profile",
    responses={
        200: {"description": "Oldest first.", "content": shown("MARKET_PROVIDER_HISTORY")},
        **problems(*ASKING),
    },
)
async def history(context: Context, principal: Asking, provider_id: ProviderId) -> ProviderHistory:
    """Return every change of the profile's status, with the reasons that reviews gave."""
    user, which = user_of(principal), str(provider_id)
    rows = await context.record.read(
        lambda session: repository.load_own_history(session, user, which)
    )
    return schemas.history(rows)
