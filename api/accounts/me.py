"""``/market/v1/me``: who is signed in, its contacts and its sessions."""

import uuid
from functools import partial
from typing import Annotated

from fastapi import Body, Path, Request
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts import codes
from api.accounts.schemas import (
    CodeSent,
    Contact,
    JustCode,
    Me,
    Profile,
    ProfileChange,
    SessionAnswer,
    SessionsAnswer,
)
from api.accounts.signing_in import ChallengeId
from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import anew, natural
from api.core.principals import expect_recent_sign_in
from api.core.sessions import COOKIE, csrf_token
from api.openapi import READING, WRITING, problems, shown
from models.accounts import second_factor, users
from models.accounts.challenges import Guess
from models.accounts.errors import ContactInUse, SessionNotFound
from models.accounts.sessions import end_sessions, list_sessions
from models.accounts.tables import UserRow

PREFIX, TAGS = "/market/v1/me", ["accounts"]
enrolling = Audience(Policy.USER, enrolling=True, prefix=PREFIX, tags=[*TAGS])
router = Audience(Policy.USER, prefix=PREFIX, tags=[*TAGS])


@enrolling.get(
    "",
    operation_id="getMe",
    summary="Who is signed in",
    responses={200: {"content": shown("ME")}, **problems(401, 422, 500, 503)},
)
async def me(context: Context, asking: Asking, request: Request) -> Me:
    """Return the user of this session; a browser is told the token that its changes carry."""
    assert asking.session_id is not None

    async def read(session: AsyncSession) -> tuple[UserRow, bool]:
        user = await users.load_user(session, asking.id)
        return user, await second_factor.is_enrolled(session, asking.id)

    user, enrolled = await context.record.read(read)
    by_cookie = COOKIE in request.cookies
    return Me(
        user=Profile.of(user),
        session_id=asking.session_id,
        second_factor_enrolled=enrolled,
        second_factor_at=asking.second_factor_at,
        csrf_token=csrf_token(context.settings.pepper, asking.session_id) if by_cookie else None,
    )


@router.patch(
    "",
    operation_id="changeMe",
    summary="Change one's name or language",
    responses={200: {"content": shown("PROFILE")}, **problems(*WRITING, 403)},
)
@natural
async def change(
    context: Context, asking: Asking, body: Annotated[ProfileChange, Body()]
) -> Profile:
    """Change what is named. Contacts are changed by codes, roles by operators alone."""
    changes = body.model_dump(exclude_none=True)
    row = await context.record.write(
        lambda session: users.change_profile(session, asking.id, changes)
    )
    return Profile.of(row)


@router.post(
    "/contacts",
    operation_id="sendContactCode",
    status_code=202,
    summary="Send a code to a new contact",
    responses={202: {"content": shown("CODE_SENT")}, **problems(*WRITING, 403)},
)
@anew
async def add_contact(
    context: Context,
    asking: Asking,
    request: Request,
    body: Annotated[Contact, Body()],
) -> CodeSent:
    """Send a code to an address that is to be a contact, in place of the one of its kind.

    It needs a sign-in, by a code to a present contact, within 15 minutes (403 `SIGN_IN_AGAIN`). The
    code works in this session alone.
    """
    expect_recent_sign_in(asking)
    assert asking.session_id is not None
    return await codes.ask(context, request, body, asking.session_id, asking.id)


@router.post(
    "/contacts/{challenge_id}/verify",
    operation_id="changeContact",
    summary="Change a contact with its code",
    responses={200: {"content": shown("PROFILE")}, **problems(*WRITING, 403, 409)},
)
@anew
async def verify_contact(
    context: Context,
    asking: Asking,
    challenge_id: ChallengeId,
    body: Annotated[JustCode, Body()],
) -> Profile:
    """Make the address a contact; where the user was reached before is told that it was changed."""
    expect_recent_sign_in(asking)
    assert asking.session_id is not None

    async def work(session: AsyncSession, guess: Guess) -> UserRow | None:
        return await users.change_contact(session, context.sealer, asking.id, guess)

    row = await codes.use(context, challenge_id, body.code, asking.session_id, work, asking.id)
    if row is None:
        raise ContactInUse
    return Profile.of(row)


@enrolling.listing(
    "/sessions",
    operation_id="listMySessions",
    summary="Where one is signed in",
    responses={200: {"content": shown("MY_SESSIONS")}, **problems(401, 422, 500, 503)},
)
async def sessions(context: Context, asking: Asking) -> SessionsAnswer:
    """List the sessions that are alive, those used last first; 100 at most."""
    rows = await context.record.read(lambda session: list_sessions(session, asking.id))
    return SessionsAnswer(sessions=[SessionAnswer.of(row, asking) for row in rows])


@enrolling.delete(
    "/sessions",
    operation_id="endOtherSessions",
    status_code=204,
    summary="End all other sessions",
    responses=problems(400, 401, 403, 422, 500, 503),
)
@natural
async def end_others(context: Context, asking: Asking) -> None:
    """End all sessions but this one; they open nothing from the next request on."""
    await context.record.write(partial(end_sessions, user_id=asking.id, but=asking.session_id))


@enrolling.delete(
    "/sessions/{session_id}",
    operation_id="endSession",
    status_code=204,
    summary="End a session",
    responses=problems(*READING, 400, 403, 422),
)
@natural
async def end(
    context: Context,
    asking: Asking,
    session_id: Annotated[uuid.UUID, Path(description="The session's id.")],
) -> None:
    """End one session of one's own; one that has ended is ended once more, and stays so."""
    done = await context.record.write(
        partial(end_sessions, user_id=asking.id, only=str(session_id))
    )
    if not done:
        raise SessionNotFound
