"""``/market/v1/auth``: signing in with a code, proving a second factor, signing out (§3.5)."""

import uuid
from functools import partial
from typing import Annotated

from fastapi import Body, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts import codes
from api.accounts.schemas import (
    CodeGuess,
    CodeRequest,
    CodeSent,
    JustCode,
    Profile,
    SecondFactorProved,
    SignedIn,
)
from api.accounts.second_factor import prove
from api.core.audience import Audience, Policy
from api.core.context import Asking, Context
from api.core.idempotency import anew, natural
from api.core.sessions import csrf_token, forget_cookie, set_cookie
from api.openapi import WRITING, problems, refusal, shown
from models.accounts import users
from models.accounts.challenges import Guess
from models.accounts.errors import AccountBlocked
from models.accounts.sessions import end_sessions
from models.core.incoming import holds_card_number

PREFIX, TAGS = "/market/v1/auth", ["accounts"]
strangers = Audience(Policy.SIGN_IN, prefix=PREFIX, tags=[*TAGS])
signed_in = Audience(Policy.USER, enrolling=True, prefix=PREFIX, tags=[*TAGS])

ChallengeId = Annotated[uuid.UUID, Path(description="`challenge_id` of the answer.")]
_ASKING = tuple(status for status in WRITING if status not in (401, 404))


@strangers.post(
    "/codes",
    operation_id="sendSignInCode",
    status_code=202,
    summary="Send a code to sign in with",
    responses={202: {"content": shown("CODE_SENT")}, **problems(*_ASKING, 403)},
)
@anew
async def send(
    context: Context, request: Request, response: Response, body: Annotated[CodeRequest, Body()]
) -> CodeSent:
    """Send six digits to a mail address or, by text, to a phone; the newest code alone works.

    The answer is the same whether or not anybody has an account there: one is made when the first
    code comes back. A browser gets a cookie, and its code works there alone; a program sends
    `client`, random and its own, and sends it again with the code. One code a minute, five in 15
    minutes and ten a day go to one address.
    """
    client = body.client or codes.bind(response)
    return await codes.ask(context, request, body, client)


@strangers.post(
    "/codes/{challenge_id}/verify",
    operation_id="signIn",
    summary="Sign in with a code",
    responses={
        200: {"content": shown("SIGNED_IN_PROGRAM", "SIGNED_IN_BROWSER")},
        **problems(*WRITING, 403),
        **refusal(
            401,
            "CODE_REFUSED",
            "This code is not accepted: it is wrong, too old or used, or was asked for elsewhere.",
        ),
        **refusal(403, "ACCOUNT_BLOCKED", "This account is blocked. Please ask us."),
    },
)
@anew
async def verify(
    context: Context,
    request: Request,
    response: Response,
    challenge_id: ChallengeId,
    body: Annotated[CodeGuess, Body()],
) -> SignedIn:
    """Begin a session. A code works once, for five minutes and five guesses.

    A wrong, an old and a used code, and one that was asked for elsewhere, are refused alike; as
    long as the code is alive `details` says how many guesses are left. A browser gets its session
    in a cookie, a program in `token`. To lose the answer is to ask for another code.
    """
    agent = request.headers.get("user-agent", "")
    if holds_card_number(agent):
        agent = ""
    pepper, sealer = context.settings.pepper, context.sealer

    async def work(session: AsyncSession, guess: Guess) -> users.SignedIn:
        return await users.sign_in(session, pepper, sealer, guess, agent)

    client = codes.bound(request, body.client)
    found = await codes.use(context, challenge_id, body.code, client, work)
    if found.session is None:
        raise AccountBlocked(found.user.id)
    answer = SignedIn(
        user=Profile.of(found.user),
        session_id=found.session.id,
        expires_at=found.session.expires_at,
    )
    if body.client is not None:
        answer.token = found.session.token
    else:
        answer.csrf_token = csrf_token(pepper, found.session.id)
        codes.unbind(response)
        set_cookie(response, found.session.token)
    return answer


@signed_in.post(
    "/second-factor",
    operation_id="proveSecondFactor",
    summary="Prove the second factor in this session",
    responses={200: {"content": shown("SECOND_FACTOR_PROVED")}, **problems(*WRITING, 403)},
)
@anew
async def second_factor(
    context: Context, asking: Asking, body: Annotated[JustCode, Body()]
) -> SecondFactorProved:
    """Prove it with what the authenticator shows now; each code is accepted once.

    After five wrong codes in a row the next guess waits a minute, then two, up to an hour.
    """
    return await prove(context, asking, body.code)


@signed_in.post(
    "/logout",
    operation_id="signOut",
    status_code=204,
    summary="End this session",
    responses=problems(400, 401, 403, 422, 500, 503),
)
@natural
async def logout(context: Context, asking: Asking, response: Response) -> None:
    """End this session; it opens nothing from the next request on."""
    await context.record.write(partial(end_sessions, user_id=asking.id, only=asking.session_id))
    forget_cookie(response)
