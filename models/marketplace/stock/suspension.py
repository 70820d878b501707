"""The end of open holds, at once: of a suspended provider, or of a cancelled departure.

One transaction with what ends them.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.hooks import Hooks
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.problems import Code, Problem
from models.bookings.repository import is_busy, load_booking, record_transition
from models.marketplace.stock.claims import end_holds
from models.marketplace.stock.steps import given_up

_LOCK_PROVIDER = text("SELECT id FROM provider_profiles WHERE id = :provider FOR UPDATE")

_LOCK_BOOKINGS = text("""
SELECT id::text AS id, state FROM bookings
WHERE provider_id = :provider AND state IN ('HELD', 'PAYMENT_PENDING')
ORDER BY bookings.id FOR UPDATE
""")

_LOCK_PROVIDER_OF = text("""
SELECT p.id FROM tour_departures d JOIN tour_packages t ON t.id = d.package_id
JOIN provider_profiles p ON p.id = t.provider_id WHERE d.id = :departure FOR UPDATE OF p
""")

_LOCK_BOOKINGS_ON = text("""
SELECT id::text AS id, state FROM bookings
WHERE state IN ('HELD', 'PAYMENT_PENDING') AND id IN (
    SELECT booking_id FROM stock_claims WHERE departure_id = :departure AND state = 'HELD')
ORDER BY bookings.id FOR UPDATE
""")


async def end_holds_of(
    session: AsyncSession, provider_id: str, hooks: Hooks, *, who: str, why: str
) -> int:
    """End what is held of a provider and not paid for; returns how many holds.

    Nothing of the provider is HELD any more when the transaction commits: whoever was holding
    something is waited for, and whoever comes later is refused by the gate. A booking that is HELD
    becomes EXPIRED. One that is being paid, or about which a request is being carried out, stays
    with its workflow, and only its claims end: it finds them gone when it would sell them, cannot
    take them again, and lets the money go. What is sold stays.

    It locks the provider's row, if that has not been done, and then the bookings. Nobody else
    waits for a provider while they have locked a booking that others can see (``pass_gate``).
    """
    await session.execute(_LOCK_PROVIDER, {"provider": provider_id})
    rows = await session.execute(_LOCK_BOOKINGS, {"provider": provider_id})
    return await _end(session, [(row.id, row.state) for row in rows], hooks, who=who, why=why)


async def end_holds_on(
    session: AsyncSession, departure_id: str, hooks: Hooks, *, who: str, why: str
) -> int:
    """The same for one departure, which the caller cancels; its row is to be locked afterwards.

    Its provider's row is locked too: whoever was holding seats is waited for, and whoever comes
    later finds the departure cancelled.
    """
    await session.execute(_LOCK_PROVIDER_OF, {"departure": departure_id})
    rows = await session.execute(_LOCK_BOOKINGS_ON, {"departure": departure_id})
    return await _end(session, [(row.id, row.state) for row in rows], hooks, who=who, why=why)


async def _end(
    session: AsyncSession, rows: Sequence[tuple[str, str]], hooks: Hooks, *, who: str, why: str
) -> int:
    await end_holds(session, [booking_id for booking_id, _ in rows])
    for booking_id, state in rows:
        if state == BookingState.PAYMENT_PENDING or await is_busy(session, booking_id):
            continue
        booking = await load_booking(session, booking_id)
        assert booking is not None, "it is locked"
        now = dt.datetime.now(dt.UTC)
        problem = Problem(code=Code.UNAVAILABLE, step="claim", message=why)
        ended = {"state": BookingState.EXPIRED, "updated_at": now, "problem": problem}
        transition = Transition(
            booking=given_up(booking, now).model_copy(update=ended),
            from_state=booking.state,
            who=who,
            why=why,
        )
        await record_transition(session, transition, hooks)
    return len(rows)
