"""From the feed to deliveries: each event once for each endpoint that wants it.

Deliveries and the cursor of the sink ``webhooks`` are written in one transaction, so nothing is
fanned out twice or not at all, whichever worker dies when.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.webhook_endpoints.tables import EndpointRow

SINK = "webhooks"
BATCH = 500
"""So many events of the feed are looked at in one transaction."""
RECOVERED_AT_ONCE = 5_000
"""So many deliveries are made again by one request."""

_LOCK = text(f"""
SELECT position FROM event_sinks
WHERE name = '{SINK}' AND position < (SELECT last FROM event_counter) FOR UPDATE SKIP LOCKED
""")  # noqa: S608
# A statement of its own: the next one then sees what became of deliveries that were under way. Else
# one that has just ended would still look claimed, and those behind it due with its lease.
_ENDPOINTS = text("""
SELECT FROM webhook_endpoints e WHERE e.status = 'ACTIVE' AND e.caller_id IN (
    SELECT caller_id FROM event_feed WHERE position > :after ORDER BY position LIMIT :batch
) ORDER BY e.id FOR UPDATE OF e
""")
# A delivery behind one that waits for its next attempt is due with it, not before: else it would
# look overdue, and be looked at in vain each time.
_FAN_OUT = text(f"""
WITH fed AS (
    SELECT position, event_id, booking_id, caller_id, type FROM event_feed
    WHERE position > :after ORDER BY position LIMIT :batch
), wanted AS (
    SELECT e.id AS endpoint_id, f.*
    FROM fed f JOIN webhook_endpoints e ON e.caller_id = f.caller_id
    WHERE e.status = 'ACTIVE' AND (e.types = '{{}}' OR f.type = ANY(e.types))
), made AS (
    INSERT INTO webhook_deliveries (endpoint_id, position, event_id, booking_id, type, next_at)
    SELECT w.endpoint_id, w.position, w.event_id, w.booking_id, w.type, coalesce(
        (SELECT max(d.next_at) FROM webhook_deliveries d WHERE d.endpoint_id = w.endpoint_id
            AND d.booking_id = w.booking_id AND d.state = 'PENDING'), clock_timestamp())
    FROM wanted w
    ON CONFLICT DO NOTHING
    RETURNING 1
), moved AS (
    UPDATE event_sinks SET position = (SELECT max(position) FROM fed)
    WHERE name = '{SINK}' AND EXISTS (SELECT FROM fed)
)
SELECT (SELECT count(*) FROM fed) AS looked_at, (SELECT count(*) FROM made) AS made
""")  # noqa: S608


async def fan_out(session: AsyncSession, *, batch: int = BATCH) -> tuple[int, int]:
    """Make deliveries of the next events; returns how many events, and how many deliveries.

    0, 0 when there are none, or when another worker is at it.
    """
    after = await session.scalar(_LOCK)
    if after is None:
        return 0, 0
    given = {"after": after, "batch": batch}
    await session.execute(_ENDPOINTS, given)
    row = (await session.execute(_FAN_OUT, given)).one()
    return row.looked_at, row.made


@dataclass(frozen=True)
class Recovered:
    """What ``recover`` has made."""

    deliveries: int
    through: int
    """Up to this position of the feed."""
    more: bool
    """There are events behind it: ask again with ``after`` = ``through``."""


_FIRST_SINCE = text("""
SELECT min(f.position) - 1 FROM event_feed f JOIN outbox_events e ON e.id = f.event_id
WHERE f.caller_id = :caller AND e.occurred_at >= :since
""")
_AGAIN = text("""
WITH fed AS (
    SELECT f.position, f.event_id, f.booking_id, f.type FROM event_feed f
    WHERE f.caller_id = :caller AND f.position > :after AND f.position <= :last
        AND (:all_types OR f.type = ANY(:types))
    ORDER BY f.position LIMIT :batch
), made AS (
    INSERT INTO webhook_deliveries AS d
        (endpoint_id, position, event_id, booking_id, type, next_at)
    SELECT :endpoint, position, event_id, booking_id, type, clock_timestamp() FROM fed
    ON CONFLICT (endpoint_id, position) DO UPDATE
        SET state = 'PENDING', attempts = 0, next_at = clock_timestamp(), leased_until = NULL,
            ended_at = NULL
        WHERE d.state IN ('FAILED', 'DROPPED') OR (:delivered AND d.state = 'DELIVERED')
    RETURNING 1
)
SELECT (SELECT count(*) FROM made) AS made, (SELECT count(*) FROM fed) AS looked_at,
    (SELECT max(position) FROM fed) AS last
""")


async def lock_cursor(session: AsyncSession) -> int:
    """Keep events from being fanned out meanwhile; returns the position up to which they are.

    Take it before any endpoint, as the fan-out does.
    """
    sink = text(f"SELECT position FROM event_sinks WHERE name = '{SINK}' FOR UPDATE")  # noqa: S608
    return await session.scalar(sink) or 0


async def recover(
    session: AsyncSession,
    endpoint: EndpointRow,
    last: int,
    *,
    after: int | None = None,
    since: dt.datetime | None = None,
    delivered: bool = False,
    batch: int = RECOVERED_AT_ONCE,
) -> Recovered:
    """Make deliveries again of what is in the feed behind a position, or since a moment.

    What is pending stays as it is; what was delivered too, unless ``delivered``. The caller's
    transaction has locked the cursor, which stands at ``last`` (:func:`lock_cursor`: what is behind
    it the fan-out will make itself), and then the endpoint's row.
    """
    if after is None:
        found = await session.scalar(_FIRST_SINCE, {"caller": endpoint.caller_id, "since": since})
        after = last if found is None else int(found)
    row = (
        await session.execute(
            _AGAIN,
            {
                "caller": endpoint.caller_id,
                "endpoint": endpoint.id,
                "after": after,
                "last": last,
                "all_types": not endpoint.types,
                "types": endpoint.types,
                "delivered": delivered,
                "batch": batch,
            },
        )
    ).one()
    more = row.looked_at == batch
    through = int(row.last) if more else max(last, after)
    if endpoint.missing_after is not None and after <= endpoint.missing_after:
        await session.execute(
            text("UPDATE webhook_endpoints SET missing_after = :from WHERE id = :id"),
            {"from": through if more else None, "id": endpoint.id},
        )
    return Recovered(row.made, through, more)
