"""Payments as recorded, for holding them against the gateway and the ledger: all the SQL of that.

Read only. Amounts are minor units; callers own the transaction.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.lifecycle import CLOSED_STATES, SETTLED_STATES, BookingState, PaymentStatus
from models.tables import BOOKINGS, OPEN_PAYMENT


def sql_list(words: Iterable[str]) -> str:
    """Return ``words`` of ours as an SQL list."""
    return ", ".join(f"'{word}'" for word in sorted(words))


SETTLED = sql_list(SETTLED_STATES)
CLOSED = sql_list(CLOSED_STATES)

WITHDRAWN = """(
    SELECT coalesce(sum((dispute->>'amount')::bigint), 0) FROM jsonb_array_elements(p.disputes)
    AS dispute WHERE dispute->>'status' IN ('open', 'lost'))"""
"""What the gateway has taken back for disputes, of the payment ``p``."""

DUE = """(CASE WHEN b.confirmed_at IS NULL THEN 0 ELSE (
    SELECT coalesce(sum(CASE i.status WHEN 'CANCELLED' THEN i.fee WHEN 'CONFIRMED' THEN i.amount
                        ELSE 0 END), 0)
    FROM booking_items i WHERE i.booking_id = b.id) END)"""
"""What the house may keep of the booking ``b``: ``models.booking.Booking.due``."""


@dataclass(frozen=True)
class RecordedPayment:
    """The payment of a booking as recorded."""

    booking_id: str
    caller_id: str
    state: BookingState
    version: int
    updated_at: dt.datetime
    currency: str
    accepted_total: int
    payment_id: str | None
    status: PaymentStatus
    captured: int
    refunded: int
    withdrawn: int
    """By the gateway for disputes that are open or lost."""
    disputed: bool
    due: int
    """Of a closed booking: what the house may keep."""
    paid_by_hand: int
    goodwill: int

    @property
    def at_rest(self) -> bool:
        """Whether no workflow owns its money."""
        return self.state in SETTLED_STATES

    @property
    def closed(self) -> bool:
        """Whether nothing may be kept but fees."""
        return self.state in CLOSED_STATES

    @property
    def may_keep(self) -> int:
        """What a closed booking may keep at the gateway."""
        return max(self.due - self.goodwill + self.paid_by_hand, 0)


_RECORDED = f"""
SELECT b.id AS booking_id, b.caller_id, b.state, b.version, b.updated_at, b.currency,
    b.accepted_total, p.payment_intent_id AS payment_id, p.status, p.captured, p.refunded,
    {WITHDRAWN} AS withdrawn, jsonb_array_length(p.disputes) > 0 AS disputed,
    CASE WHEN b.state IN ({CLOSED}) THEN {DUE} ELSE 0 END AS due, p.paid_by_hand, p.goodwill
FROM payments p JOIN bookings b ON b.id = p.booking_id
"""  # noqa: S608  (made of our own constants)

_BY_IDS = text(
    _RECORDED + "WHERE p.payment_intent_id = ANY(CAST(:payments AS text[]))"
    " OR p.booking_id = ANY(CAST(:bookings AS uuid[]))"
)
_OF_A_DAY = text(
    _RECORDED + "WHERE p.created_at >= :since AND p.created_at < :until"
    " AND p.payment_intent_id IS NOT NULL"
)
_TO_LOOK_AT = text(f"""
SELECT p.booking_id FROM payments p JOIN bookings b ON b.id = p.booking_id
WHERE p.booking_id IN (
    SELECT booking_id FROM payments WHERE updated_at >= :since AND payment_intent_id IS NOT NULL
    UNION SELECT booking_id FROM payments WHERE {OPEN_PAYMENT})
AND b.state IN ({SETTLED}) AND p.booking_id > CAST(:after AS uuid)
ORDER BY p.booking_id LIMIT :limit
""")  # noqa: S608
_LEDGER = text("""
SELECT e.booking_id, sum(l.signed)::bigint AS balance
FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id
WHERE e.booking_id = ANY(CAST(:bookings AS uuid[])) AND l.account = 'GATEWAY'
AND l.owner <> 'by_hand'
GROUP BY e.booking_id
""")

FIRST = str(uuid.UUID(int=0))
"""Before every booking id."""


def is_booking_id(words: str | None) -> bool:
    """Tell whether ``words``, found at a gateway, could be the id of a booking of ours."""
    try:
        return words is not None and str(uuid.UUID(words)) == words
    except ValueError:
        return False


async def recorded_payments(
    session: AsyncSession, *, payments: Collection[str] = (), bookings: Collection[str] = ()
) -> list[RecordedPayment]:
    """Return what is recorded under these payment ids or booking ids (UUIDs)."""
    rows = await session.execute(_BY_IDS, {"payments": list(payments), "bookings": list(bookings)})
    return [_recorded(row._mapping) for row in rows]


async def payments_recorded_on(
    session: AsyncSession, since: dt.datetime, until: dt.datetime
) -> list[RecordedPayment]:
    """Return the payments of bookings begun in ``[since, until)``."""
    rows = await session.execute(_OF_A_DAY, {"since": since, "until": until})
    return [_recorded(row._mapping) for row in rows]


async def bookings_to_look_at(
    session: AsyncSession, *, since: dt.datetime, after: str, limit: int
) -> list[str]:
    """Return bookings at rest whose payment changed since, or may still change by itself.

    In the order of their ids, from behind ``after``.
    """
    rows = await session.scalars(_TO_LOOK_AT, {"since": since, "after": after, "limit": limit})
    return [str(booking_id) for booking_id in rows]


async def gateway_balances(session: AsyncSession, bookings: Collection[str]) -> dict[str, int]:
    """Return the ledger's GATEWAY balance of each booking that has one."""
    rows = await session.execute(_LEDGER, {"bookings": list(bookings)})
    return {str(row.booking_id): int(row.balance) for row in rows}


async def parked_bookings(session: AsyncSession, bookings: Collection[str]) -> set[str]:
    """Return which of these bookings wait for an operator."""
    if not bookings:
        return set()
    rows = await session.scalars(
        select(BOOKINGS.c.id).where(
            BOOKINGS.c.id.in_(bookings), BOOKINGS.c.state == BookingState.NEEDS_ATTENTION
        )
    )
    return set(rows)


def _recorded(row: RowMapping) -> RecordedPayment:
    return RecordedPayment(
        **{
            **row,
            "booking_id": str(row["booking_id"]),
            "caller_id": str(row["caller_id"]),
            "state": BookingState(row["state"]),
            "status": PaymentStatus(row["status"]),
            "withdrawn": int(row["withdrawn"]),
            "due": int(row["due"]),
        }
    )
