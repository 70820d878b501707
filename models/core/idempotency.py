"""Idempotency keys: which requests are being carried out, and what the others were answered.

The table and all its SQL (docs/idempotency.md). A row is an answer, never the only proof that
something was done: what was done is found again by the operation's id. Every statement is a
transaction of its own, and times are the database's: no other clock is looked at.

A row that is RUNNING belongs to its ``holder`` while its lease lives. Whoever claims it after that
takes it over under another holder; what the former one writes then meets no row (fencing).
"""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Index,
    LargeBinary,
    SmallInteger,
    bindparam,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.core.columns import json_column, time_column, uuid_column
from models.core.database import Executor

LARGEST_BODY = 262_144
"""Bytes of an answer that is kept."""
PURGED_AT_ONCE = 5_000
PURGED_AFTER = dt.timedelta(hours=1)
"""How long rows stay after they have expired: whoever found one may still look at it."""


class IdempotencyKeyRow(SQLModel, table=True):
    """A key that somebody sent to a route, and the answer, once there is one."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("octet_length(key_hash) = 32", name="idempotency_keys_hash"),
        CheckConstraint("state IN ('RUNNING','DONE')", name="idempotency_keys_state"),
        CheckConstraint("(state = 'DONE') = (status IS NOT NULL)", name="idempotency_keys_answer"),
        CheckConstraint(f"octet_length(body) <= {LARGEST_BODY}", name="idempotency_keys_body"),
        Index("ix_idempotency_keys_expiry", "expires_at"),
        # A row is written twice: room for the second time in the same page. What is purged leaves.
        {"postgresql_with": {"fillfactor": 80, "autovacuum_vacuum_scale_factor": 0.02}},
    )

    subject: str = Field(primary_key=True)
    """Whose the key is, such as ``caller:<uuid>``: never of two of them."""
    route: str = Field(primary_key=True)
    """Method and path as a template."""
    key_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    """SHA-256 of the path's parameters and the key: what is sent is not kept."""
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """SHA-256 of body and query."""
    operation_id: str = Field(sa_column=uuid_column())
    holder: str = Field(sa_column=uuid_column())
    """The attempt that may write: the fencing token."""
    state: str
    attempt: int = 1
    locked_until: dt.datetime = Field(sa_column=time_column())
    status: int | None = Field(default=None, sa_column=Column(SmallInteger, nullable=True))
    headers: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column())
    finished_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    expires_at: dt.datetime = Field(sa_column=time_column())


@dataclass(frozen=True)
class Slot:
    """Where the answer to a request is kept: the primary key."""

    subject: str
    route: str
    key_hash: bytes


@dataclass(frozen=True)
class Times:
    """How long a claim lives without being renewed, and an answer is kept."""

    lease: dt.timedelta
    keep: dt.timedelta


@dataclass(frozen=True)
class Claimed:
    """The request is ours to carry out."""

    slot: Slot
    holder: str
    attempt: int
    """More than 1: an earlier attempt may have done it, and its answer was lost."""


@dataclass(frozen=True)
class StoredAnswer:
    """What a request was answered."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Found:
    """A row that is not ours."""

    fingerprint: bytes
    answer: StoredAnswer | None = field(repr=False)
    """None: it is being carried out."""
    free: bool = False
    """Nobody carries it out any more: it may be claimed."""


_SLOT = "subject = :subject AND route = :route AND key_hash = :key_hash"
_OURS = f"{_SLOT} AND holder = :holder AND state = 'RUNNING'"

# A lease that ends later than any could is one of before the clock was put back: no lease at all.
# Twice as long, for clocks are also slowed down by some milliseconds.
_OVER = """NOT (k.locked_until > clock_timestamp()
    AND k.locked_until <= clock_timestamp() + 2 * CAST(:lease AS interval))"""

_CLAIM = text(f"""
WITH mine AS (
    INSERT INTO idempotency_keys AS k (subject, route, key_hash, fingerprint, operation_id, holder,
        state, attempt, locked_until, created_at, expires_at)
    VALUES (:subject, :route, :key_hash, :fingerprint, CAST(:operation_id AS uuid),
        CAST(:holder AS uuid), 'RUNNING', 1, clock_timestamp() + CAST(:lease AS interval),
        clock_timestamp(), clock_timestamp() + CAST(:keep AS interval))
    ON CONFLICT (subject, route, key_hash) DO UPDATE SET
        attempt = k.attempt + 1, holder = excluded.holder,
        locked_until = excluded.locked_until, expires_at = excluded.expires_at
    WHERE k.state = 'RUNNING' AND k.fingerprint = excluded.fingerprint
        AND (k.holder = excluded.holder OR {_OVER})
    RETURNING attempt
)
SELECT attempt, NULL AS fingerprint, NULL AS status, NULL AS headers, NULL AS body FROM mine
UNION ALL
SELECT NULL, fingerprint, status, headers, body FROM idempotency_keys
WHERE {_SLOT} AND NOT EXISTS (SELECT FROM mine)
""")  # noqa: S608

_LOOK = text(f"""
SELECT k.fingerprint, k.status, k.headers, k.body, k.status IS NULL AND {_OVER} AS free
FROM idempotency_keys k WHERE {_SLOT}
""")  # noqa: S608

_RENEW = text(f"""
UPDATE idempotency_keys SET locked_until = clock_timestamp() + CAST(:lease AS interval)
WHERE {_OURS} RETURNING 1
""")  # noqa: S608

_FINISH = text(f"""
UPDATE idempotency_keys SET state = 'DONE', status = :status, headers = :headers, body = :body,
    finished_at = clock_timestamp(), locked_until = 'epoch',
    expires_at = clock_timestamp() + CAST(:keep AS interval)
WHERE {_OURS} RETURNING 1
""").bindparams(bindparam("headers", type_=JSONB))  # noqa: S608

_LET_GO = text(f"""
UPDATE idempotency_keys SET locked_until = 'epoch' WHERE {_OURS} RETURNING 1
""")  # noqa: S608

_FORGET = text(f"""
DELETE FROM idempotency_keys WHERE {_OURS} AND attempt = 1 RETURNING 1
""")  # noqa: S608

_PURGE = text("""
DELETE FROM idempotency_keys WHERE (subject, route, key_hash) IN (
    SELECT subject, route, key_hash FROM idempotency_keys
    WHERE expires_at < (SELECT clock_timestamp()) - CAST(:after AS interval)
        AND locked_until < clock_timestamp()
    ORDER BY expires_at LIMIT :batch FOR UPDATE SKIP LOCKED
)
""")


async def claim(
    connection: Executor,
    slot: Slot,
    *,
    fingerprint: bytes,
    operation_id: str,
    holder: str,
    times: Times,
) -> Claimed | Found | None:
    """Take a request to carry it out: a new one, or one whose holder has died.

    Returns what is there when it cannot be had; None when that came or went this moment: claim
    again. Repeating it with the same ``holder`` changes nothing.
    """
    values = {
        **vars(slot),
        "fingerprint": fingerprint,
        "operation_id": operation_id,
        "holder": holder,
        "lease": times.lease,
        "keep": times.keep,
    }
    row = (await connection.execute(_CLAIM, values)).one_or_none()
    if row is None:
        return None
    if row.attempt is not None:
        return Claimed(slot, holder, row.attempt)
    return Found(bytes(row.fingerprint), _answer(row))


async def look(connection: Executor, slot: Slot, times: Times) -> Found | None:
    """Return what is there; None: nothing any more."""
    row = (await connection.execute(_LOOK, {**vars(slot), "lease": times.lease})).one_or_none()
    if row is None:
        return None
    return Found(bytes(row.fingerprint), _answer(row), free=row.free)


def _answer(row: Any) -> StoredAnswer | None:
    if row.status is None:
        return None
    return StoredAnswer(row.status, row.headers, bytes(row.body))


async def renew(connection: Executor, mine: Claimed, times: Times) -> bool:
    """Have the lease begin anew; False: it is another's now."""
    return await _written(connection, _RENEW, mine, lease=times.lease)


async def finish(connection: Executor, mine: Claimed, answer: StoredAnswer, times: Times) -> bool:
    """Store the answer; False: another attempt has the request now, or has answered it."""
    return await _written(connection, _FINISH, mine, keep=times.keep, **vars(answer))


async def let_go(connection: Executor, mine: Claimed) -> bool:
    """Let the next repeat carry the request out at once, as another attempt at the same.

    For what may have been done, or goes on: the key stays bound to this request.
    """
    return await _written(connection, _LET_GO, mine)


async def forget(connection: Executor, mine: Claimed) -> bool:
    """Free the key, for nothing was done; False where an earlier attempt may have done it."""
    return await _written(connection, _FORGET, mine)


async def _written(connection: Executor, statement: Any, mine: Claimed, **values: object) -> bool:
    parameters = {**vars(mine.slot), "holder": mine.holder, **values}
    return (await connection.execute(statement, parameters)).one_or_none() is not None


async def purge(
    connection: Executor, *, batch: int = PURGED_AT_ONCE, after: dt.timedelta = PURGED_AFTER
) -> int:
    """Delete what expired ``after`` ago or earlier and nobody carries out; returns how many.

    ``batch`` at most: repeat it while it returns so many.
    """
    done = await connection.execute(_PURGE, {"after": after, "batch": batch})
    return int(done.rowcount)  # type: ignore[attr-defined]
