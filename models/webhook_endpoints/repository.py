"""Callers' endpoints: made, changed, read. Whose they are stands in every WHERE (S5)."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from models.core.cases import close_case
from models.core.domain_errors import Keyed, KeyReused
from models.webhook_endpoints.errors import (
    EndpointExists,
    EndpointNotActive,
    EndpointNotFound,
    SecretRotated,
    TooManyEndpoints,
)
from models.webhook_endpoints.tables import (
    DELIVERIES,
    ENDPOINTS,
    DeliveryState,
    EndpointRow,
    EndpointStatus,
)

MOST = 50
"""So many endpoints a caller may have."""
DROPPED_AT_ONCE = 5_000
"""So many deliveries are given up in one transaction; workers look after the rest."""
DELETED = "the endpoint was deleted"
OVERLAP = dt.timedelta(hours=24)
"""How long what is sent is signed with the earlier secret, too, after a rotation."""


async def create_endpoint(
    session: AsyncSession, caller_id: str, url: str, types: Sequence[str], description: str
) -> EndpointRow:
    """Make an endpoint; one that is there as it is asked for is returned as it is.

    Raises:
        EndpointExists: the caller has one of this URL that differs.
        TooManyEndpoints: it has as many as one may have.
    """
    # Two requests of one caller take turns: neither passes over the other's endpoint.
    await session.execute(
        text("SELECT FROM callers WHERE id = :caller FOR NO KEY UPDATE"), {"caller": caller_id}
    )
    found = await list_endpoints(session, caller_id)
    for row in found:
        if row.url == url:
            if sorted(row.types) == sorted(types) and row.description == description:
                return row
            raise EndpointExists(row.id)
    if len(found) >= MOST:
        raise TooManyEndpoints(MOST)
    endpoint_id = str(uuid.uuid4())
    await session.execute(
        insert(ENDPOINTS).values(
            id=endpoint_id,
            caller_id=caller_id,
            url=url,
            types=sorted(types),
            description=description,
        )
    )
    return await load_endpoint(session, caller_id, endpoint_id)


async def list_endpoints(session: AsyncSession, caller_id: str) -> Sequence[EndpointRow]:
    """Return a caller's endpoints, oldest first."""
    mine = select(EndpointRow).where(col(EndpointRow.caller_id) == caller_id)
    rows = await session.scalars(mine.order_by(col(EndpointRow.created_at), col(EndpointRow.id)))
    return rows.all()


async def load_endpoint(
    session: AsyncSession, caller_id: str, endpoint_id: str, *, lock: bool = False
) -> EndpointRow:
    """Return an endpoint; with ``lock`` nobody changes it before the transaction ends.

    Raises:
        EndpointNotFound: there is none, or it is another caller's.
    """
    statement = select(EndpointRow).where(
        col(EndpointRow.id) == endpoint_id, col(EndpointRow.caller_id) == caller_id
    )
    if lock:
        statement = statement.with_for_update()
    statement = statement.execution_options(populate_existing=True)
    row = await session.scalar(statement)
    if row is None:
        raise EndpointNotFound
    return row


async def change_endpoint(
    session: AsyncSession, caller_id: str, endpoint_id: str, changes: dict[str, Any]
) -> EndpointRow:
    """Change ``url``, ``types`` and ``description``; what is not named stays.

    Raises:
        EndpointNotFound: there is none, or it is another caller's.
        EndpointExists: the caller has another one of this URL.
    """
    row = await load_endpoint(session, caller_id, endpoint_id, lock=True)
    url = changes.get("url", row.url)
    other = await session.scalar(
        select(ENDPOINTS.c.id).where(
            ENDPOINTS.c.caller_id == caller_id,
            ENDPOINTS.c.url == url,
            ENDPOINTS.c.id != endpoint_id,
        )
    )
    if other is not None:
        raise EndpointExists(other)
    if changes:
        await session.execute(_one(endpoint_id).values(**changes))
    return await load_endpoint(session, caller_id, endpoint_id)


async def set_active(session: AsyncSession, caller_id: str, endpoint_id: str) -> None:
    """Have an endpoint sent events again; what it missed is made again by ``recover`` only.

    Raises:
        EndpointNotFound: there is none, or it is another caller's.
    """
    row = await load_endpoint(session, caller_id, endpoint_id, lock=True)
    if row.status == EndpointStatus.ACTIVE:
        return
    await session.execute(
        _one(endpoint_id).values(
            status=EndpointStatus.ACTIVE,
            disabled_reason=None,
            first_failure_at=None,
            last_failure_at=None,
        )
    )
    await close_case(
        session,
        source=case_source(endpoint_id),
        by="webhooks",
        resolution="its caller has it sent events again",
    )


async def suspend(
    session: AsyncSession, endpoint_id: str, status: EndpointStatus, reason: str
) -> None:
    """Send an endpoint nothing more: what is pending is dropped.

    Noted is from where it misses something: what is dropped, and what has failed for good since
    every attempt fails.

    The endpoint's row must be locked by the caller's transaction.
    """
    table = DELIVERIES.c
    first = select(func.min(table.position) - 1).where(table.endpoint_id == ENDPOINTS.c.id)
    pending = first.where(table.state == DeliveryState.PENDING)
    failed = first.where(
        table.state == DeliveryState.FAILED, table.ended_at >= ENDPOINTS.c.first_failure_at
    )
    missing = func.least(pending.scalar_subquery(), failed.scalar_subquery())
    sink = text("(SELECT position FROM event_sinks WHERE name = 'webhooks')")
    await session.execute(
        _one(endpoint_id).values(
            status=status,
            disabled_reason=reason,
            missing_after=func.least(ENDPOINTS.c.missing_after, func.coalesce(missing, sink)),
        )
    )
    await drop_pending(session, endpoint_id, reason)


async def drop_pending(session: AsyncSession, endpoint_id: str, reason: str) -> int:
    """Give up what an endpoint has not been sent yet; returns how much, a batch at most."""
    table = DELIVERIES.c
    batch = (
        select(table.position)
        .where(table.endpoint_id == endpoint_id, table.state == DeliveryState.PENDING)
        .limit(DROPPED_AT_ONCE)
    )
    dropped = await session.execute(
        update(DELIVERIES)
        .where(
            table.endpoint_id == endpoint_id,
            table.position.in_(batch),
            table.state == DeliveryState.PENDING,
        )
        .values(
            state=DeliveryState.DROPPED,
            last_error=reason,
            leased_until=None,
            ended_at=func.clock_timestamp(),
        )
    )
    return int(dropped.rowcount)  # type: ignore[attr-defined]


# One look at the index for each endpoint with anything pending, however much that is.
_LEFT_OVER = text("""
WITH RECURSIVE waiting AS (
    (SELECT endpoint_id AS id FROM webhook_deliveries WHERE state = 'PENDING'
     ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM webhook_deliveries d
        WHERE d.state = 'PENDING' AND d.endpoint_id > w.id ORDER BY d.endpoint_id LIMIT 1)
    FROM waiting w WHERE w.id IS NOT NULL
)
SELECT w.id::text FROM waiting w LEFT JOIN webhook_endpoints e ON e.id = w.id
WHERE w.id IS NOT NULL AND (e.id IS NULL OR e.status <> 'ACTIVE')
""")


async def drop_left_over(session: AsyncSession) -> int:
    """Give up what is pending for endpoints that are sent nothing; returns how much.

    They had more than one batch. The caller owns the transaction, and repeats this while it
    returns something.
    """
    for endpoint_id in (await session.scalars(_LEFT_OVER)).all():
        row = (
            await session.execute(
                select(ENDPOINTS.c.status, ENDPOINTS.c.disabled_reason)
                .where(ENDPOINTS.c.id == endpoint_id)
                .with_for_update()
            )
        ).one_or_none()
        if row is None or row.status != EndpointStatus.ACTIVE:
            reason = DELETED if row is None else row.disabled_reason
            dropped = await drop_pending(session, endpoint_id, reason)
            if dropped:
                return dropped
    return 0


async def rotate_secret(
    session: AsyncSession,
    caller_id: str,
    endpoint_id: str,
    rotation: str,
    *,
    expire_old_now: bool = False,
) -> EndpointRow:
    """Give an endpoint another secret; the one before it signs as well for ``OVERLAP``.

    Args:
        session: in a transaction of the caller's.
        caller_id: whose endpoint it is.
        endpoint_id: which.
        rotation: the operation's id; the one that was done last is not done again.
        expire_old_now: no secret but the new one signs from now on.

    Raises:
        EndpointNotFound: there is none, or it is another caller's.
        KeyReused: the operation that was done last was asked for otherwise.
        SecretRotated: an old secret still signs, and is not to end now. Only two sign at a time,
            so a receiver that has only that one would refuse everything.
    """
    row = await load_endpoint(session, caller_id, endpoint_id, lock=True)
    if row.rotation == rotation:
        if expire_old_now != (row.old_generation_until is None):
            raise KeyReused(Keyed.REQUEST)
        return row
    table = ENDPOINTS.c
    now = func.clock_timestamp()
    change = _one(endpoint_id)
    if not expire_old_now:
        change = change.where(func.coalesce(table.old_generation_until <= now, True))
    rotated = await session.execute(
        change.values(
            rotation=rotation,
            secret_generation=table.secret_generation + 1,
            old_generation_until=None if expire_old_now else now + OVERLAP,
        )
    )
    if not rotated.rowcount:  # type: ignore[attr-defined]
        assert row.old_generation_until is not None
        raise SecretRotated(row.old_generation_until)
    return await load_endpoint(session, caller_id, endpoint_id)


async def delete_endpoint(session: AsyncSession, caller_id: str, endpoint_id: str) -> None:
    """Delete an endpoint; what it was sent is still known until it is forgotten with all else.

    Raises:
        EndpointNotFound: there is none, or it is another caller's.
    """
    await load_endpoint(session, caller_id, endpoint_id, lock=True)
    await drop_pending(session, endpoint_id, DELETED)
    await session.execute(delete(ENDPOINTS).where(ENDPOINTS.c.id == endpoint_id))
    await close_case(
        session,
        source=case_source(endpoint_id),
        by="webhooks",
        resolution="its caller has deleted it",
    )


def expect_active(row: EndpointRow) -> None:
    """Make sure that an endpoint is sent events. Raises EndpointNotActive."""
    if row.status != EndpointStatus.ACTIVE:
        raise EndpointNotActive(row.status)


def case_source(endpoint_id: str) -> str:
    """Return what the case about a disabled endpoint is about."""
    return f"webhook_endpoint:{endpoint_id}"


def _one(endpoint_id: str) -> Any:
    return update(ENDPOINTS).where(ENDPOINTS.c.id == endpoint_id)
