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
    ColumnElement,
    Identity,
    Index,
    Integer,
    Result,
    SmallInteger,
    UniqueConstraint,
    event,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
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
    INSERT INTO event_feed (position, event_id, booking_id, type, caller_id)
    SELECT p.position, p.event_id, e.booking_id, e.type, b.caller_id
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


# -- sinks -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lease:
    """A sink that is one worker's for a while."""

    sink: str
    epoch: int
    position: int
    """How far the sink has come."""
    stalled_for: dt.timedelta | None
    """How long nothing could be delivered; None while it goes on."""


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

_TOLD = (
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

FED = select(FEED.c.position, FEED.c.caller_id, *_TOLD).join(EVENTS, EVENTS.c.id == FEED.c.event_id)
"""The columns of a ``FedEvent``; add which ones, in which order."""


def fed_events(rows: Result[*tuple[Any, ...]]) -> list[FedEvent]:
    """Return the events of rows that ``FED`` selects."""
    return [FedEvent(**row._mapping) for row in rows]


async def lease_sink(
    session: AsyncSession, sink: str, worker: str, span: dt.timedelta
) -> Lease | None:
    """Take a sink with something to deliver, or keep it; None: nothing to do, or another has it."""
    table = SINKS.c
    own = table.leased_by == worker
    free = func.coalesce(table.leased_until < func.clock_timestamp(), True)
    row = (
        await session.execute(
            update(SINKS)
            .where(
                table.name == sink,
                (table.position < select(COUNTER.c.last).scalar_subquery())
                | select(DEAD_LETTERS.c.id).where(*_to_replay(sink)).exists(),
                own | free,
            )
            .values(
                leased_by=worker,
                leased_until=func.clock_timestamp() + span,
                epoch=table.epoch + (func.coalesce(table.leased_by, "") != worker).cast(Integer),
            )
            .returning(
                table.epoch,
                table.position,
                (func.clock_timestamp() - table.stalled_since).label("stalled_for"),
            )
        )
    ).one_or_none()
    return None if row is None else Lease(sink, **row._mapping)


async def events_after(session: AsyncSession, position: int, limit: int) -> Sequence[FedEvent]:
    """Return the events behind a position of the feed, in their order."""
    rows = await session.execute(
        FED.where(FEED.c.position > position).order_by(FEED.c.position).limit(limit)
    )
    return fed_events(rows)


async def release_sink(session: AsyncSession, sink: str, worker: str) -> None:
    """End a worker's lease, if it has one: it has delivered all it had begun."""
    await session.execute(
        update(SINKS)
        .where(SINKS.c.name == sink, SINKS.c.leased_by == worker)
        .values(leased_until=func.clock_timestamp())
    )


async def add_sink(session: AsyncSession, sink: str) -> None:
    """Add a sink, unless it is there; it will get every event that is kept."""
    oldest = select(func.min(FEED.c.position) - 1).scalar_subquery()
    kept = select(literal(sink), func.coalesce(oldest, COUNTER.c.last))
    await session.execute(
        upsert(SINKS).from_select(["name", "position"], kept).on_conflict_do_nothing()
    )


async def move_cursor(
    session: AsyncSession, lease: Lease, position: int, error: str | None = None
) -> bool:
    """Note how far a sink has come, and why no further; False: another worker has it now."""
    table = SINKS.c
    moved = await session.execute(
        update(SINKS)
        .where(table.name == lease.sink, table.epoch == lease.epoch, table.position <= position)
        .values(
            position=position,
            last_error=error,
            stalled_since=(
                None
                if error is None
                else func.coalesce(table.stalled_since, func.clock_timestamp())
            ),
        )
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


async def add_dead_letter(session: AsyncSession, sink: str, event: FedEvent, error: str) -> None:
    """Keep an event that a sink refuses for good."""
    await session.execute(
        insert(DEAD_LETTERS).values(
            sink=sink, position=event.position, event_id=event.id, error=error
        )
    )


# -- dead letters that are sent again ----------------------------------------------------------


def _to_replay(sink: str) -> tuple[ColumnElement[bool], ...]:
    letter = DEAD_LETTERS.c
    asked = letter.replay_asked_at.is_not(None)
    return letter.sink == sink, asked, letter.replayed_at.is_(None)


async def letters_to_replay(session: AsyncSession, sink: str, limit: int) -> dict[int, FedEvent]:
    """Return what a sink is to be sent again, by the dead letter's number: the same events."""
    letter = DEAD_LETTERS.c
    # Its place in the feed may have been purged.
    caller = "(SELECT b.caller_id FROM bookings b WHERE b.id = outbox_events.booking_id)"
    rows = await session.execute(
        select(
            letter.id.label("letter"),
            letter.position,
            literal_column(caller).label("caller_id"),
            *_TOLD,
        )
        .join_from(DEAD_LETTERS, EVENTS, EVENTS.c.id == letter.event_id)
        .where(*_to_replay(sink))
        .order_by(letter.position)
        .limit(limit)
    )
    found = {}
    for row in rows:
        told = dict(row._mapping)
        letter_id = told.pop("letter")
        found[letter_id] = FedEvent(**told)
    return found


async def end_replay(session: AsyncSession, letter_id: int, error: str | None = None) -> None:
    """Note that a dead letter was accepted, or why it is refused again."""
    ended: dict[str, Any] = {"replay_asked_at": None}
    ended |= {"replayed_at": func.now()} if error is None else {"error": error}
    await session.execute(
        update(DEAD_LETTERS).where(DEAD_LETTERS.c.id == letter_id).values(**ended)
    )
