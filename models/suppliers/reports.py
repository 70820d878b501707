"""What operators ask about suppliers: how they do, and every attempt.

Only reads. No personal data: the messages of suppliers stay in the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    RowMapping,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.attempts import ATTEMPTS

MOST_ERRORS = 10
"""How many of a supplier's most common errors are named."""


@dataclass(frozen=True)
class Calls:
    """Calls with an effect (book, complete, cancel, …) begun within a span of time, and their ends.

    ``success_rate`` is done of all that ended; None while none did.
    """

    calls: int = 0
    done: int = 0
    refused: int = 0
    not_done: int = 0
    """Certainly without effect: not sent, or turned away for now."""
    unknown: int = 0
    """Nobody knows the end of these yet; calls under way are not among them."""
    found: int = 0
    """Were unknown, and turned out to have been done."""
    repeated: int = 0
    """Were unknown, not visible, and asked once more."""
    absent: int = 0
    """Were unknown, and turned out not to have been done."""
    p50: float | None = None
    """Seconds until an answer; half of the answers took no longer. None: there were none."""
    p95: float | None = None
    settled_p50: float | None = None
    """Seconds from the beginning of a call that became unknown until it was settled."""
    settled_max: float | None = None

    @property
    def success_rate(self) -> float | None:
        """Done, of all that ended."""
        ended = self.done + self.refused + self.not_done + self.repeated
        return round(self.done / ended, 4) if ended else None


@dataclass(frozen=True)
class CommonError:
    """How often a supplier gave one answer that is not a success."""

    operation: str
    outcome: str
    code: str | None
    http_status: int | None
    calls: int


@dataclass(frozen=True)
class SupplierReport:
    """What one supplier's calls came to."""

    hour: Calls = Calls()
    day: Calls = Calls()
    errors: list[CommonError] = field(default_factory=list)
    """Of the last day, most common first."""


async def supplier_reports(
    session: AsyncSession, suppliers: Sequence[str]
) -> dict[str, SupplierReport]:
    """Return what the calls of the last day came to, by supplier."""
    names = {"suppliers": list(suppliers)}
    hour = await _calls(session, suppliers, "1 hour")
    day = await _calls(session, suppliers, "1 day")
    errors: dict[str, list[CommonError]] = {}
    for row in (await session.execute(text(_ERRORS), names)).mappings():
        errors.setdefault(row["provider"], []).append(
            CommonError(
                operation=row["operation"],
                outcome=row["outcome"],
                code=row["provider_code"],
                http_status=row["http_status"],
                calls=row["calls"],
            )
        )
    return {
        name: SupplierReport(
            hour=hour.get(name, Calls()),
            day=day.get(name, Calls()),
            errors=errors.get(name, [])[:MOST_ERRORS],
        )
        for name in suppliers
    }


async def _calls(session: AsyncSession, suppliers: Sequence[str], span: str) -> dict[str, Calls]:
    rows = await session.execute(text(_CALLS), {"suppliers": list(suppliers), "span": span})
    return {row["provider"]: Calls(**_but(row, "provider")) for row in rows.mappings()}


def _but(row: RowMapping, name: str) -> dict[str, Any]:
    return {column: value for column, value in row.items() if column != name}


_SECONDS = "extract(epoch FROM finished_at - started_at)::float8"
_ANSWERED = "settled IS NULL AND outcome IN ('done','refused')"
_SETTLED = "settled IS NOT NULL AND finished_at IS NOT NULL"
_CALLS = f"""
SELECT provider,
    count(*) AS calls,
    count(*) FILTER (WHERE outcome = 'done') AS done,
    count(*) FILTER (WHERE outcome = 'refused') AS refused,
    count(*) FILTER (WHERE outcome = 'not_done') AS not_done,
    count(*) FILTER (WHERE outcome = 'unknown'
        OR (outcome IS NULL AND started_at < now() - interval '5 minutes')) AS unknown,
    count(*) FILTER (WHERE settled = 'found') AS found,
    count(*) FILTER (WHERE settled = 'repeated') AS repeated,
    count(*) FILTER (WHERE settled = 'not_done') AS absent,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY {_SECONDS}) FILTER (WHERE {_ANSWERED}) AS p50,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY {_SECONDS}) FILTER (WHERE {_ANSWERED}) AS p95,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY {_SECONDS}) FILTER (WHERE {_SETTLED})
        AS settled_p50,
    max({_SECONDS}) FILTER (WHERE {_SETTLED}) AS settled_max
FROM attempts
WHERE started_at > now() - CAST(CAST(:span AS text) AS interval)
    AND provider = ANY(:suppliers) AND outcome IS DISTINCT FROM 'tombstone'
GROUP BY provider
"""  # noqa: S608

_ERRORS = """
SELECT provider, operation, coalesce(outcome, 'unknown') AS outcome, provider_code, http_status,
    count(*) AS calls
FROM attempts
WHERE started_at > now() - interval '1 day' AND provider = ANY(:suppliers)
    AND (outcome IN ('refused','not_done','unknown','repeated') OR settled IS NOT NULL)
GROUP BY 1, 2, 3, 4, 5
UNION ALL
-- Quotes touch nothing and are no attempts: those that ended a booking are kept with it.
SELECT i.supplier, 'quote',
    CASE WHEN b.problem ->> 'code' = 'SUPPLIER_DOWN' THEN 'not_done' ELSE 'refused' END,
    coalesce(b.problem ->> 'provider_code', b.problem ->> 'code'), NULL, count(*)
FROM bookings b
JOIN booking_items i ON i.booking_id = b.id AND i.number = CAST(b.problem ->> 'item' AS int)
WHERE b.state = 'FAILED' AND b.created_at > now() - interval '1 day'
    AND b.problem ->> 'step' = 'validate' AND i.supplier = ANY(:suppliers)
GROUP BY 1, 2, 3, 4
ORDER BY calls DESC, 2, 3, 4
"""


# -- attempts -------------------------------------------------------------------------------------

ATTEMPT_FIELDS = (
    "id",
    "booking_id",
    "item",
    "provider",
    "operation",
    "number",
    "started_at",
    "finished_at",
    "outcome",
    "settled",
    "provider_id",
    "provider_code",
    "http_status",
    "request_id",
)
"""What operators see of an attempt: neither the supplier's message, nor its answer."""


async def list_attempts(
    session: AsyncSession,
    *,
    limit: int,
    booking_id: str | None = None,
    supplier: str | None = None,
    outcome: str | None = None,
    after: int | None = None,
) -> Sequence[RowMapping]:
    """Return attempts, newest first. Outcome ``running`` means none yet.

    ``after`` is the last attempt of the page before.
    """
    table = ATTEMPTS.c
    statement = (
        select(*(table[name] for name in ATTEMPT_FIELDS))
        .where(table.outcome.is_distinct_from("tombstone"))
        .order_by(table.id.desc())
        .limit(limit)
    )
    if booking_id is not None:
        statement = statement.where(table.booking_id == booking_id)
    if supplier is not None:
        statement = statement.where(table.provider == supplier)
    if outcome is not None:
        running = outcome == "running"
        statement = statement.where(
            table.outcome.is_(None) if running else table.outcome == outcome
        )
    if after is not None:
        statement = statement.where(table.id < after)
    return (await session.execute(statement)).mappings().all()
