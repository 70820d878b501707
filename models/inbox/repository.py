"""The inbox: every event that a gateway or a supplier sent us. The table and all its SQL.

An event is only a reason to look at a payment, or at a reservation: nothing of it but its identity
is believed. Each is kept once (unique by sender and event id), however often it comes. Callers own
the transaction; times are the database's, so that workers need not agree about the clock.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, StringConstraints
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    Identity,
    Index,
    Uuid,
    false,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from models.bookings.tables import BOOKINGS
from models.payments.repository import booking_of_payment

AT_MOST_TOGETHER = 200
"""Events of one payment, or of one reservation, that are answered by one look at it."""


class EventStatus(StrEnum):
    """Where an event stands."""

    RECEIVED = "received"
    """It waits to be handled, or somebody is handling it."""
    DONE = "done"
    KEPT = "kept"
    """Nothing to do, or about nothing on record; operators can have it handled again."""
    DEAD = "dead"
    """Handling it failed for too long; a case is open."""


class WebhookEventRow(SQLModel, table=True):
    """An event of a gateway or a supplier."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({','.join(repr(str(status)) for status in EventStatus)})",
            name="webhook_events_status",
        ),
        Index("ux_webhook_events_event", "gateway", "event_id", unique=True),
        Index("ix_webhook_events_due", "due_at", postgresql_where=text("status = 'received'")),
        Index(
            "ix_webhook_events_waiting",
            "payment_id",
            postgresql_where=text("status = 'received'"),
        ),
        Index(
            "ix_webhook_events_waiting_supplier",
            "supplier_id",
            postgresql_where=text("status = 'received'"),
        ),
        Index("ix_webhook_events_status", "status", text("id DESC")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    gateway: str
    """Who sent it: a gateway, or a supplier."""
    event_id: str
    type: str
    livemode: bool
    payment_id: str | None = None
    reference: str | None = None
    """Our reference of a reservation, in a supplier's event."""
    supplier_id: str | None = None
    """The supplier's id of a reservation."""
    booking_id: str | None = Field(
        default=None, sa_column=Column(Uuid(as_uuid=False), nullable=True)
    )
    """Our reference in the event, if any; not known to be a booking."""
    created_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """At the gateway."""
    payload: dict[str, Any] = Field(sa_column=Column(JSONB(none_as_null=True), nullable=False))
    """The event without secrets and personal data, for operators."""
    received_at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    )
    deliveries: int = 1
    """How often it came."""
    status: str = EventStatus.RECEIVED
    outcome: str | None = None
    """What handling it found, in plain words."""
    attempts: int = 0
    """How often handling began since it last ended well; too many make it dead."""
    due_at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    )
    """When it is to be handled; ahead of time while somebody does (a lease)."""
    handled_at: dt.datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=True)
    )
    last_error: str | None = None


INBOX = SQLModel.metadata.tables["webhook_events"]

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:\-]{1,255}$")]
"""An id or type as gateways write them; it ends up in the database and in logs."""


class NewEvent(BaseModel):
    """A verified event, to be kept."""

    gateway: str
    event_id: Identifier
    type: Identifier
    livemode: bool
    payment_id: Identifier | None = None
    reference: Identifier | None = None
    supplier_id: Identifier | None = None
    booking_id: str | None = None
    """A UUID."""
    created_at: AwareDatetime
    payload: dict[str, Any]
    """JSON that PostgreSQL can hold."""
    kept_because: str | None = None
    """Why it is only kept, not handled."""


@dataclass(frozen=True)
class ClaimedEvent:
    """An event that this worker handles until the lease runs out."""

    id: int
    gateway: str
    event_id: str
    type: str
    payment_id: str | None
    booking_id: str | None
    attempts: int
    """This one included."""
    age: dt.timedelta
    """Since it was received."""
    reference: str | None = None
    supplier_id: str | None = None


async def receive_event(session: AsyncSession, event: NewEvent) -> bool:
    """Keep an event; False when it was known, which is only counted."""
    fresh = insert(INBOX).values(
        **event.model_dump(exclude={"kept_because"}),
        deliveries=1,
        attempts=0,
        status=EventStatus.KEPT if event.kept_because else EventStatus.RECEIVED,
        outcome=event.kept_because,
        handled_at=func.now() if event.kept_because else None,
    )
    deliveries: int | None = await session.scalar(
        fresh.on_conflict_do_update(
            index_elements=["gateway", "event_id"],
            set_={"deliveries": INBOX.c.deliveries + 1},
        ).returning(INBOX.c.deliveries)
    )
    return deliveries == 1


async def claim_events(session: AsyncSession, lease: dt.timedelta) -> list[ClaimedEvent]:
    """Take the event that has been due longest, and those about the same thing that are due too.

    Nobody else gets them until the lease runs out; then a worker that died in between has lost
    nothing. Empty when nothing is due.
    """
    table = INBOX.c
    due = (table.status == EventStatus.RECEIVED) & (table.due_at <= func.now())
    first = (
        await session.execute(
            select(table.id, table.gateway, table.payment_id, table.supplier_id)
            .where(due)
            .order_by(table.due_at, table.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
    ).one_or_none()
    if first is None:
        return []
    siblings = await session.scalars(
        select(table.id)
        .where(
            due,
            table.id != first.id,
            table.gateway == first.gateway,
            _about_the_same(first),
        )
        .limit(AT_MOST_TOGETHER - 1)
        .with_for_update(skip_locked=True)
    )
    claimed = await session.execute(
        update(INBOX)
        .where(table.id.in_([first.id, *siblings]))
        .values(due_at=func.now() + lease, attempts=table.attempts + 1)
        .returning(
            table.id,
            table.gateway,
            table.event_id,
            table.type,
            table.payment_id,
            table.booking_id,
            table.attempts,
            (func.now() - table.received_at).label("age"),
            table.reference,
            table.supplier_id,
        )
    )
    return sorted((ClaimedEvent(*row) for row in claimed), key=lambda event: event.id)


def _about_the_same(first: Any) -> ColumnElement[bool]:
    """Return whether an event is about the payment or reservation of another; naming none, no."""
    named = [INBOX.c.payment_id, INBOX.c.supplier_id]
    same = [column == first._mapping[column] for column in named if first._mapping[column]]
    return or_(false(), *same)


async def find_booking(
    session: AsyncSession, payment_id: str | None, booking_id: str | None
) -> str | None:
    """Return the booking that a payment on record belongs to, else the one the event names.

    None when there is no such booking.
    """
    if payment_id is not None:
        found = await booking_of_payment(session, payment_id)
        if found is not None:
            return found
    if booking_id is None:
        return None
    named: str | None = await session.scalar(
        select(BOOKINGS.c.id).where(BOOKINGS.c.id == booking_id)
    )
    return named


async def end_events(
    session: AsyncSession, events: Sequence[ClaimedEvent], status: EventStatus, outcome: str
) -> None:
    """Write what became of claimed events."""
    await session.execute(
        _still_waiting(events).values(status=status, outcome=outcome, handled_at=func.now())
    )


async def postpone_events(
    session: AsyncSession,
    events: Sequence[ClaimedEvent],
    why: str,
    *,
    shortest: dt.timedelta,
    longest: dt.timedelta,
) -> None:
    """Have claimed events handled later: as long from now as they are old, within bounds."""
    age = func.now() - INBOX.c.received_at
    await session.execute(
        _still_waiting(events).values(
            due_at=func.now() + func.greatest(shortest, func.least(age, longest)),
            attempts=0,
            outcome=why,
        )
    )


async def repeat_events(
    session: AsyncSession, events: Sequence[ClaimedEvent], error: str, pause: dt.timedelta
) -> None:
    """Have claimed events handled again after a pause, because handling them failed."""
    await session.execute(
        _still_waiting(events).values(due_at=func.now() + pause, last_error=error)
    )


def _still_waiting(events: Sequence[ClaimedEvent]) -> Any:
    # Whoever comes late, after the lease ran out and another ended the event, changes nothing.
    return update(INBOX).where(
        INBOX.c.id.in_([event.id for event in events]), INBOX.c.status == EventStatus.RECEIVED
    )


# -- for operators ---------------------------------------------------------------------------


async def load_event(session: AsyncSession, event_id: int) -> WebhookEventRow | None:
    """Return an event by our own number of it."""
    return await session.get(WebhookEventRow, event_id)


async def list_events(
    session: AsyncSession, *, status: EventStatus | None, limit: int, after: int | None = None
) -> Sequence[WebhookEventRow]:
    """Return events, newest first; ``after`` is the last event of the page before."""
    statement = select(WebhookEventRow).order_by(col(WebhookEventRow.id).desc()).limit(limit)
    if status is not None:
        statement = statement.where(col(WebhookEventRow.status) == status)
    if after is not None:
        statement = statement.where(col(WebhookEventRow.id) < after)
    return (await session.scalars(statement)).all()


async def retry_event(session: AsyncSession, event_id: int) -> bool:
    """Have a kept or dead event handled again, now; False when it is neither."""
    found = await session.scalar(
        update(INBOX)
        .where(INBOX.c.id == event_id, INBOX.c.status.in_([EventStatus.KEPT, EventStatus.DEAD]))
        .values(status=EventStatus.RECEIVED, due_at=func.now(), attempts=0, handled_at=None)
        .returning(INBOX.c.id)
    )
    return found is not None


COUNT = select(
    INBOX.c.status,
    func.count().label("events"),
    func.max(func.now() - INBOX.c.due_at).label("overdue"),
).group_by(INBOX.c.status)
"""How many events there are of each status, and how long the oldest has been due."""
