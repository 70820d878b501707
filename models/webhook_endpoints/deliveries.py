"""Deliveries as callers see them, and what is forgotten."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.webhook_endpoints.errors import DeliveryNotFound
from models.webhook_endpoints.tables import (
    DELIVERIES,
    AttemptRow,
    DeliveryRow,
    DeliveryState,
)

KEPT = dt.timedelta(days=30)
"""How long ended deliveries, and attempts, are kept."""
PURGED_AT_ONCE = 1_000


async def list_deliveries(
    session: AsyncSession,
    endpoint_id: str,
    *,
    state: DeliveryState | None,
    before: int | None,
    limit: int,
) -> Sequence[DeliveryRow]:
    """Return deliveries of an endpoint, newest events first; those before a position."""
    statement = select(DeliveryRow).where(col(DeliveryRow.endpoint_id) == endpoint_id)
    if state is not None:
        statement = statement.where(col(DeliveryRow.state) == state)
    if before is not None:
        statement = statement.where(col(DeliveryRow.position) < before)
    rows = await session.scalars(statement.order_by(col(DeliveryRow.position).desc()).limit(limit))
    return rows.all()


async def load_delivery(session: AsyncSession, endpoint_id: str, position: int) -> DeliveryRow:
    """Return a delivery. Raises DeliveryNotFound."""
    row = await session.get(DeliveryRow, (endpoint_id, position), populate_existing=True)
    if row is None:
        raise DeliveryNotFound
    return row


async def load_attempts(
    session: AsyncSession, endpoint_id: str, position: int
) -> Sequence[AttemptRow]:
    """Return the attempts of a delivery, oldest first; the last hundred."""
    rows = await session.scalars(
        select(AttemptRow)
        .where(col(AttemptRow.endpoint_id) == endpoint_id, col(AttemptRow.position) == position)
        .order_by(col(AttemptRow.id).desc())
        .limit(100)
    )
    return rows.all()[::-1]


async def retry_delivery(session: AsyncSession, endpoint_id: str, position: int) -> DeliveryRow:
    """Have an event delivered (again) now; one that is under way is left alone.

    Raises:
        DeliveryNotFound: there is no such delivery.
    """
    await load_delivery(session, endpoint_id, position)
    table = DELIVERIES.c
    pending = table.state == DeliveryState.PENDING
    await session.execute(
        update(DELIVERIES)
        .where(
            table.endpoint_id == endpoint_id,
            table.position == position,
            ~pending | func.coalesce(table.leased_until <= func.clock_timestamp(), True),
        )
        .values(
            state=DeliveryState.PENDING,
            attempts=0,
            next_at=func.clock_timestamp(),
            leased_until=None,
            ended_at=None,
        )
    )
    return await load_delivery(session, endpoint_id, position)


async def purge(session: AsyncSession, *, batch: int = PURGED_AT_ONCE) -> int:
    """Forget what is older than is kept; returns how much, ``batch`` of each kind at most.

    The caller owns the transaction, and repeats this while it returns something.
    """
    forgotten = 0
    for statement in _PURGE:
        done = await session.execute(statement, {"kept": KEPT, "batch": batch})
        forgotten += int(done.rowcount)  # type: ignore[attr-defined]
    return forgotten


_PURGE = (
    text(
        "DELETE FROM webhook_attempts WHERE id IN (SELECT id FROM webhook_attempts"
        " WHERE at < now() - :kept ORDER BY at LIMIT :batch)"
    ),
    text(
        "DELETE FROM webhook_deliveries WHERE (endpoint_id, position) IN"
        " (SELECT endpoint_id, position FROM webhook_deliveries"
        " WHERE created_at < now() - :kept AND state <> 'PENDING' ORDER BY created_at LIMIT :batch)"
    ),
)


@dataclass(frozen=True)
class DeliveryFigures:
    """How far we are behind with what is to be delivered."""

    oldest_seconds: float
    """How old the oldest pending delivery is; 0 without any."""
    overdue_seconds: float
    """For how long the one that is most overdue could have been sent, and was not."""


_FIGURES = text("""
SELECT
    (SELECT extract(epoch FROM clock_timestamp() - min(created_at))
     FROM webhook_deliveries WHERE state = 'PENDING'),
    (SELECT extract(epoch FROM clock_timestamp() - min(first.next_at))
     FROM webhook_endpoints e CROSS JOIN LATERAL (
        SELECT next_at FROM webhook_deliveries d
        WHERE d.endpoint_id = e.id AND d.state = 'PENDING' ORDER BY next_at LIMIT 1
     ) AS first WHERE e.status = 'ACTIVE')
""")


async def delivery_figures(session: AsyncSession) -> DeliveryFigures:
    """Look how far behind we are."""
    oldest, overdue = (await session.execute(_FIGURES)).one()
    return DeliveryFigures(float(oldest or 0), max(float(overdue or 0), 0.0))
