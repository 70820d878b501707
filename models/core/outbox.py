"""The transactional outbox: events written with what they tell of, and fed to whoever listens.

An event is written in the transaction of its transition (``outbox_events``, ``outbox_pending``).
The sequencer then gives it a position in the feed (``event_feed``). Positions have no gaps and
become visible in their order, so that reading what is after a position never passes over an event
whose transaction committed late; no reader may trust another sequence. A consumer is a sink, with
a cursor in ``event_sinks``. Callers own the transaction; times are the database's.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Result,
    SmallInteger,
    UniqueConstraint,
    event,
    func,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlmodel import Field, SQLModel

from models.core.columns import json_column, time_column, uuid_column

BATCH = 500
"""So many events get their positions in one transaction."""


class OutboxEventRow(SQLModel, table=True):
    """An event; never changed."""

    __tablename__ = "outbox_events"
    __table_args__ = (
        UniqueConstraint("booking_id", "booking_version", "type", name="ux_outbox_events_version"),
    )

    id: str = Field(sa_column=Column(uuid_column().type, primary_key=True))
    booking_id: str = Field(sa_column=uuid_column())
    booking_version: int
    ordinal: int = Field(sa_column=Column(SmallInteger, nullable=False))
    type: str
    occurred_at: dt.datetime = Field(sa_column=time_column())
    data: dict[str, Any] = Field(sa_column=json_column())
    schema_version: int = Field(sa_column=Column(SmallInteger, nullable=False))
    trace: str | None = None


class PendingRow(SQLModel, table=True):
    """An event without a position yet.

    ``seq`` orders the events of one booking: its sequence caches nothing, and the booking's row is
    locked when it is drawn.
    """

    __tablename__ = "outbox_pending"

    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(), primary_key=True)
    )
    event_id: str = Field(sa_column=Column(uuid_column().type, nullable=False, unique=True))


class FeedRow(SQLModel, table=True):
    """The place of an event in the feed, and whose it is."""

    __tablename__ = "event_feed"
    __table_args__ = (Index("ix_event_feed_caller", "caller_id", "position"),)

    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    event_id: str = Field(sa_column=Column(uuid_column().type, nullable=False, unique=True))
    booking_id: str = Field(sa_column=uuid_column())
    type: str
    caller_id: str = Field(sa_column=uuid_column())
    provider_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    venue_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))


class CounterRow(SQLModel, table=True):
    """The last position of the feed: one row, whose lock is the sequencer's."""

    __tablename__ = "event_counter"
    __table_args__ = (CheckConstraint('"one"', name="event_counter_one"),)

    one: bool = Field(default=True, sa_column=Column(Boolean, primary_key=True))
    last: int = Field(sa_column=Column(BigInteger, nullable=False))


class SinkRow(SQLModel, table=True):
    """A consumer of the feed: how far it has come, and which worker serves it."""

    __tablename__ = "event_sinks"

    name: str = Field(primary_key=True)
    position: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    epoch: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Grows with every takeover; a worker of an older one may not move the cursor."""
    leased_by: str | None = None
    leased_until: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    last_error: str | None = None
    stalled_since: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """Since when nothing can be delivered; NULL while it goes on."""


class DeadLetterRow(SQLModel, table=True):
    """An event that a sink refuses for good; the ones behind it go on."""

    __tablename__ = "event_dead_letters"

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    sink: str
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    event_id: str = Field(sa_column=uuid_column())
    error: str
    at: dt.datetime = Field(sa_column=time_column(now=True))
    replay_asked_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """Since when it is to be sent again; NULL once that has succeeded, or was refused again."""
    replayed_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """When it was accepted after all."""


EVENTS = SQLModel.metadata.tables["outbox_events"]
PENDING = SQLModel.metadata.tables["outbox_pending"]
FEED = SQLModel.metadata.tables["event_feed"]
COUNTER = SQLModel.metadata.tables["event_counter"]
SINKS = SQLModel.metadata.tables["event_sinks"]
DEAD_LETTERS = SQLModel.metadata.tables["event_dead_letters"]


# -- writing -----------------------------------------------------------------------------------

_WRITES = "writes_events"


def will_write_events(session: AsyncSession) -> None:
    """Note that a session's transaction writes events: see :func:`nudged_by_commits`."""
    session.sync_session.info[_WRITES] = True


@contextmanager
def nudged_by_commits(nudge: Callable[[], None]) -> Iterator[None]:
    """Call ``nudge`` whenever a transaction of this process has committed events."""

    def committed(session: Session) -> None:
        if session.info.pop(_WRITES, False):
            nudge()

    event.listen(Session, "after_commit", committed)
    try:
        yield
    finally:
        event.remove(Session, "after_commit", committed)


# -- the sequencer -----------------------------------------------------------------------------

_FEED = text("""
WITH taken AS (
    DELETE FROM outbox_pending WHERE seq IN
        (SELECT seq FROM outbox_pending ORDER BY seq LIMIT :batch)
    RETURNING seq, event_id
), placed AS (
    SELECT event_id, :last + row_number() OVER (ORDER BY seq) AS position FROM taken
), fed AS (
    INSERT INTO event_feed (position, event_id, booking_id, type, caller_id, provider_id)
    SELECT p.position, p.event_id, e.booking_id, e.type, b.caller_id, b.provider_id
    FROM placed p JOIN outbox_events e ON e.id = p.event_id JOIN bookings b ON b.id = e.booking_id
    RETURNING position
)
UPDATE event_counter SET last = last + (SELECT count(*) FROM fed)
WHERE EXISTS (SELECT FROM fed) RETURNING last
""")


async def sequence(session: AsyncSession, *, batch: int = BATCH) -> int:
    """Give the next pending events their positions; returns how many.

    0 when there are none, or when another sequencer is at it: one at a time is enough.
    """
    waiting = await session.scalar(select(select(PENDING.c.seq).exists()))
    if not waiting:
        return 0
    last = await session.scalar(select(COUNTER.c.last).with_for_update(skip_locked=True))
    if last is None:
        return 0
    # A statement of its own: it sees all that was committed before the lock was had.
    now = await session.scalar(_FEED, {"last": last, "batch": batch})
    return 0 if now is None else int(now) - int(last)


# -- reading -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FedEvent:
    """An event in the feed."""

    position: int
    id: str
    caller_id: str
    """Whose booking it is about."""
    booking_id: str
    booking_version: int
    previous_version: int | None
    """The version before this one of which there are events; None: it is the first."""
    type: str
    occurred_at: dt.datetime
    data: dict[str, Any]
    schema_version: int
    trace: str | None


_BEFORE = EVENTS.alias("before")
# Read, not stored: the events before those in the feed are kept (``purge_feed``), and an index has
# the versions. So writers of bookings do nothing for it.
_PREVIOUS = (
    select(func.max(_BEFORE.c.booking_version))
    .where(
        _BEFORE.c.booking_id == EVENTS.c.booking_id,
        _BEFORE.c.booking_version < EVENTS.c.booking_version,
    )
    .scalar_subquery()
)

TOLD = (
    EVENTS.c.id,
    EVENTS.c.booking_id,
    EVENTS.c.booking_version,
    _PREVIOUS.label("previous_version"),
    EVENTS.c.type,
    EVENTS.c.occurred_at,
    EVENTS.c.data,
    EVENTS.c.schema_version,
    EVENTS.c.trace,
)
"""What is told of an event, wherever it is found: by the feed, or by a dead letter."""

FED = select(FEED.c.position, FEED.c.caller_id, *TOLD).join(EVENTS, EVENTS.c.id == FEED.c.event_id)
"""The columns of a ``FedEvent``; add which ones, in which order."""


def fed_events(rows: Result[*tuple[Any, ...]]) -> list[FedEvent]:
    """Return the events of rows that ``FED`` selects."""
    return [FedEvent(**row._mapping) for row in rows]


async def events_after(session: AsyncSession, position: int, limit: int) -> Sequence[FedEvent]:
    """Return the events behind a position of the feed, in their order."""
    rows = await session.execute(
        FED.where(FEED.c.position > position).order_by(FEED.c.position).limit(limit)
    )
    return fed_events(rows)
