"""Who is told of events, as operators look after them. Callers own the transaction."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.outbox import COUNTER, DEAD_LETTERS, EVENTS, SINKS
from models.events.errors import DeadLetterDelivered, DeadLetterNotFound


@dataclass(frozen=True)
class SinkReport:
    """How far a sink has come."""

    name: str
    position: int
    behind: int
    """Events in the feed that it has not had."""
    leased_by: str | None
    """The worker that serves it now; None: nobody needs to, or nobody does."""
    last_error: str | None
    stalled_since: dt.datetime | None
    dead_letters: int
    """Events that it refused, and has not accepted since."""


@dataclass(frozen=True)
class DeadLetter:
    """An event that a sink refused."""

    id: int
    sink: str
    position: int
    event_id: str
    booking_id: str
    type: str
    error: str
    at: dt.datetime
    replay_asked_at: dt.datetime | None
    replayed_at: dt.datetime | None


async def list_sinks(session: AsyncSession) -> list[SinkReport]:
    """Return every sink, by name."""
    sink, letter = SINKS.c, DEAD_LETTERS.c
    refused = select(func.count()).where(letter.sink == sink.name, letter.replayed_at.is_(None))
    rows = await session.execute(
        select(
            sink.name,
            sink.position,
            (select(COUNTER.c.last).scalar_subquery() - sink.position).label("behind"),
            case((sink.leased_until > func.clock_timestamp(), sink.leased_by)),
            sink.last_error,
            sink.stalled_since,
            refused.scalar_subquery(),
        ).order_by(sink.name)
    )
    return [SinkReport(*row) for row in rows]


async def list_dead_letters(
    session: AsyncSession,
    limit: int,
    *,
    sink: str | None = None,
    is_open: bool | None = None,
    after: int | None = None,
) -> Sequence[DeadLetter]:
    """Return dead letters, newest first; ``is_open``: those not accepted since, or the others."""
    letter = DEAD_LETTERS.c
    query = _LETTERS.order_by(letter.id.desc()).limit(limit)
    if sink is not None:
        query = query.where(letter.sink == sink)
    if is_open is not None:
        query = query.where(letter.replayed_at.is_(None) == is_open)
    if after is not None:
        query = query.where(letter.id < after)
    return [DeadLetter(**row._mapping) for row in await session.execute(query)]


async def ask_for_replay(session: AsyncSession, letter_id: int) -> DeadLetter:
    """Have a dead letter sent again, by the worker that serves its sink; twice does no harm.

    Raises:
        DeadLetterNotFound: there is none of this number.
        DeadLetterDelivered: it was sent again before, and accepted.
    """
    letter = DEAD_LETTERS.c
    await session.execute(
        update(DEAD_LETTERS)
        .where(letter.id == letter_id, letter.replayed_at.is_(None))
        .values(replay_asked_at=func.coalesce(letter.replay_asked_at, func.now()))
    )
    row = (await session.execute(_LETTERS.where(letter.id == letter_id))).one_or_none()
    if row is None:
        raise DeadLetterNotFound(letter_id)
    found = DeadLetter(**row._mapping)
    if found.replayed_at is not None:
        raise DeadLetterDelivered(letter_id)
    return found


_LETTERS = select(
    DEAD_LETTERS.c.id,
    DEAD_LETTERS.c.sink,
    DEAD_LETTERS.c.position,
    DEAD_LETTERS.c.event_id,
    EVENTS.c.booking_id,
    EVENTS.c.type,
    DEAD_LETTERS.c.error,
    DEAD_LETTERS.c.at,
    DEAD_LETTERS.c.replay_asked_at,
    DEAD_LETTERS.c.replayed_at,
).join(EVENTS, EVENTS.c.id == DEAD_LETTERS.c.event_id)
