"""The reports of daily reconciliations: one row for each UTC day and gateway, the newest run."""

import datetime as dt
from typing import Any

from sqlalchemy import Column, Date, DateTime, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from models.payments.day_report import DayReport


class ReconciliationRow(SQLModel, table=True):
    """What the reconciliation of one UTC day with one gateway found."""

    __tablename__ = "reconciliations"

    day: dt.date = Field(sa_column=Column(Date, primary_key=True))
    gateway: str = Field(primary_key=True)
    currencies: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    """Figures of record, gateway and ledger by currency, minor units."""
    differences: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    run_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


RECONCILIATIONS = SQLModel.metadata.tables["reconciliations"]


async def save_report(session: AsyncSession, report: DayReport) -> None:
    """Write a day's report in place of an earlier one."""
    fresh = upsert(RECONCILIATIONS).values(report.row())
    await session.execute(
        fresh.on_conflict_do_update(
            index_elements=["day", "gateway"],
            set_={name: fresh.excluded[name] for name in ("currencies", "differences", "run_at")},
        )
    )


async def has_report(session: AsyncSession, day: dt.date, gateway: str) -> bool:
    """Tell whether a day has its report."""
    table = RECONCILIATIONS.c
    found = await session.scalar(
        select(table.day).where(table.day == day, table.gateway == gateway)
    )
    return found is not None


async def load_reports(
    session: AsyncSession, *, day: dt.date | None = None, limit: int = 31
) -> list[DayReport]:
    """Return the reports of a day (one for each gateway), or the newest ones, newest first."""
    table = RECONCILIATIONS.c
    statement = select(RECONCILIATIONS).order_by(table.day.desc(), table.gateway).limit(limit)
    if day is not None:
        statement = statement.where(table.day == day)
    return [
        DayReport.model_validate(dict(row)) for row in (await session.execute(statement)).mappings()
    ]
