"""The table of attempts: every call to a supplier or gateway, its intent and its outcome."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Identity,
    Index,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, json_column, time_column

_UNANSWERED = (
    "(outcome IS NULL OR outcome IN ('unknown','repeated') OR"
    " (outcome = 'not_done' AND coalesce(result->>'kind', '') <> 'Retryable'))"
)
"""Nobody ever got an answer: it may have been done, whatever it was taken for since."""

DOUBTFUL_BOOKING = f"operation = 'book' AND {_UNANSWERED}"
"""Attempts to book that nobody ever got an answer to; the condition of an index."""

BULKY_ANSWER = "outcome = 'done' AND result ? 'details'"
"""Attempts whose answers are forgotten some time after their bookings' end (models.retention)."""


class AttemptRow(SQLModel, table=True):
    """One call to a supplier or gateway: the intent before it, the outcome after it."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ux_attempts_key_number", "key", "number", unique=True),
        Index("ix_attempts_booking", "booking_id", "started_at"),
        Index("ix_attempts_provider_outcome", "provider", "operation", "outcome", "started_at"),
        Index("ix_attempts_provider", "provider", "id"),
        Index("ix_attempts_started", "started_at", postgresql_using="brin"),
        Index("ix_attempts_bulky", "started_at", postgresql_where=text(BULKY_ANSWER)),
        Index("ix_attempts_doubtful", "started_at", postgresql_where=text(DOUBTFUL_BOOKING)),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    booking_id: str = Field(sa_column=booking_column())
    item: int | None = None
    provider: str
    operation: str
    key: str
    """The business key; attempts of one intention share it."""
    number: int
    started_at: dt.datetime = Field(sa_column=time_column(now=True))
    finished_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    unanswered_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """When it was given up without an answer to rely on; stays, however it is settled later."""
    outcome: str | None = None
    """done, refused, not_done, unknown; NULL while running, or when the worker died."""
    settled: str | None = None
    """How it was found out what became of one nobody knew the end of: found, repeated, not_done,
    otherwise."""
    provider_id: str | None = None
    provider_code: str | None = None
    http_status: int | None = None
    request_id: str | None = None
    message: str | None = None
    result: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))


ATTEMPTS = SQLModel.metadata.tables["attempts"]

_ASKED_FOR = text(f"""
SELECT EXISTS (SELECT FROM attempts
    WHERE booking_id = CAST(:booking AS uuid) AND provider = :provider AND operation = 'create'
    AND (provider_id = :payment
        OR (key LIKE '%:create:' || CAST(:hold AS text) AND {_UNANSWERED})))
""")  # noqa: S608  (our own constant)


async def asked_for(
    connection: AsyncConnection, provider: str, booking_id: str, payment_id: str, hold: int
) -> bool:
    """Tell whether this database asked for a payment: it got it, or never got an answer."""
    values = {"booking": booking_id, "provider": provider, "payment": payment_id, "hold": hold}
    return bool(await connection.scalar(_ASKED_FOR, values))


SETTLED_OTHERWISE = "otherwise"
"""``settled`` of an attempt whose worker died, once its booking was settled without it."""


_END_FORGOTTEN = text(f"""
UPDATE attempts a SET outcome = 'unknown', settled = '{SETTLED_OTHERWISE}', finished_at = now()
FROM bookings b WHERE b.id = a.booking_id AND b.state = ANY(CAST(:at_rest AS text[]))
AND a.outcome IS NULL AND a.started_at BETWEEN :since AND now() - interval '10 minutes'
AND NOT EXISTS (SELECT FROM cases c WHERE c.booking_id = b.id AND c.resolved_at IS NULL)
AND NOT EXISTS (SELECT FROM refunds r WHERE r.key = a.key AND r.status = 'requested')
""")  # noqa: S608  (our own constant)


async def end_forgotten(session: AsyncSession, since: dt.datetime, at_rest: Collection[str]) -> int:
    """Give attempts of dead workers an outcome that nobody will come back to; returns how many.

    That is so once their bookings are at rest (in a state of ``at_rest``), without an open case
    and without a refund that is still to be carried out. What became of them stays unknown, and a
    later request under their key is treated as before. ``since`` (UTC) is how far back to look.
    """
    ended = await session.execute(_END_FORGOTTEN, {"since": since, "at_rest": [*at_rest]})
    return int(ended.rowcount)  # type: ignore[attr-defined]


QUICK_SECONDS = 1.0
"""What answers within this time, 19 times of 20, holds nobody up who waits for a workflow."""

_QUICK = text("""
SELECT provider FROM unnest(CAST(:providers AS text[])) AS asked (provider), LATERAL (
    SELECT coalesce(finished_at, now()) - started_at AS took FROM attempts
    WHERE attempts.provider = asked.provider ORDER BY id DESC LIMIT 50
    ) AS latest
GROUP BY provider HAVING count(*) >= 20
AND percentile_disc(0.95) WITHIN GROUP (ORDER BY took) <= make_interval(secs => :seconds)
""")


async def quick_providers(session: AsyncSession, providers: Collection[str]) -> frozenset[str]:
    """Return which of these providers answered fast of late: the 95th percentile of attempts.

    One that was hardly asked yet is not among them.
    """
    values = {"providers": sorted(providers), "seconds": QUICK_SECONDS}
    return frozenset(await session.scalars(_QUICK, values))
