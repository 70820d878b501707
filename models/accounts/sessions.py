"""Sessions: begun with a code, ended by their user, by time, or with the account."""

import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from models.accounts.tables import IdentityKind, SessionRow

IDLE = dt.timedelta(hours=12)
"""A session that was not used for so long has ended."""
LIVES = dt.timedelta(days=30)
"""No session lives longer (record-and-marketplace.md §3.5)."""
LONGEST_AGENT = 200

SESSIONS = SQLModel.metadata.tables["sessions"]


@dataclass(frozen=True)
class NewSession:
    """A session that has just begun; its token is told once and kept nowhere."""

    id: str
    token: str = field(repr=False)
    expires_at: dt.datetime


def token_hash(token: str) -> bytes:
    """Return what is kept of a token. Header values are Latin-1, whatever was sent."""
    return hashlib.sha256(token.encode("latin-1", "replace")).digest()


async def begin_session(
    session: AsyncSession, user_id: str, method: IdentityKind, user_agent: str = ""
) -> NewSession:
    """Begin a session of a user who has just proved an address."""
    begun, token = str(uuid.uuid4()), secrets.token_urlsafe(32)
    expires_at = await session.scalar(
        insert(SESSIONS)
        .values(
            token_hash=token_hash(token),
            id=begun,
            user_id=user_id,
            method=method,
            user_agent=user_agent[:LONGEST_AGENT],
            expires_at=func.now() + LIVES,
        )
        .returning(SESSIONS.c.expires_at)
    )
    return NewSession(begun, token, expires_at)


async def list_sessions(session: AsyncSession, user_id: str) -> Sequence[SessionRow]:
    """Return a user's sessions that are alive, those used last first."""
    rows = await session.scalars(
        select(SessionRow)
        .where(
            col(SessionRow.user_id) == user_id,
            col(SessionRow.revoked_at).is_(None),
            col(SessionRow.expires_at) > func.now(),
            col(SessionRow.last_seen_at) > func.now() - IDLE,
        )
        .order_by(col(SessionRow.last_seen_at).desc(), col(SessionRow.id))
        .limit(100)
    )
    return rows.all()


async def end_sessions(
    session: AsyncSession,
    user_id: str,
    *,
    only: str | None = None,
    but: str | None = None,
) -> int:
    """End a user's sessions: all, ``only`` one, or all ``but`` one; returns how many there are.

    From the next request on they open nothing. Those that had ended stay as they were.
    """
    ending = update(SESSIONS).where(SESSIONS.c.user_id == user_id)
    if only is not None:
        ending = ending.where(SESSIONS.c.id == only)
    if but is not None:
        ending = ending.where(SESSIONS.c.id != but)
    done = await session.execute(
        ending.values(revoked_at=func.coalesce(SESSIONS.c.revoked_at, func.now()))
    )
    return int(done.rowcount)  # type: ignore[attr-defined]
