"""Retention: whole answers of suppliers are deleted once nothing can need them any more.

An attempt stays for good: when, what, how it ended, the supplier's id, price and status. Only the
``details`` of its answer go, which hold by far the most bytes; the item keeps its own copy.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import FINAL_STATES
from models.core.attempts import BULKY_ANSWER

BATCH = 1_000
SECONDS = 60
"""How long one batch may take."""

_FORGET = f"""
UPDATE attempts SET result = result - 'details' WHERE id IN (
    SELECT a.id FROM attempts a JOIN bookings b ON b.id = a.booking_id
    WHERE {BULKY_ANSWER}
      AND a.started_at < now() - make_interval(secs => :seconds)
      AND b.updated_at < now() - make_interval(secs => :seconds)
      AND b.state IN ({",".join(repr(str(state)) for state in sorted(FINAL_STATES))})
    ORDER BY a.started_at LIMIT :batch
)
"""  # noqa: S608


async def forget_answers(session: AsyncSession, days: float, *, batch: int = BATCH) -> int:
    """Forget answers about bookings that ended ``days`` ago; returns how many, ``batch`` at most.

    The caller owns the transaction, and repeats this while it returns a full batch.
    """
    await session.execute(text(f"SET LOCAL statement_timeout = '{SECONDS}s'"))
    done = await session.execute(text(_FORGET), {"seconds": days * 86_400, "batch": batch})
    return int(done.rowcount)  # type: ignore[attr-defined]
