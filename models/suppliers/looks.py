"""Which items are to be looked at again at their suppliers, and when: the tables and all their SQL.

Three reasons: an item is awaited (its supplier says yes or no later), a booking of it that was
never answered may be done late, or somebody asked for a look that could not be had at once.
Callers own the transaction; times are the database's.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Uuid,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel

from models.bookings.lifecycle import CLOSED_STATES, SETTLED_STATES, BookingState
from models.bookings.tables import BOOKING_ITEMS, BOOKINGS
from models.core.attempts import DOUBTFUL_BOOKING
from models.payments.recorded import sql_list
from models.trips.tables import CHANGES


class Reason(StrEnum):
    """Why an item is looked at again."""

    AWAITED = "awaited"
    """Its supplier has yet to say yes or no."""
    LATE = "late"
    """It is not to be had any more, and an attempt to book it was never answered."""
    ASKED = "asked"
    """Something has happened to it, and the look at it had no answer."""


class SupplierLookRow(SQLModel, table=True):
    """An item that is looked at again."""

    __tablename__ = "supplier_looks"
    __table_args__ = (
        CheckConstraint(
            f"reason IN ({','.join(repr(str(reason)) for reason in Reason)})",
            name="supplier_looks_reason",
        ),
        Index("ix_supplier_looks_due", "supplier", "due_at"),
    )

    booking_id: str = Field(
        sa_column=Column(
            Uuid(as_uuid=False), ForeignKey("bookings.id"), primary_key=True, nullable=False
        )
    )
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    """Of the item."""
    supplier: str
    reason: str
    since: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """When it was asked for, or when the attempt began that was never answered."""
    due_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    looks: int = Field(
        default=0, sa_column=Column(Integer, nullable=False, server_default=text("0"))
    )
    """How often it has been looked at."""
    outcome: str | None = None
    """What the last look found, in plain words."""


class SupplierMarkRow(SQLModel, table=True):
    """Up to when a supplier's list of changes has been read."""

    __tablename__ = "supplier_marks"

    supplier: str = Field(primary_key=True)
    read_until: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    )


LOOKS = SQLModel.metadata.tables["supplier_looks"]
MARKS = SQLModel.metadata.tables["supplier_marks"]


@dataclass(frozen=True)
class DueLook:
    """A look that is due."""

    booking_id: str
    number: int
    reason: Reason
    age: dt.timedelta
    """Since the item has been followed."""
    looks: int


_AWAITED = text("""
INSERT INTO supplier_looks (booking_id, number, supplier, reason, since, due_at)
SELECT i.booking_id, i.number, i.supplier, 'awaited', i.updated_at,
    coalesce((i.details->>'look_after')::timestamptz, i.updated_at + CAST(:pause AS interval))
FROM booking_items i
WHERE i.saga_state = 'AWAITED' AND i.supplier = ANY(CAST(:suppliers AS text[]))
AND NOT EXISTS (SELECT FROM supplier_looks l
                WHERE (l.booking_id, l.number) = (i.booking_id, i.number) AND l.reason = 'awaited')
ORDER BY i.updated_at LIMIT :limit
ON CONFLICT (booking_id, number) DO UPDATE
SET reason = 'awaited', since = excluded.since, due_at = excluded.due_at
""")

_LATE = text(f"""
WITH a AS MATERIALIZED (
    SELECT booking_id, item, started_at FROM attempts
    WHERE {DOUBTFUL_BOOKING} AND started_at > now() - CAST(:window AS interval))
INSERT INTO supplier_looks (booking_id, number, supplier, reason, since, due_at)
SELECT i.booking_id, i.number, i.supplier, 'late', max(a.started_at), now()
FROM a
JOIN booking_items i ON i.booking_id = a.booking_id AND i.number = a.item
JOIN bookings b ON b.id = i.booking_id
WHERE i.supplier = ANY(CAST(:suppliers AS text[]))
AND i.status IN ('FAILED', 'CANCELLED', 'PENDING') AND i.saga_state NOT IN ('AWAITED', 'REFUSED')
AND (b.state IN ({sql_list(CLOSED_STATES)})
     OR b.state IN ({sql_list(SETTLED_STATES)}) AND i.status <> 'PENDING')
AND NOT EXISTS (SELECT FROM supplier_looks l
                WHERE (l.booking_id, l.number) = (i.booking_id, i.number))
GROUP BY i.booking_id, i.number, i.supplier ORDER BY max(a.started_at) LIMIT :limit
ON CONFLICT DO NOTHING
""")  # noqa: S608  (made of our own constants)


async def enrol(
    session: AsyncSession,
    *,
    awaiting: Collection[str],
    finding: Collection[str],
    pause: dt.timedelta,
    window: dt.timedelta,
    limit: int,
) -> None:
    """Note items that are to be followed from now on, at most ``limit`` of each reason.

    Args:
        session: in a transaction.
        awaiting: suppliers that are asked about awaited items.
        finding: suppliers that look a reservation up by our reference.
        pause: until an awaited item is looked at, where its supplier did not say when.
        window: how long after an attempt that was never answered it may still be done.
        limit: of each.
    """
    await session.execute(_AWAITED, {"suppliers": list(awaiting), "pause": pause, "limit": limit})
    await session.execute(_LATE, {"suppliers": list(finding), "window": window, "limit": limit})


async def due_looks(session: AsyncSession, supplier: str, *, limit: int) -> list[DueLook]:
    """Return what is due at a supplier, what has been due longest first."""
    table = LOOKS.c
    rows = await session.execute(
        select(
            table.booking_id,
            table.number,
            table.reason,
            (func.now() - table.since).label("age"),
            table.looks,
        )
        .where(table.supplier == supplier, table.due_at <= func.now())
        .order_by(table.due_at)
        .limit(limit)
    )
    return [
        DueLook(row.booking_id, row.number, Reason(row.reason), row.age, row.looks) for row in rows
    ]


async def look_again(
    session: AsyncSession,
    look: DueLook,
    outcome: str,
    *,
    pause: dt.timedelta,
    not_before: dt.datetime | None = None,
) -> None:
    """Have an item looked at once more, after ``pause`` or, if that is later, ``not_before``."""
    due = func.now() + pause
    await session.execute(
        update(LOOKS)
        .where(LOOKS.c.booking_id == look.booking_id, LOOKS.c.number == look.number)
        .values(
            due_at=due if not_before is None else func.greatest(due, literal(not_before)),
            looks=LOOKS.c.looks + 1,
            outcome=outcome[:500],
        )
    )


async def end_look(session: AsyncSession, look: DueLook) -> None:
    """Follow an item no longer."""
    await session.execute(
        delete(LOOKS).where(LOOKS.c.booking_id == look.booking_id, LOOKS.c.number == look.number)
    )


async def ask_for_look(
    session: AsyncSession, booking_id: str, number: int, supplier: str, *, why: str
) -> None:
    """Have an item looked at in the next round; one that is followed is looked at sooner."""
    fresh = upsert(LOOKS).values(
        booking_id=booking_id,
        number=number,
        supplier=supplier,
        reason=Reason.ASKED,
        since=func.now(),
        due_at=func.now(),
        looks=0,
        outcome=why[:500],
    )
    await session.execute(
        fresh.on_conflict_do_update(
            index_elements=["booking_id", "number"],
            set_={"due_at": fresh.excluded.due_at, "outcome": fresh.excluded.outcome},
        )
    )


async def read_until(session: AsyncSession, supplier: str) -> dt.datetime | None:
    """Return up to when a supplier's list of changes has been read (UTC); None: never."""
    found: dt.datetime | None = await session.scalar(
        select(MARKS.c.read_until).where(MARKS.c.supplier == supplier)
    )
    return found


async def mark_read(session: AsyncSession, supplier: str, until: dt.datetime) -> None:
    """Note that a supplier's list of changes has been read up to ``until``."""
    fresh = upsert(MARKS).values(supplier=supplier, read_until=until)
    await session.execute(
        fresh.on_conflict_do_update(
            index_elements=["supplier"],
            set_={
                "read_until": func.greatest(MARKS.c.read_until, fresh.excluded.read_until),
                "updated_at": func.now(),
            },
        )
    )


async def find_item(
    session: AsyncSession, supplier: str, reference: str | None, supplier_id: str | None
) -> tuple[str, int] | None:
    """Return booking and number of the item that a supplier speaks of; None when unknown."""
    items = BOOKING_ITEMS.c
    for column, value in ((items.reference, reference), (items.supplier_id, supplier_id)):
        if value is None:
            continue
        found = (
            await session.execute(
                select(items.booking_id, items.number)
                .where(column == value, items.supplier == supplier)
                .limit(1)
            )
        ).one_or_none()
        if found is not None:
            return str(found.booking_id), int(found.number)
    return None


async def quiet_bookings(
    session: AsyncSession, *, quiet: dt.timedelta, limit: int
) -> Sequence[str]:
    """Return bookings on their way, or with an operator, of which nothing was recorded for long.

    One that stands is on its way as well while a change of it has not ended.

    In no order: where there are more than ``limit``, each comes up in one of the next rounds.
    """
    under_way = [state for state in BookingState if state not in SETTLED_STATES]
    changing = select(CHANGES.c.booking_id).where(
        CHANGES.c.status == "open", CHANGES.c.created_at < func.now() - quiet
    )
    rows = await session.scalars(
        select(BOOKINGS.c.id)
        .where(
            or_(BOOKINGS.c.state.in_(under_way), BOOKINGS.c.id.in_(changing)),
            BOOKINGS.c.updated_at < func.now() - quiet,
        )
        .order_by(func.random())
        .limit(limit)
    )
    return [str(booking_id) for booking_id in rows]
