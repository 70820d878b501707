"""Who consumes the feed: one worker serves a sink at a time, and notes how far it has come.

A sink's lease has an epoch that grows with every takeover, so that a worker that was taken for dead
does not move the cursor. Callers own the transaction; times are the database's.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.outbox import COUNTER, DEAD_LETTERS, EVENTS, FEED, SINKS, TOLD, FedEvent


@dataclass(frozen=True)
class Lease:
    """A sink that is one worker's for a while."""

    sink: str
    epoch: int
    position: int
    """How far the sink has come."""
    stalled_for: dt.timedelta | None
    """How long nothing could be delivered; None while it goes on."""


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
            *TOLD,
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
