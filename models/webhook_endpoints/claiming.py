"""Which deliveries a worker may send now, and what came of them.

A delivery is due when no earlier one of its endpoint and booking is pending. Workers claim by
lease: who dies in between has lost nothing. All who lock an endpoint and its deliveries lock the
endpoint first.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Update, func, insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.addresses import LONGEST_URL
from models.core.cases import CaseKind, open_case
from models.core.guarded_http import Reply
from models.core.text import storable
from models.webhook_endpoints.repository import case_source, suspend
from models.webhook_endpoints.schedule import APART, DISABLED_AFTER, pause_after, retry_after
from models.webhook_endpoints.tables import (
    ATTEMPTS,
    DELIVERIES,
    ENDPOINTS,
    DeliveryState,
    EndpointStatus,
)

AT_ONCE = 4
"""Deliveries of one endpoint that are under way together, whichever workers send them."""
LEASE = dt.timedelta(seconds=60)
"""How long a claimed delivery is one worker's: several times as long as a request may take."""
GONE = 410
KEYLESS = "no key of the caller is valid any more"

OPENS = """EXISTS (SELECT FROM caller_keys k WHERE k.caller_id = e.caller_id
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > clock_timestamp()))"""
"""Whether a caller has a key that is valid, of an endpoint ``e``."""


@dataclass(frozen=True)
class Claimed:
    """A delivery that this worker sends until the lease runs out."""

    endpoint_id: str
    position: int
    attempts: int
    """This one included."""
    url: str
    generations: list[int]
    """Of the secrets it is signed with, newest first."""
    failing: bool
    """Whether no attempt at the endpoint had succeeded since one failed."""


# Not clock_timestamp(), which is none of an index' conditions: it may change from row to row.
_DUE = "d.endpoint_id = {} AND d.state = 'PENDING' AND d.next_at <= statement_timestamp()"
# A subquery with a limit, not EXISTS: that becomes a join over all that is pending.
_FIRST = """d.position = (SELECT o.position FROM webhook_deliveries o
    WHERE o.endpoint_id = d.endpoint_id AND o.booking_id = d.booking_id AND o.state = 'PENDING'
    ORDER BY o.position LIMIT 1)"""

_ENDPOINTS = text(f"""
SELECT e.id FROM webhook_endpoints e CROSS JOIN LATERAL (
    SELECT FROM webhook_deliveries d WHERE {_DUE.format("e.id")} ORDER BY d.next_at LIMIT 1
) AS due
WHERE e.status = 'ACTIVE' AND {OPENS}
ORDER BY random() LIMIT :room
FOR NO KEY UPDATE OF e SKIP LOCKED
""")  # noqa: S608
_CLAIM = text(f"""
WITH taken AS (
    SELECT d.endpoint_id, d.position
    FROM unnest(CAST(:endpoints AS uuid[])) AS mine (id)
    CROSS JOIN LATERAL (
        SELECT greatest(0, :at_once - count(*)) AS left FROM webhook_deliveries w
        WHERE w.endpoint_id = mine.id AND w.leased_until > clock_timestamp()
    ) AS room
    CROSS JOIN LATERAL (
        SELECT d.endpoint_id, d.position FROM webhook_deliveries d
        WHERE {_DUE.format("mine.id")} AND {_FIRST}
        ORDER BY d.next_at, d.position LIMIT room.left
    ) AS d
    LIMIT :room
)
UPDATE webhook_deliveries d SET attempts = attempts + 1,
    next_at = clock_timestamp() + :lease, leased_until = clock_timestamp() + :lease
FROM taken, webhook_endpoints e
WHERE (d.endpoint_id, d.position) = (taken.endpoint_id, taken.position) AND e.id = d.endpoint_id
    AND d.state = 'PENDING' -- still: whoever had it until its lease ended may just have ended it
RETURNING d.endpoint_id::text, d.position, d.attempts, e.url,
    CASE WHEN e.old_generation_until > clock_timestamp()
        THEN ARRAY[e.secret_generation, e.secret_generation - 1]
        ELSE ARRAY[e.secret_generation] END AS generations,
    e.first_failure_at IS NOT NULL AS failing
""")  # noqa: S608


# One statement, as many as there are deliveries: the endpoint is locked meanwhile.
_END = text("""
WITH ended AS (
    UPDATE webhook_deliveries SET state = :state, leased_until = NULL, last_status = :status,
        last_error = :error, ended_at = clock_timestamp()
    WHERE endpoint_id = :endpoint AND position = :position AND attempts = :attempts
        AND state = ANY(:states)
    RETURNING endpoint_id, booking_id, position
)
UPDATE webhook_deliveries d SET next_at = clock_timestamp() FROM ended
WHERE d.endpoint_id = ended.endpoint_id AND d.booking_id = ended.booking_id
    AND d.position > ended.position AND d.state = 'PENDING'
""")


async def claim(
    session: AsyncSession, room: int, *, lease: dt.timedelta = LEASE
) -> Sequence[Claimed]:
    """Take up to ``room`` deliveries that are due; empty when none is, or all are taken."""
    endpoints = (await session.scalars(_ENDPOINTS, {"room": room})).all()
    if not endpoints:
        return []
    # A statement of its own: what is under way is counted while nobody else can claim any.
    rows = await session.execute(
        _CLAIM, {"endpoints": endpoints, "at_once": AT_ONCE, "lease": lease, "room": room}
    )
    return [Claimed(**row._mapping) for row in rows]


async def record_attempt(session: AsyncSession, claimed: Claimed, reply: Reply) -> None:
    """Note what came of a claimed delivery, and what that means for it and its endpoint."""
    error, location = reply.failure, reply.headers.get("location")
    await session.execute(
        insert(ATTEMPTS).values(
            endpoint_id=claimed.endpoint_id,
            position=claimed.position,
            attempt=claimed.attempts,
            milliseconds=reply.milliseconds,
            status=reply.status,
            error=error,
            location=storable(location)[:LONGEST_URL] if location else None,
            answer=reply.text or None,
        )
    )
    # One after another, each with its write to disk, they would be few: what changes nothing of the
    # endpoint shares it. A failure that comes between claim and success is cleared by the next one.
    shares = reply.accepted and not claimed.failing
    endpoint = await _locked(session, claimed.endpoint_id, shares=shares)
    if reply.accepted:
        if claimed.failing:
            await _succeeded(session, claimed.endpoint_id)
        await _end(session, claimed, DeliveryState.DELIVERED, reply.status, None)
        return
    disabled = None
    if endpoint is not None and endpoint.status == EndpointStatus.ACTIVE:
        disabled = await _failed(session, claimed.endpoint_id, endpoint, reply.status)
    asked = retry_after(reply.status, reply.headers.get("retry-after"))
    pause = pause_after(claimed.attempts, asked)
    if disabled is not None:
        await suspend(session, claimed.endpoint_id, EndpointStatus.DISABLED, disabled)
        await session.execute(
            _own(claimed, [DeliveryState.DROPPED]).values(last_status=reply.status)
        )
    elif pause is None:
        await _end(session, claimed, DeliveryState.FAILED, reply.status, error)
    else:
        await _postpone(session, claimed, pause, reply.status, error)


async def give_up(
    session: AsyncSession, claimed: Claimed, state: DeliveryState, error: str
) -> None:
    """End a delivery that cannot be sent at all."""
    await _locked(session, claimed.endpoint_id)
    await _end(session, claimed, state, None, error)


async def suspend_keyless(session: AsyncSession) -> list[str]:
    """Pause the endpoints of callers that have no valid key any more; returns which."""
    rows = await session.scalars(
        text(
            "SELECT e.id::text FROM webhook_endpoints e"  # noqa: S608
            f" WHERE e.status = 'ACTIVE' AND NOT {OPENS} FOR UPDATE SKIP LOCKED LIMIT 100"
        )
    )
    found = list(rows)
    for endpoint_id in found:
        await suspend(session, endpoint_id, EndpointStatus.PAUSED, KEYLESS)
    return found


async def _succeeded(session: AsyncSession, endpoint_id: str) -> None:
    table = ENDPOINTS.c
    await session.execute(
        update(ENDPOINTS)
        .where(
            table.id == endpoint_id,
            # Under way when it was disabled: since when, and why, stays true.
            table.status != EndpointStatus.DISABLED,
        )
        .values(first_failure_at=None, last_failure_at=None)
    )


_STANDING = """
SELECT url, status, clock_timestamp() - first_failure_at AS failing,
    last_failure_at - first_failure_at AS apart
FROM webhook_endpoints WHERE id = :id FOR """
_ALONE, _SHARED = text(f"{_STANDING}UPDATE"), text(f"{_STANDING}KEY SHARE")


async def _locked(
    session: AsyncSession, endpoint_id: str, *, shares: bool = False
) -> Row[*tuple[Any, ...]] | None:
    """Lock an endpoint and return how it stands; None: it is deleted.

    ``shares``: others may have it who end deliveries of their own bookings, or claim some.
    """
    lock = _SHARED if shares else _ALONE
    return (await session.execute(lock, {"id": endpoint_id})).one_or_none()


async def _failed(
    session: AsyncSession, endpoint_id: str, before: Row[*tuple[Any, ...]], status: int | None
) -> str | None:
    """Note a failure of an endpoint; returns why it is to be disabled."""
    table = ENDPOINTS.c
    now = func.clock_timestamp()
    await session.execute(
        update(ENDPOINTS)
        .where(table.id == endpoint_id)
        .values(first_failure_at=func.coalesce(table.first_failure_at, now), last_failure_at=now)
    )
    if status == GONE:
        return f"the receiver answers {GONE}: it is gone"
    if before.failing is None or before.failing < DISABLED_AFTER or before.apart < APART:
        return None
    reason = f"every attempt has failed for {DISABLED_AFTER.days} days"
    await open_case(
        session,
        kind=CaseKind.EVENT,
        source=case_source(endpoint_id),
        summary=f"The webhook endpoint {before.url} is disabled: {reason}. Tell whoever runs it.",
        details={"endpointId": endpoint_id},
    )
    return reason


async def _end(
    session: AsyncSession,
    claimed: Claimed,
    state: DeliveryState,
    status: int | None,
    error: str | None,
) -> None:
    """End a delivery; the next of its booking is due."""
    states = [DeliveryState.PENDING]
    if state is DeliveryState.DELIVERED:  # given up while it was under way: it has arrived
        states.append(DeliveryState.DROPPED)
    await session.execute(
        _END,
        {
            "endpoint": claimed.endpoint_id,
            "position": claimed.position,
            "attempts": claimed.attempts,
            "states": states,
            "state": state,
            "status": status,
            "error": error,
        },
    )


async def _postpone(
    session: AsyncSession,
    claimed: Claimed,
    pause: dt.timedelta,
    status: int | None,
    error: str | None,
) -> None:
    """Have a delivery tried again after a pause, and not look at those behind it before."""
    postponed = await session.execute(
        _own(claimed, [DeliveryState.PENDING]).values(
            leased_until=None,
            last_status=status,
            last_error=error,
            next_at=func.clock_timestamp() + pause,
        )
    )
    if postponed.rowcount:  # type: ignore[attr-defined]
        await _move_followers(session, claimed, pause)


def _own(claimed: Claimed, states: Sequence[DeliveryState]) -> Update:
    """Return an update of a claimed delivery, unless somebody else has claimed it since."""
    table = DELIVERIES.c
    return update(DELIVERIES).where(
        table.endpoint_id == claimed.endpoint_id,
        table.position == claimed.position,
        table.attempts == claimed.attempts,
        table.state.in_(states),
    )


async def _move_followers(session: AsyncSession, claimed: Claimed, pause: dt.timedelta) -> None:
    booking = text(
        "UPDATE webhook_deliveries d SET next_at = clock_timestamp() + :pause"
        " FROM webhook_deliveries mine WHERE mine.endpoint_id = :endpoint"
        " AND mine.position = :position AND d.endpoint_id = mine.endpoint_id"
        " AND d.booking_id = mine.booking_id AND d.position > mine.position"
        " AND d.state = 'PENDING'"
    )
    await session.execute(
        booking,
        {"pause": pause, "endpoint": claimed.endpoint_id, "position": claimed.position},
    )
