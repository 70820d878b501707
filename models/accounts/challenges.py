"""Codes: asked for within limits, guessed at most five times, used once (§3.5, decision 0114).

Nothing here reads users before a code was right. So what a request does, and how long it takes, is
the same whether an address is known, unknown or that of a blocked account.
"""

import datetime as dt
import hashlib
import hmac
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import SQLModel

from models.accounts import hashing
from models.accounts.errors import CodeRefused, IdentityLocked, TooManyCodes
from models.accounts.identities import Address
from models.accounts.tables import MOST_ATTEMPTS, IdentityKind
from models.core.sealing import Sealer, opened, sealed
from models.messages.outbox import Message, post
from models.messages.tables import Channel
from models.messages.templates import Template

LIVES = dt.timedelta(minutes=5)
SENDS = (
    (1, dt.timedelta(minutes=1)),
    (5, dt.timedelta(minutes=15)),
    (10, dt.timedelta(days=1)),
)
"""How many codes are sent to one address, each within how long."""
NETWORK_WINDOW = dt.timedelta(hours=1)
COUNTRY_WINDOW = dt.timedelta(days=1)
WAITS_FROM = 10
"""Wrong codes in a row from which on sending waits: 1 minute, 2, 4, up to 60."""
LOCKED_FROM = 100
KEPT = dt.timedelta(days=2)
"""How long challenges stay: longer than any limit looks back."""

CHALLENGES = SQLModel.metadata.tables["auth_challenges"]


@dataclass(frozen=True)
class Limits:
    """What may be set; 0: without limit."""

    network: int
    """Codes an hour that one /24 or /64 may ask for."""
    country: int
    """Texts a day to one country."""


@dataclass(frozen=True)
class Asked:
    """A request for a code."""

    address: Address
    client: str = field(repr=False)
    """What has to come back with the code."""
    host: str
    """Where the request came from."""
    user_id: str | None = None
    """Who wants the address as a contact; None: somebody signs in."""


@dataclass(frozen=True)
class Sent:
    """A code is under way."""

    challenge_id: str
    resend_after: int
    """Seconds until another one may be asked for."""


@dataclass(frozen=True)
class Guess:
    """A guess that counts: the challenge was alive."""

    challenge_id: str
    kind: IdentityKind
    value_hash: bytes = field(repr=False)
    code_hash: bytes = field(repr=False)
    client_hash: bytes = field(repr=False)
    attempts_left: int

    def is_right(self, pepper: bytes, code: str, client: str) -> bool:
        """Compare in constant time; another client's code is as wrong as another code."""
        same_code = hmac.compare_digest(
            hashing.code_hash(pepper, self.challenge_id, code), self.code_hash
        )
        same_client = hmac.compare_digest(hashing.client_hash(pepper, client), self.client_hash)
        return same_code and same_client


# -- asking ------------------------------------------------------------------------------------

_LOCK = text("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(:keys AS bigint[])) AS k")
# Ages in seconds of what each limit looks at, by clocks that go on while locks are waited for.
_LOOK = text("""
SELECT
    ARRAY(SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM auth_challenges
        WHERE kind = :kind AND value_hash = :value
        ORDER BY created_at DESC LIMIT :most) AS of_address,
    (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM auth_challenges
        WHERE network_hash = :network
        ORDER BY created_at DESC OFFSET greatest(:of_network - 1, 0) LIMIT 1) AS of_network,
    (SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM auth_challenges
        WHERE country = :country
        ORDER BY created_at DESC OFFSET greatest(:of_country - 1, 0) LIMIT 1) AS of_country,
    (SELECT failures FROM auth_identities WHERE kind = :kind AND value_hash = :value) AS failures,
    (SELECT extract(epoch FROM locked_until - clock_timestamp())::float8 FROM auth_identities
        WHERE kind = :kind AND value_hash = :value) AS locked
""")
_INVALIDATE = text("""
UPDATE auth_challenges SET invalidated_at = clock_timestamp(), address = NULL
WHERE kind = :kind AND value_hash = :value AND consumed_at IS NULL AND invalidated_at IS NULL
""")


async def ask(
    session: AsyncSession, pepper: bytes, sealer: Sealer, asked: Asked, limits: Limits
) -> Sent:
    """Make a code and have it sent; older ones of the address end.

    To be repeated as a whole: what is limited is counted under locks of this transaction.

    Raises:
        TooManyCodes: a limit of the address, the network or the country is reached.
        IdentityLocked: too many codes in a row were wrong.
    """
    address = asked.address
    value = hashing.address_hash(pepper, address)
    network = hashing.network_hash(pepper, asked.host)
    # In one order, or two requests would wait for each other.
    names: list[bytes | str] = [value, network]
    if address.country is not None:
        names.append(address.country)
    await session.execute(_LOCK, {"keys": sorted(_lock_key(name) for name in names)})
    which = {"kind": address.kind, "value": value}
    row = (
        await session.execute(
            _LOOK,
            {
                **which,
                "most": max(most for most, _ in SENDS),
                "network": network,
                "of_network": limits.network,
                "country": address.country,
                "of_country": limits.country,
            },
        )
    ).one()
    if (row.failures or 0) >= LOCKED_FROM:
        raise IdentityLocked
    waits = [_until_next(row.of_address), row.locked or 0.0]
    if limits.network and row.of_network is not None:
        waits.append(NETWORK_WINDOW.total_seconds() - row.of_network)
    if limits.country and row.of_country is not None:
        waits.append(COUNTRY_WINDOW.total_seconds() - row.of_country)
    if max(waits) > 0:
        raise TooManyCodes(math.ceil(max(waits)))
    await session.execute(_INVALIDATE, which)
    challenge_id, code = str(uuid.uuid4()), hashing.new_code()
    await session.execute(
        insert(CHALLENGES).values(
            id=challenge_id,
            kind=address.kind,
            value_hash=value,
            user_id=asked.user_id,
            address=sealed(sealer, _row(challenge_id), address.typed),
            code_hash=hashing.code_hash(pepper, challenge_id, code),
            client_hash=hashing.client_hash(pepper, asked.client),
            network_hash=network,
            country=address.country,
            created_at=func.clock_timestamp(),
            expires_at=func.clock_timestamp() + LIVES,
        )
    )
    await post(
        session,
        sealer,
        Message(
            Channel.EMAIL if address.kind is IdentityKind.EMAIL else Channel.SMS,
            address.typed,
            Template.CODE,
            {
                "minutes": int(LIVES.total_seconds() // 60),
                "contact": asked.user_id is not None,
            },
            secret={"code": code},
            lives=LIVES,
        ),
    )
    return Sent(challenge_id, math.ceil(_until_next([0.0, *row.of_address])))


def _until_next(ages: Sequence[float]) -> float:
    """Return in how many seconds the limits of an address allow another code."""
    return max(
        (within.total_seconds() - ages[most - 1] for most, within in SENDS if len(ages) >= most),
        default=0.0,
    )


def _lock_key(name: bytes | str) -> int:
    raw = name if isinstance(name, bytes) else f"country {name}".encode()
    return int.from_bytes(hashlib.sha256(raw).digest()[:8], signed=True)


def _row(challenge_id: str) -> str:
    return f"challenge:{challenge_id}"


# -- guessing ----------------------------------------------------------------------------------

_GUESS = text("""
UPDATE auth_challenges SET attempts = attempts + 1
WHERE id = :id AND user_id IS NOT DISTINCT FROM CAST(:user_id AS uuid) AND consumed_at IS NULL
    AND invalidated_at IS NULL AND attempts < :most AND expires_at > clock_timestamp()
RETURNING kind, value_hash, code_hash, client_hash, attempts
""")
_WRONG = text(f"""
INSERT INTO auth_identities AS i (kind, value_hash, failures) VALUES (:kind, :value, 1)
ON CONFLICT (kind, value_hash) DO UPDATE SET failures = i.failures + 1,
    locked_until = CASE WHEN i.failures + 1 >= {WAITS_FROM} THEN clock_timestamp()
        + least(60, power(2, least(i.failures + 1 - {WAITS_FROM}, 6))) * interval '1 minute' END
""")  # noqa: S608
_CONSUME = text("""
UPDATE auth_challenges SET consumed_at = clock_timestamp()
WHERE id = :id AND consumed_at IS NULL AND invalidated_at IS NULL
RETURNING address
""")
_WIPE = text("UPDATE auth_challenges SET address = NULL WHERE id = :id")
_RIGHT = text("""
DELETE FROM auth_identities WHERE (kind, value_hash) IN
    (SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:values AS bytea[])))
""")


async def guess(connection: AsyncConnection, challenge_id: str, user_id: str | None) -> Guess:
    """Count a guess, before it is looked at: however many come at once, five are.

    A statement of its own: what follows may fail, and the guess stays counted.

    Raises:
        CodeRefused: the challenge has ended, is another user's, or does not exist.
    """
    values = {"id": challenge_id, "user_id": user_id, "most": MOST_ATTEMPTS}
    row = (await connection.execute(_GUESS, values)).one_or_none()
    if row is None:
        raise CodeRefused
    return Guess(
        challenge_id,
        IdentityKind(row.kind),
        bytes(row.value_hash),
        bytes(row.code_hash),
        bytes(row.client_hash),
        MOST_ATTEMPTS - row.attempts,
    )


async def wrong(connection: AsyncConnection, guessed: Guess) -> None:
    """Count a wrong code for its address, over all its challenges."""
    await connection.execute(_WRONG, {"kind": guessed.kind, "value": guessed.value_hash})


async def consume(session: AsyncSession, sealer: Sealer, guessed: Guess) -> str:
    """Use up the challenge of a right code; returns the address as it was typed.

    Raises:
        CodeRefused: somebody else just did, or a newer code was sent.
    """
    row = (await session.execute(_CONSUME, {"id": guessed.challenge_id})).one_or_none()
    if row is None:
        raise CodeRefused
    await session.execute(_WIPE, {"id": guessed.challenge_id})
    return opened(sealer, _row(guessed.challenge_id), row.address)


async def forgive(session: AsyncSession, pepper: bytes, addresses: Sequence[Address]) -> None:
    """Begin counting wrong codes anew for addresses of somebody who has signed in."""
    await session.execute(
        _RIGHT,
        {
            "kinds": [str(one.kind) for one in addresses],
            "values": [hashing.address_hash(pepper, one) for one in addresses],
        },
    )


async def forget(session: AsyncSession) -> None:
    """Delete what no limit looks at any more: old challenges, counts of long ago, ended sessions.

    Counts of wrong codes go with the last challenge of their address, unless it is locked.
    """
    old = {"kept": KEPT, "locked": LOCKED_FROM}
    await session.execute(
        text("DELETE FROM auth_challenges WHERE expires_at < now() - :kept"), {"kept": KEPT}
    )
    await session.execute(
        text(
            "DELETE FROM auth_identities i WHERE failures < :locked"
            " AND (locked_until IS NULL OR locked_until < now() - :kept) AND NOT EXISTS ("
            "SELECT FROM auth_challenges c WHERE (c.kind, c.value_hash) = (i.kind, i.value_hash))"
        ),
        old,
    )
    await session.execute(
        text("DELETE FROM sessions WHERE coalesce(revoked_at, expires_at) < now() - :kept"),
        {"kept": dt.timedelta(days=30)},
    )
