"""How suppliers do: one row for each, shared by all workers. The table and all its SQL.

A supplier is *up* until so many calls in a row have got no answer; then it is *down*, and new
bookings are turned away before anything is asked, held or charged. After a pause one of them is
let through (*trying*); an answer to it, or to any other call, brings the supplier up again. Times
are the database's, so that workers whose clocks differ agree.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, DateTime, RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel


class Circuit(StrEnum):
    """Whether new bookings are begun with a supplier."""

    UP = "up"
    DOWN = "down"
    """No: it does not answer."""
    TRYING = "trying"
    """One is let through, to see whether it answers again."""


def _time(*, nullable: bool = True) -> Column[dt.datetime]:
    return Column(DateTime(timezone=True), nullable=nullable)


class SupplierHealthRow(SQLModel, table=True):
    """How one supplier does. No row: it has not been asked yet."""

    __tablename__ = "supplier_health"
    __table_args__ = (
        CheckConstraint("state IN ('up','down','trying')", name="supplier_health_state"),
        CheckConstraint("faults >= 0", name="supplier_health_faults"),
    )

    supplier: str = Field(primary_key=True)
    state: str = Circuit.UP
    since: dt.datetime = Field(sa_column=_time(nullable=False))
    """Since when it is up, or since when it is not (trying does not end that)."""
    faults: int = 0
    """Calls in a row without an answer, over all workers."""
    last_fault_at: dt.datetime | None = Field(default=None, sa_column=_time())
    last_fault_code: str | None = None
    last_fault: str | None = None
    """In words, for operators."""
    last_success_at: dt.datetime | None = Field(default=None, sa_column=_time())
    """Written every few seconds at most."""
    tried_at: dt.datetime | None = Field(default=None, sa_column=_time())
    """When it went down, or when a booking was last let through."""


HEALTH = SQLModel.metadata.tables["supplier_health"]


@dataclass(frozen=True)
class Health:
    """How one supplier does, as read."""

    supplier: str
    state: Circuit
    since: dt.datetime
    faults: int
    last_fault_at: dt.datetime | None = None
    last_fault_code: str | None = None
    last_fault: str | None = None
    last_success_at: dt.datetime | None = None
    tried_at: dt.datetime | None = None
    down_for: float = 0.0
    """Seconds since it went down; 0 while it is up."""


async def load_health(session: AsyncSession) -> dict[str, Health]:
    """Return how every supplier does that has been asked, by name."""
    rows = await session.execute(
        select(HEALTH, text(f"{_DOWN_FOR} AS down_for")).order_by(HEALTH.c.supplier)
    )
    return {row["supplier"]: _health(row) for row in rows.mappings()}


async def note_fault(
    session: AsyncSession, supplier: str, *, code: str | None, words: str, down_after: int
) -> Health:
    """Count a call without an answer; returns how the supplier does now.

    It has gone down by this very call when ``faults`` is ``down_after``: rows are locked, so of
    several workers one sees that number.
    """
    row = (
        await session.execute(
            text(_FAULT),
            {
                "supplier": supplier,
                "code": (code or "")[:100] or None,
                "words": words[:500],
                "limit": down_after,
            },
        )
    ).mappings()
    return _health(row.one())


async def note_answers(session: AsyncSession, ages: Mapping[str, float]) -> dict[str, Health]:
    """Note when suppliers last answered, in seconds ago by name.

    An answer ends a count of faults, and brings up what was down, unless a fault came after it.
    Returns those that were down and are up now; ``down_for`` says how long they were.
    """
    rows = await session.execute(
        text(_ANSWER), {"suppliers": sorted(ages), "ages": [ages[name] for name in sorted(ages)]}
    )
    return {row["supplier"]: _health(row) for row in rows.mappings()}


async def claim_trial(session: AsyncSession, supplier: str, pause: float) -> bool:
    """Let the caller try a supplier that is down, ``pause`` seconds after the last trial began.

    One caller at a time gets True.
    """
    claimed = await session.scalar(text(_TRIAL), {"supplier": supplier, "pause": pause})
    return claimed is not None


def _health(row: RowMapping) -> Health:
    known = {name: row[name] for name in Health.__dataclass_fields__}
    return Health(**{**known, "state": Circuit(row["state"])})


_DOWN_FOR = "CASE WHEN state = 'up' THEN 0 ELSE extract(epoch FROM now() - since)::float8 END"

_FAULT = f"""
INSERT INTO supplier_health AS h
    (supplier, state, since, faults, last_fault_at, last_fault_code, last_fault, tried_at)
VALUES (:supplier, CASE WHEN :limit <= 1 THEN 'down' ELSE 'up' END, now(), 1, now(), :code, :words,
        now())
ON CONFLICT (supplier) DO UPDATE SET
    faults = h.faults + 1,
    state = CASE WHEN h.state = 'up' AND h.faults + 1 < :limit THEN 'up' ELSE 'down' END,
    since = CASE WHEN h.state = 'up' AND h.faults + 1 >= :limit THEN now() ELSE h.since END,
    tried_at = CASE WHEN h.state = 'down' THEN h.tried_at ELSE now() END,
    last_fault_at = now(), last_fault_code = :code, last_fault = :words
RETURNING *, {_DOWN_FOR} AS down_for
"""  # noqa: S608

_NEWER = "h.last_fault_at > excluded.last_success_at"
_ANSWER = f"""
WITH was AS (
    SELECT supplier, since FROM supplier_health
    WHERE supplier = ANY(:suppliers) AND state <> 'up'
), told AS (
    INSERT INTO supplier_health AS h (supplier, state, since, faults, last_success_at)
    SELECT name, 'up', now(), 0, now() - make_interval(secs => age)
    FROM unnest(CAST(:suppliers AS text[]), CAST(:ages AS float8[])) AS given (name, age)
    ORDER BY name
    ON CONFLICT (supplier) DO UPDATE SET
        last_success_at = greatest(h.last_success_at, excluded.last_success_at),
        faults = CASE WHEN {_NEWER} THEN h.faults ELSE 0 END,
        state = CASE WHEN {_NEWER} THEN h.state ELSE 'up' END,
        since = CASE WHEN {_NEWER} OR h.state = 'up' THEN h.since ELSE now() END
    RETURNING *
)
SELECT told.*, extract(epoch FROM now() - was.since)::float8 AS down_for
FROM told JOIN was USING (supplier)
WHERE told.state = 'up' AND told.since = now()
"""  # noqa: S608

_TRIAL = """
UPDATE supplier_health SET state = 'trying', tried_at = now()
WHERE supplier = :supplier AND state <> 'up'
  AND (tried_at IS NULL OR tried_at <= now() - make_interval(secs => :pause))
RETURNING supplier
"""
