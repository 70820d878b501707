"""Cases: what an operator must settle. The table and all its SQL; callers own the transaction.

A case has a source, such as ``dispute:du_…`` or ``webhook:17``: what goes wrong again while its
case is open does not open another one.
"""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    ScalarSelect,
    Select,
    Uuid,
    false,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col


class CaseKind(StrEnum):
    """What a case is about."""

    SAGA = "SAGA"
    """A workflow could not settle something of a booking: ``ResolveCase`` carries decisions out."""
    DISPUTE = "DISPUTE"
    """A card holder disputes a charge."""
    REFUND = "REFUND"
    """Money that was to go back did not."""
    INVARIANT = "INVARIANT"
    """Something that must always hold does not."""
    WEBHOOK = "WEBHOOK"
    """An event of a gateway could not be handled."""
    RECONCILIATION = "RECONCILIATION"
    """Our books and the gateway's differ."""
    SUPPLIER = "SUPPLIER"
    """Something has happened at a supplier that a person must look after for the traveller."""
    FEE = "FEE"
    """A supplier keeps another cancellation fee than the terms stored with the booking say."""
    EVENT = "EVENT"
    """Our events cannot be delivered to somebody who listens, such as the trip planner."""


class CaseRow(SQLModel, table=True):
    """Something an operator must settle, or has settled."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint(
            f"kind IN ({','.join(repr(str(kind)) for kind in CaseKind)})", name="cases_kind"
        ),
        CheckConstraint(
            "(resolved_at IS NULL) = (resolved_by IS NULL)", name="cases_resolved_by_somebody"
        ),
        Index(
            "ux_cases_open_source",
            "source",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_cases_source", "source"),
        Index("ix_cases_open", "id", postgresql_where=text("resolved_at IS NULL")),
        Index("ix_cases_booking", "booking_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    kind: str
    source: str
    """What it is about, for machines; at most one case of a source is open."""
    booking_id: str | None = Field(
        default=None, sa_column=Column(Uuid(as_uuid=False), ForeignKey("bookings.id"))
    )
    summary: str
    """What is unsettled and where to look, in plain words."""
    details: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(JSONB(none_as_null=True), nullable=False)
    )
    opened_at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    )
    resolved_at: dt.datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=True)
    )
    resolved_by: str | None = None
    resolution: str | None = None


CASES = SQLModel.metadata.tables["cases"]


async def open_case(
    session: AsyncSession,
    *,
    kind: str,
    source: str,
    summary: str,
    booking_id: str | None = None,
    details: dict[str, Any] | None = None,
    once: bool = False,
) -> bool:
    """Open a case; False when one of this source is open already.

    ``once``: a settled case of this source is the last one, too.
    """
    if once and await was_opened(session, source):
        return False
    opened = await session.scalar(
        insert(CASES)
        .values(
            kind=kind,
            source=source,
            summary=summary,
            booking_id=booking_id,
            details=details or {},
        )
        .on_conflict_do_nothing(index_elements=["source"], index_where=text("resolved_at IS NULL"))
        .returning(CASES.c.id)
    )
    return opened is not None


async def renew_case(
    session: AsyncSession, *, source: str, summary: str, details: dict[str, Any]
) -> None:
    """Have the open case of a source say what is known of it now."""
    ours = CASES.c.source == source, CASES.c.resolved_at.is_(None)
    await session.execute(update(CASES).where(*ours).values(summary=summary, details=details))


async def close_case(session: AsyncSession, *, source: str, by: str, resolution: str) -> bool:
    """Close the open case of a source; False when there is none."""
    closed = await session.scalar(
        _closing(by, resolution).where(CASES.c.source == source).returning(CASES.c.id)
    )
    return closed is not None


async def close_case_by_id(
    session: AsyncSession, case_id: int, *, by: str, resolution: str
) -> bool:
    """Close a case; False when it is not open (any more)."""
    closed = await session.scalar(
        _closing(by, resolution).where(CASES.c.id == case_id).returning(CASES.c.id)
    )
    return closed is not None


async def is_open(session: AsyncSession, source: str) -> bool:
    """Tell whether a case of this source is open."""
    ours = select(CASES.c.id).where(CASES.c.source == source, CASES.c.resolved_at.is_(None))
    return await session.scalar(ours) is not None


async def was_opened(session: AsyncSession, source: str) -> bool:
    """Tell whether there is a case of this source, open or settled."""
    found = await session.scalar(select(CASES.c.id).where(CASES.c.source == source).limit(1))
    return found is not None


OF_THE_TRAVELLER = (CaseKind.SAGA, CaseKind.SUPPLIER, CaseKind.REFUND)
"""Kinds that are about what the traveller has or is owed; others are between us and partners."""


def open_cases_of(booking_id: Column[Any]) -> ScalarSelect[Any]:
    """Return the open cases about the traveller of a booking as a JSON array, oldest first.

    It is a column of a query whose rows have ``booking_id``; NULL where there is no such case.
    """
    table = CASES.c
    names = ("id", "kind", "source", "summary", "details", "opened_at")
    case = func.jsonb_build_object(*(part for name in names for part in (name, table[name])))
    return (
        select(func.jsonb_agg(aggregate_order_by(case, table.id)))
        .where(
            table.booking_id == booking_id,
            table.resolved_at.is_(None),
            table.kind.in_(OF_THE_TRAVELLER),
        )
        .correlate(booking_id.table)
        .scalar_subquery()
    )


def has_open_case(booking_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return whether a case about the traveller of a booking is open, as a column of a query.

    It is looked up for each row: of EXISTS PostgreSQL would make a list of all open cases, or join
    them, and sort.
    """
    table = CASES.c
    case = (
        select(true())
        .where(
            table.booking_id == booking_id,
            table.resolved_at.is_(None),
            table.kind.in_(OF_THE_TRAVELLER),
        )
        .limit(1)
        .correlate_except(CASES)
    )
    return func.coalesce(case.scalar_subquery(), false())


def with_open_case() -> Select[Any]:
    """Select the bookings with an open case about their traveller."""
    table = CASES.c
    return select(table.booking_id).where(
        table.booking_id.is_not(None),
        table.resolved_at.is_(None),
        table.kind.in_(OF_THE_TRAVELLER),
    )


async def load_case(session: AsyncSession, case_id: int) -> CaseRow | None:
    """Return a case."""
    return await session.get(CaseRow, case_id)


async def list_cases(
    session: AsyncSession,
    *,
    is_open: bool | None,
    limit: int,
    booking_id: str | None = None,
    after: int | None = None,
) -> Sequence[CaseRow]:
    """Return cases, newest first: open ones, settled ones or (None) all; those of a booking.

    ``after`` is the last case of the page before.
    """
    statement = select(CaseRow).order_by(col(CaseRow.id).desc()).limit(limit)
    if is_open is not None:
        resolved = col(CaseRow.resolved_at)
        statement = statement.where(resolved.is_(None) if is_open else resolved.is_not(None))
    if booking_id is not None:
        statement = statement.where(col(CaseRow.booking_id) == booking_id)
    if after is not None:
        statement = statement.where(col(CaseRow.id) < after)
    return (await session.scalars(statement)).all()


async def list_open_cases(
    session: AsyncSession, kind: CaseKind, *, limit: int
) -> Sequence[CaseRow]:
    """Return the open cases of a kind, oldest first."""
    statement = select(CaseRow).where(col(CaseRow.kind) == kind, col(CaseRow.resolved_at).is_(None))
    return (await session.scalars(statement.order_by(col(CaseRow.id)).limit(limit))).all()


def _closing(by: str, resolution: str) -> Any:
    return (
        update(CASES)
        .where(CASES.c.resolved_at.is_(None))
        .values(resolved_at=func.now(), resolved_by=by, resolution=resolution)
    )
