"""The second factor: an authenticator application that shows six digits (TOTP, RFC 6238).

Each time step is accepted once (RFC 6238, 5.2). Lost, it is reset by an operator alone
(``tripsaga users reset-second-factor``): a way back by mail would make it worth a mail.
"""

import datetime as dt
import math
from typing import cast

import pyotp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from models.accounts.errors import SecondFactorEnrolled, SecondFactorRefused
from models.core.sealing import Sealer, opened, sealed

ISSUER = "tripsaga"
STEP_SECONDS = 30
_DRIFT = 1
"""Time steps before and after the present one that are accepted: clocks differ."""
_FREE_GUESSES = 5
"""Wrong codes in a row before guesses have to wait: 1 minute, 2, 4, up to 60."""

_ENROL = text("""
INSERT INTO second_factors AS f (user_id, secret) VALUES (:user_id, :secret)
ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, last_step = 0, created_at = now()
WHERE f.confirmed_at IS NULL RETURNING 1
""")
_FIND = text("""
SELECT secret, confirmed_at IS NOT NULL AS confirmed,
    extract(epoch FROM locked_until - clock_timestamp())::float8 AS locked,
    extract(epoch FROM clock_timestamp())::float8 AS now
FROM second_factors WHERE user_id = :user_id
""")
_RIGHT = text("""
UPDATE second_factors SET last_step = :step, failures = 0, locked_until = NULL,
    confirmed_at = coalesce(confirmed_at, clock_timestamp())
WHERE user_id = :user_id AND last_step < :step AND secret = :secret RETURNING 1
""")
# Counted before it is looked at, as codes are; nobody guesses while it is locked.
_GUESS = text(f"""
UPDATE second_factors SET failures = failures + 1,
    locked_until = CASE WHEN failures + 1 >= {_FREE_GUESSES} THEN clock_timestamp()
        + least(60, power(2, least(failures + 1 - {_FREE_GUESSES}, 6))) * interval '1 minute' END
WHERE user_id = :user_id AND (locked_until IS NULL OR locked_until <= clock_timestamp())
RETURNING 1
""")  # noqa: S608
_PROVED = text(
    "UPDATE sessions SET second_factor_at = clock_timestamp() WHERE id = :id"
    " RETURNING second_factor_at"
)


async def enrol(session: AsyncSession, sealer: Sealer, user_id: str) -> str:
    """Begin an enrolment, anew where one was not confirmed; returns the secret (Base32).

    Raises:
        SecondFactorEnrolled: there is a confirmed one.
    """
    secret = pyotp.random_base32()
    values = {"user_id": user_id, "secret": sealed(sealer, _row(user_id), secret)}
    if (await session.execute(_ENROL, values)).one_or_none() is None:
        raise SecondFactorEnrolled
    return secret


def uri(secret: str, name: str) -> str:
    """Return what authenticator applications read, for the user of this name."""
    return pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=name, issuer_name=ISSUER)


async def guess(connection: AsyncConnection, user_id: str) -> None:
    """Count a guess as a wrong one, in a statement of its own; :func:`prove` takes it back.

    Raises:
        SecondFactorRefused: too many were wrong, or there is no authenticator.
    """
    if (await connection.execute(_GUESS, {"user_id": user_id})).one_or_none() is None:
        row = (await connection.execute(_FIND, {"user_id": user_id})).one_or_none()
        locked = row.locked if row is not None else None
        raise SecondFactorRefused(math.ceil(locked) if locked and locked > 0 else None)


async def prove(
    session: AsyncSession,
    sealer: Sealer,
    user_id: str,
    session_id: str,
    code: str,
    *,
    confirming: bool = False,
) -> dt.datetime:
    """Accept the code of an authenticator in a session, and return when; ``confirming``: it ends an
    enrolment.

    Raises:
        SecondFactorEnrolled: it is confirmed already.
        SecondFactorRefused: the code is wrong or was used, or nothing is enrolled.
    """
    row = (await session.execute(_FIND, {"user_id": user_id})).one_or_none()
    if row is None or (not row.confirmed and not confirming):
        raise SecondFactorRefused
    if row.confirmed and confirming:
        raise SecondFactorEnrolled
    totp = pyotp.TOTP(opened(sealer, _row(user_id), row.secret), interval=STEP_SECONDS)
    now = int(row.now // STEP_SECONDS)
    steps = [
        step
        for step in range(now - _DRIFT, now + _DRIFT + 1)
        if pyotp.utils.strings_equal(totp.generate_otp(step), code)
    ]
    for step in steps:
        values = {"user_id": user_id, "step": step, "secret": row.secret}
        if (await session.execute(_RIGHT, values)).one_or_none() is not None:
            at = await session.scalar(_PROVED, {"id": session_id})
            assert at is not None
            return cast("dt.datetime", at)
    raise SecondFactorRefused


async def is_enrolled(session: AsyncSession, user_id: str) -> bool:
    """Tell whether a user has a confirmed second factor."""
    row = (await session.execute(_FIND, {"user_id": user_id})).one_or_none()
    return row is not None and bool(row.confirmed)


async def reset(session: AsyncSession, user_id: str) -> bool:
    """Take a user's second factor away, also where it was proved; False: there was none."""
    gone = await session.execute(
        text("DELETE FROM second_factors WHERE user_id = :user_id RETURNING 1"),
        {"user_id": user_id},
    )
    found = gone.one_or_none() is not None
    await session.execute(
        text("UPDATE sessions SET second_factor_at = NULL WHERE user_id = :user_id"),
        {"user_id": user_id},
    )
    return found


def _row(user_id: str) -> str:
    return f"second_factor:{user_id}"
