"""Codes over HTTP: asking for one, and using it up; what signing in and contacts share."""

import hmac
import secrets
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.accounts.schemas import CodeSent, Contact
from api.core.context import AppContext
from api.core.problems import ApiProblem
from models.accounts import challenges
from models.accounts.challenges import Asked, Guess, Limits
from models.accounts.errors import CodeRefused
from models.accounts.identities import Address
from models.accounts.tables import IdentityKind
from models.accounts.users import address_of

CLIENT_COOKIE = "__Host-sign-in"
"""Binds a code to the browser that asked for it; a program sends ``client`` instead."""

Done = TypeVar("Done")


async def ask(
    context: AppContext,
    request: Request,
    contact: Contact,
    client: str,
    user_id: str | None = None,
) -> CodeSent:
    """Have a code sent.

    Raises:
        AddressUnfit, TooManyCodes, IdentityLocked: it is not.
        ApiProblem: 422, nothing is sent there from here.
    """
    address = address_of(*contact.given)
    _expect_reached(context, address)
    limit = context.settings.limit
    host = request.client.host if request.client else ""
    asked = Asked(address, client, host, user_id)
    sent = await context.record.write(
        lambda session: challenges.ask(
            session,
            context.settings.pepper,
            context.sealer,
            asked,
            Limits(limit.network_codes, limit.country_texts),
        )
    )
    return CodeSent(
        challenge_id=sent.challenge_id,
        expires_in=int(challenges.LIVES.total_seconds()),
        resend_after=sent.resend_after,
    )


async def use(
    context: AppContext,
    challenge_id: uuid.UUID,
    code: str,
    client: str,
    work: Callable[[AsyncSession, Guess], Awaitable[Done]],
    user_id: str | None = None,
) -> Done:
    """Look at a guess; where it is right, do ``work``, which uses the code up.

    Raises:
        CodeRefused: it is wrong, or the code has ended.
    """
    found = await context.record.statement(
        lambda connection: challenges.guess(connection, str(challenge_id), user_id)
    )
    if not found.is_right(context.settings.pepper, code, client):
        await context.record.statement(lambda connection: challenges.wrong(connection, found))
        raise CodeRefused(found.attempts_left)
    return await context.record.write(partial(_with, work, found))


async def _with(
    work: Callable[[AsyncSession, Guess], Awaitable[Done]], guess: Guess, session: AsyncSession
) -> Done:
    return await work(session, guess)


def bind(response: Response) -> str:
    """Return a new value that binds a code to this browser, which keeps it in a cookie."""
    client = secrets.token_urlsafe(32)
    response.set_cookie(
        CLIENT_COOKIE,
        client,
        max_age=int(challenges.LIVES.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return client


def unbind(response: Response) -> None:
    """Have a browser forget what bound its code."""
    response.delete_cookie(CLIENT_COOKIE, path="/", secure=True, httponly=True, samesite="strict")


def bound(request: Request, client: str | None) -> str:
    """Return what binds a code to who sends it back: of a program, or of a browser.

    Raises:
        ApiProblem: 422, both are there and differ.
    """
    cookie = request.cookies.get(CLIENT_COOKIE)
    if (
        client is not None
        and cookie is not None
        and not hmac.compare_digest(client.encode(), cookie.encode("utf-8", "replace"))
    ):
        detail = "There is a client, and another one in a cookie: send one of them."
        raise ApiProblem(422, "CONTRADICTORY_REQUEST", detail, field="client")
    return client or cookie or ""


def _expect_reached(context: AppContext, address: Address) -> None:
    settings = context.settings
    if address.kind is IdentityKind.EMAIL:
        if not settings.sends_mail:
            raise ApiProblem(422, "NOT_REACHED", "Codes are not sent by mail here.", field="email")
    elif not settings.sends_texts_to(address.country or ""):
        detail = "Codes are not sent by text to this country. Please use a mail address."
        raise ApiProblem(422, "NOT_REACHED", detail, field="phone")
