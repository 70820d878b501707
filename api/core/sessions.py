"""Sessions of users: how a request shows one, and whose it is (decision 0115).

Programs send ``Authorization: Bearer``. Browsers send the cookie ``__Host-session``, which pages
cannot read; a request with it that changes something has to come from our own origin and to carry
the session's CSRF token. Browsers take ``Secure`` cookies from ``http://localhost``, too.
"""

import base64
import hashlib
import hmac
from collections.abc import Collection
from functools import partial
from urllib.parse import urlsplit

from fastapi import Request, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.batch import Batch
from api.core.idempotency import MUTATING
from api.core.principals import Principal
from api.core.problems import ApiProblem
from api.core.record import Record
from models.accounts.sessions import IDLE, LIVES, token_hash
from models.accounts.tables import Role
from models.core.domain_errors import SessionUnknown

COOKIE = "__Host-session"
CSRF_HEADER = "X-CSRF-Token"
BEARER = "Bearer "

_FIND = text("""
WITH seen AS (
    UPDATE sessions SET last_seen_at = now()
    WHERE token_hash = ANY(:digests) AND revoked_at IS NULL
        AND last_seen_at < now() - interval '1 minute' AND last_seen_at > now() - :idle
)
SELECT s.token_hash, s.id::text, s.user_id::text, u.role, s.created_at, s.second_factor_at
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_hash = ANY(:digests) AND s.revoked_at IS NULL AND s.expires_at > now()
    AND s.last_seen_at > now() - :idle AND u.status = 'ACTIVE'
""")
"""Notes once a minute that a session was used."""


class Sessions:
    """Looks sessions up, many in one statement and none from memory.

    A revoked session, or that of a blocked user, opens nothing from the next request on.
    """

    def __init__(self, record: Record) -> None:
        async def look_up(digests: Collection[str]) -> dict[str, Principal]:
            return await record.read(partial(_found, digests=[*digests]))

        self._batch = Batch(look_up)

    async def identify(self, token: str) -> Principal:
        """Return the user whose session has this token.

        Raises:
            SessionUnknown: the same for an unknown, an expired, an idle and a revoked session,
                and for that of a blocked user.
        """
        found = await self._batch.find(token_hash(token).hex()) if len(token) <= 200 else None
        if found is None:
            raise SessionUnknown
        return found


async def _found(session: AsyncSession, digests: list[str]) -> dict[str, Principal]:
    values = {"digests": [bytes.fromhex(one) for one in digests], "idle": IDLE}
    rows = await session.execute(_FIND, values)
    return {
        bytes(digest).hex(): Principal.of_user(
            user_id,
            is_admin=role == Role.ADMIN,
            session_id=session_id,
            signed_in_at=signed_in_at,
            second_factor_at=second_factor_at,
        )
        for digest, session_id, user_id, role, signed_in_at, second_factor_at in rows
    }


def csrf_token(key: bytes, session_id: str) -> str:
    """Return the token that requests with this session's cookie carry; ``key``: AUTH_PEPPER."""
    digest = hmac.new(key, f"csrf\n{session_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def token_of(request: Request) -> str | None:
    """Return the session's token that a request shows; None: it shows none.

    Raises:
        ApiProblem: 400, it shows two.
    """
    cookie = request.cookies.get(COOKIE)
    authorization = request.headers.get("authorization", "")
    bearer = None
    if authorization[: len(BEARER)].lower() == BEARER.lower():
        bearer = authorization[len(BEARER) :].strip()
    if cookie is not None and bearer is not None:
        detail = f"A request has either a bearer token or the cookie {COOKIE}."
        raise ApiProblem(400, "BAD_REQUEST", detail, field="Authorization")
    return cookie if bearer is None else bearer


def expect_own_page(request: Request, key: bytes, principal: Principal) -> None:
    """Make sure that a request with the cookie that changes something comes from our own pages.

    Raises:
        ApiProblem: 403.
    """
    if COOKIE not in request.cookies or request.method not in MUTATING:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        own = site == "same-origin"
    else:  # of no other origin than where the request went, whoever ends TLS before us
        own = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    assert principal.session_id is not None
    expected = csrf_token(key, principal.session_id).encode()
    given = request.headers.get(CSRF_HEADER, "").encode("latin-1", "replace")
    if not own or not hmac.compare_digest(given, expected):
        detail = (
            "A request with a session's cookie comes from our own pages and carries the session's"
            f" token in {CSRF_HEADER}."
        )
        raise ApiProblem(403, "CSRF_REFUSED", detail, field=CSRF_HEADER)


def set_cookie(response: Response, token: str) -> None:
    """Have a browser keep a session: out of reach of scripts and of other sites' requests."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LIVES.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def forget_cookie(response: Response) -> None:
    """Have a browser forget its session."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
