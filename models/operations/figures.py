"""What the metrics of the watching say, read from the database: every worker tells the same."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.cases import CASES, CaseKind
from models.core.outbox import COUNTER, SINKS
from models.inbox.repository import INBOX, EventStatus
from models.messages.outbox import overdue_seconds
from models.operations.invariants import NAMES
from models.payments.reconciliations import RECONCILIATIONS
from models.webhook_endpoints.deliveries import DeliveryFigures, delivery_figures


@dataclass(frozen=True)
class SinkFigures:
    """How far somebody has come who is told of our events."""

    name: str
    behind: int
    """Events in the feed that it has not been told of."""
    stalled_seconds: float
    """For how long it has not answered; 0 while it does."""


@dataclass(frozen=True)
class WatchFigures:
    """How things stand."""

    open_cases: dict[str, int]
    """By kind."""
    violations: dict[str, int]
    """Open cases about invariants, by invariant."""
    differences: dict[str, int]
    """In the newest daily report, by gateway."""
    events_waiting: int
    """Events of the gateway that are still to be handled."""
    sinks: list[SinkFigures]
    """Who is told of our events."""
    deliveries: DeliveryFigures
    """What is to be delivered to callers' webhook endpoints."""
    messages_overdue_seconds: float
    """For how long a mail or a text has been due and was not tried."""


async def watch_figures(session: AsyncSession) -> WatchFigures:
    """Count what is open."""
    invariant = func.split_part(CASES.c.source, ":", 2)
    cases = await session.execute(
        select(CASES.c.kind, invariant, func.count())
        .where(CASES.c.resolved_at.is_(None))
        .group_by(CASES.c.kind, invariant)
    )
    open_cases = dict.fromkeys((str(kind) for kind in CaseKind), 0)
    violations = dict.fromkeys(NAMES, 0)
    for kind, name, number in cases:
        open_cases[kind] += number
        if kind == CaseKind.INVARIANT and name in violations:
            violations[name] += number
    table = RECONCILIATIONS.c
    reports = await session.execute(
        select(table.gateway, func.jsonb_array_length(table.differences))
        .ext(distinct_on(table.gateway))
        .order_by(table.gateway, table.day.desc())
    )
    waiting = await session.scalar(
        select(func.count()).select_from(INBOX).where(INBOX.c.status == EventStatus.RECEIVED)
    )
    differences = {row[0]: row[1] for row in reports}
    sinks = await session.execute(
        select(
            SINKS.c.name,
            select(COUNTER.c.last).scalar_subquery() - SINKS.c.position,
            func.extract("epoch", func.clock_timestamp() - SINKS.c.stalled_since),
        )
    )
    return WatchFigures(
        open_cases,
        violations,
        differences,
        waiting or 0,
        [SinkFigures(name, behind, float(seconds or 0)) for name, behind, seconds in sinks],
        await delivery_figures(session),
        await overdue_seconds(session),
    )
