"""What operators ask about suppliers: how they do, every attempt, a traveller's orders.

Only reads. No personal data: what suppliers said in words stays in the record.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    String,
    bindparam,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from models.suppliers import BY_NAME
from models.tables import ATTEMPTS, BOOKING_ITEMS, BOOKINGS

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
    """How often a supplier gave one answer that was not what was wanted."""

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
GROUP BY 1, 2, 3, 4, 5 ORDER BY calls DESC, 2, 3, 4
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
"""What operators see of an attempt: neither what was said in words, nor the answer."""


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
    wanted = (
        select(*(table[name] for name in ATTEMPT_FIELDS))
        .where(table.outcome.is_distinct_from("tombstone"))
        .order_by(table.id.desc())
        .limit(limit)
    )
    if booking_id is not None:
        wanted = wanted.where(table.booking_id == booking_id)
    if supplier is not None:
        wanted = wanted.where(table.provider == supplier)
    if outcome is not None:
        running = outcome == "running"
        wanted = wanted.where(table.outcome.is_(None) if running else table.outcome == outcome)
    if after is not None:
        wanted = wanted.where(table.id < after)
    return (await session.execute(wanted)).mappings().all()


# -- orders ---------------------------------------------------------------------------------------


# Written as their indexes are.
_SEARCHED = literal_column("(booking_items.offer -> 'offer' ->> 'book_hash')", String)
_BOOKED = literal_column("(booking_items.quote -> 'offer' ->> 'book_hash')", String)


@dataclass(frozen=True)
class OrderSearch:
    """Which orders at suppliers are looked for; all that is given must fit (contracts.md §4)."""

    traveler_id: str | None = None
    supplier: str | None = None
    status: str | None = None
    order_id: str | None = None
    """The supplier's."""
    reference: str | None = None
    """Ours: RateHawk's partner order id, Viator's partnerBookingRef, …"""
    hash: str | None = None
    """Of the rate that was searched, or of the one that was booked, where a supplier has such."""


Place = tuple[dt.datetime, str, int]
"""Where an order stands in the list: when it was made, its booking, its item."""


async def list_orders(
    session: AsyncSession, search: OrderSearch, *, limit: int, after: Place | None = None
) -> Sequence[RowMapping]:
    """Return orders at suppliers, newest first; ``after`` is the last of the page before."""
    item = BOOKING_ITEMS.c
    wanted: Select[Any] = (
        select(
            item.booking_id,
            item.number,
            BOOKINGS.c.traveler_id,
            item.supplier,
            item.title,
            item.reference,
            item.supplier_id.label("order_id"),
            item.vendor_confirmation.label("confirmation"),
            _SEARCHED.label("search_hash"),
            _BOOKED.label("book_hash"),
            item.offer["startsAt"].as_string().label("starts_at"),
            item.offer["endsAt"].as_string().label("ends_at"),
            item.status,
            item.saga_state,
            item.amount,
            item.currency,
            item.created_at,
            item.updated_at,
            item.booked_at,
            item.cancelled_at,
        )
        .join(BOOKINGS, BOOKINGS.c.id == item.booking_id)
        .order_by(item.created_at.desc(), item.booking_id.desc(), item.number.desc())
        .limit(limit)
    )
    exact: Mapping[ColumnElement[Any], str | None] = {
        BOOKINGS.c.traveler_id: search.traveler_id,
        item.supplier: search.supplier,
        item.status: search.status,
        item.supplier_id: search.order_id,
        item.reference: search.reference,
    }
    for column, value in exact.items():
        if value is not None:
            wanted = wanted.where(column == value)
    if search.order_id is not None and search.supplier is None:
        wanted = wanted.where(item.supplier.in_(BY_NAME))  # all of them: the index begins so
    if search.hash is not None:
        named = [search.hash]
        wanted = wanted.where(or_(_SEARCHED.in_(named), _BOOKED.in_(named)))
    if after is not None:
        columns = (item.created_at, item.booking_id, item.number)
        values = (bindparam(None, v, c.type) for v, c in zip(after, columns, strict=True))
        wanted = wanted.where(tuple_(*columns) < tuple_(*values))
    rows: Sequence[RowMapping] = (await session.execute(wanted)).mappings().all()
    return rows
