"""Reading the feed as callers do, and how long it is kept. Callers own the transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.outbox import COUNTER, FED, FEED, FedEvent, events_after
from models.events.cloudevent import encode
from models.events.errors import EventsGone, EventsNotThereYet

SCANNED = 5_000
"""So many events one page passes over at most, while it looks for those of some types."""
BATCH = 1_000
"""So many events are purged in one transaction."""

log = logging.getLogger("tripsaga.outbox")


@dataclass(frozen=True)
class Told:
    """An event as it is sent, and where in the feed it is."""

    position: int
    type: str
    caller_id: str
    body: bytes


@dataclass(frozen=True)
class FeedPage:
    """Events behind a position."""

    events: Sequence[Told]
    next: int
    """Go on behind this position."""
    caught_up: bool
    """Whether these were all there were."""


def told(events: Sequence[FedEvent]) -> list[Told]:
    """Return events as they are sent; one that its schema refuses is passed over, and logged."""
    made = []
    for event in events:
        try:
            body = encode(event)
        except ValueError as error:
            log.error("event %s of the feed cannot be sent: %s", event.id, error)
            continue
        made.append(Told(event.position, event.type, event.caller_id, body))
    return made


async def read_feed(
    session: AsyncSession,
    after: int | None,
    limit: int,
    *,
    owner: str | None,
    types: Sequence[str] = (),
) -> FeedPage:
    """Return events behind position ``after`` (None: all that are kept), ``limit`` at most.

    Only those of ``owner``, unless that is None; only of ``types``, unless there are none.

    Raises:
        EventsGone: some behind ``after`` are not kept any more.
        EventsNotThereYet: the feed has not come to ``after``.
    """
    # One statement, hence one snapshot: no event can come, or be purged, between its parts.
    own = [] if owner is None else [FEED.c.caller_id == owner]
    behind = [FEED.c.position > (after or 0), *own]
    wanted = FED.where(*behind)
    upto = None
    if types:
        one = select(FEED.c.position).where(*behind).order_by(FEED.c.position)
        upto = one.offset(SCANNED - 1).limit(1).cte("upto")
        last = select(upto.c.position).scalar_subquery()
        wanted = wanted.where(
            FEED.c.type.in_(types), FEED.c.position <= func.coalesce(last, COUNTER.c.last)
        )
    page = wanted.order_by(FEED.c.position).limit(limit).correlate(COUNTER).lateral("page")
    oldest = select(func.min(FEED.c.position)).scalar_subquery()
    rows = (
        await session.execute(
            select(
                COUNTER.c.last.label("feed_last"),
                oldest.label("feed_oldest"),
                *([] if upto is None else [last.label("feed_upto")]),
                page,
            )
            .select_from(COUNTER.outerjoin(page, true()))
            .order_by(page.c.position)
        )
    ).all()
    latest, kept_from = rows[0].feed_last, rows[0].feed_oldest
    kept = latest if kept_from is None else kept_from - 1
    if after is not None and after < kept:
        raise EventsGone(after, kept)
    if after is not None and after > latest:
        raise EventsNotThereYet(after, latest)
    passed = latest if upto is None else rows[0].feed_upto or latest
    names = tuple(FED.selected_columns.keys())
    events = [
        FedEvent(**{name: row._mapping[page.c[name]] for name in names})
        for row in rows
        if row._mapping[page.c.position] is not None
    ]
    full = len(events) == limit
    return FeedPage(
        told(events),
        next=events[-1].position if full else passed,
        caught_up=not full and passed == latest,
    )


async def latest_position(session: AsyncSession) -> int:
    """Return how far the feed has come."""
    return int(await session.scalar(select(COUNTER.c.last)) or 0)


async def read_new(session: AsyncSession, after: int, limit: int) -> tuple[list[Told], int]:
    """Return everybody's events behind a position, and how far they go."""
    events = await events_after(session, after, limit)
    return told(events), events[-1].position if events else after


# An event in the feed always finds the version before its own: of what is purged, the two newest
# versions of each booking stay in outbox_events (two, for of the newest one an event may still be
# in the feed). So does what may yet be sent again.
_PURGE = text("""
WITH oldest AS (
    SELECT f.position, f.booking_id, e.booking_version,
        e.occurred_at < now() - make_interval(secs => :seconds) AS old
    FROM event_feed f JOIN outbox_events e ON e.id = f.event_id
    WHERE f.position <= coalesce((SELECT min(position) FROM event_sinks), 0)
    ORDER BY f.position LIMIT :batch
), gone AS (
    SELECT position, booking_id, booking_version FROM oldest
    WHERE position < coalesce((SELECT min(position) FROM oldest WHERE NOT old), :beyond)
), forgotten AS (
    DELETE FROM outbox_events e
    USING (SELECT booking_id, max(booking_version) AS newest FROM gone GROUP BY booking_id) g
    WHERE e.booking_id = g.booking_id AND e.booking_version < (
        SELECT max(b.booking_version) FROM outbox_events b
        WHERE b.booking_id = g.booking_id AND b.booking_version < g.newest
    ) AND NOT EXISTS (
        SELECT FROM event_dead_letters d JOIN outbox_events x ON x.id = d.event_id
        WHERE d.replayed_at IS NULL AND x.booking_id = e.booking_id
    )
)
DELETE FROM event_feed f USING gone g WHERE f.position = g.position
""")


async def purge_feed(session: AsyncSession, days: float, *, batch: int = BATCH) -> int:
    """Forget events that are older than ``days`` and known to all sinks; returns how many.

    The caller repeats this while it returns a full batch.
    """
    values = {"seconds": days * 86_400, "batch": batch, "beyond": 2**62}
    done = await session.execute(_PURGE, values)
    return int(done.rowcount)  # type: ignore[attr-defined]
