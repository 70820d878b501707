"""``/market/v1/me/second-factor``: an authenticator application beside the codes."""

from typing import Annotated

from fastapi import Body
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts.schemas import (
    Enrolment,
    JustCode,
    SecondFactorProved,
)
from api.core.audience import Audience, Policy
from api.core.context import AppContext, Asking, Context
from api.core.idempotency import anew
from api.core.principals import Principal, expect_recent_sign_in
from api.openapi import WRITING, problems, shown
from models.accounts import second_factor, users

router = Audience(
    Policy.USER, enrolling=True, prefix="/market/v1/me/second-factor", tags=["accounts"]
)


@router.post(
    "",
    operation_id="enrolSecondFactor",
    status_code=201,
    summary="Enrol an authenticator",
    responses={
        201: {"content": shown("SECOND_FACTOR_SECRET")},
        **problems(400, 401, 403, 409, 422, 500, 503),
    },
)
@anew
async def enrol(context: Context, asking: Asking) -> Enrolment:
    """Begin an enrolment, with a sign-in within 15 minutes; the code that it shows confirms it.

    One that was not confirmed is replaced. A confirmed one is never: an operator resets it.
    """
    expect_recent_sign_in(asking)

    async def work(session: AsyncSession) -> Enrolment:
        user = await users.load_user(session, asking.id)
        secret = await second_factor.enrol(session, context.sealer, asking.id)
        name = user.email or user.phone or user.id
        return Enrolment(secret=secret, uri=second_factor.uri(secret, name))

    return await context.record.write(work)


@router.post(
    "/confirm",
    operation_id="confirmSecondFactor",
    summary="Confirm an authenticator",
    responses={200: {"content": shown("SECOND_FACTOR_PROVED")}, **problems(*WRITING, 403, 409)},
)
@anew
async def confirm(
    context: Context, asking: Asking, body: Annotated[JustCode, Body()]
) -> SecondFactorProved:
    """End an enrolment with what the authenticator shows; it is proved in this session, too."""
    expect_recent_sign_in(asking)
    return await prove(context, asking, body.code, confirming=True)


async def prove(
    context: AppContext, asking: Principal, code: str, *, confirming: bool = False
) -> SecondFactorProved:
    """Look at what an authenticator shows.

    Raises:
        SecondFactorRefused: it is wrong or was used, nothing is enrolled, or too many were wrong.
        SecondFactorEnrolled: there is nothing to confirm any more.
    """
    assert asking.session_id is not None
    session_id = asking.session_id
    await context.record.statement(lambda connection: second_factor.guess(connection, asking.id))

    async def work(session: AsyncSession) -> SecondFactorProved:
        at = await second_factor.prove(
            session, context.sealer, asking.id, session_id, code, confirming=confirming
        )
        if confirming:
            await users.note(session, asking.id, f"user {asking.id}", "enrolled second factor")
        return SecondFactorProved(second_factor_at=at)

    return await context.record.write(work)
