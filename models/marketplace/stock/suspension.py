"""The end of a provider's open holds, at once: its suspension is one transaction with it."""

import datetime as dt

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.hooks import Hooks
from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.repository import load_booking, record_transition
from models.marketplace.stock.claims import expire_of
from models.marketplace.stock.steps import given_up

_LOCK_PROVIDER = text("SELECT id FROM provider_profiles WHERE id = :provider FOR UPDATE")

_LOCK_BOOKINGS = text("""
SELECT id::text, state FROM bookings
WHERE provider_id = :provider AND state IN ('HELD', 'PAYMENT_PENDING') ORDER BY id FOR UPDATE
""")


async def end_holds_of(
    session: AsyncSession, provider_id: str, hooks: Hooks, *, who: str, why: str
) -> int:
    """End what is held of a provider and not paid for; returns how many holds.

    Nothing of the provider is HELD any more when the transaction commits: whoever was holding
    something is waited for, and whoever comes later is refused by the gate. A booking that is HELD
    becomes EXPIRED. One that is being paid stays with its workflow, and only its claims end: it
    finds them gone when it would sell them, cannot take them again, and lets the money go. What is
    sold stays.

    It locks the provider's row, if that has not been done, and then the bookings. Nobody else
    waits for a provider while they have locked a booking that others can see (``pass_gate``).
    """
    await session.execute(_LOCK_PROVIDER, {"provider": provider_id})
    rows = (await session.execute(_LOCK_BOOKINGS, {"provider": provider_id})).all()
    await expire_of(session, [booking_id for booking_id, _ in rows])
    for booking_id, state in rows:
        if state == BookingState.PAYMENT_PENDING:
            continue
        booking = await load_booking(session, booking_id)
        assert booking is not None, "it is locked"
        now = dt.datetime.now(dt.UTC)
        ended = {"state": BookingState.EXPIRED, "updated_at": now}
        transition = Transition(
            booking=given_up(booking, now).model_copy(update=ended),
            from_state=booking.state,
            who=who,
            why=why,
        )
        await record_transition(session, transition, hooks)
    return len(rows)
