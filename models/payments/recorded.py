"""Payments as recorded, to be compared with the gateway and the ledger: all the SQL of that.

Read only. Amounts are minor units; callers own the transaction.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import CLOSED_STATES, SETTLED_STATES, BookingState, PaymentStatus
from models.payments.tables import OPEN_DISPUTE, OPEN_PAYMENT, OPEN_REFUND


def sql_list(words: Iterable[str]) -> str:
    """Return our own ``words`` as an SQL list."""
    return ", ".join(f"'{word}'" for word in sorted(words))


SETTLED = sql_list(SETTLED_STATES)
CLOSED = sql_list(CLOSED_STATES)


def withdrawn(payment: str = "", states: Iterable[str] = ("open", "lost")) -> str:
    """Return SQL for what the gateway has taken back of the booking ``b`` for disputes.

    ``payment``: of that payment alone, as an alias of ``payments``. ``states``: of the disputes.
    """
    one = f"AND d.payment_number = {payment}.number" if payment else ""
    return f"""(
    SELECT coalesce(sum(d.amount), 0)::bigint FROM disputes d
    WHERE d.booking_id = b.id {one} AND d.status IN ({sql_list(states)}))"""  # noqa: S608


MONEY = """CROSS JOIN LATERAL (
    SELECT sum(captured)::bigint AS captured, sum(refunded)::bigint AS refunded
    FROM payments WHERE booking_id = b.id) AS p
"""
"""What the payments of the booking ``b`` come to together."""

MAY_CHANGE = f"""
    SELECT booking_id FROM payments WHERE {OPEN_PAYMENT}
    UNION SELECT booking_id FROM refunds WHERE {OPEN_REFUND}
    UNION SELECT booking_id FROM disputes WHERE {OPEN_DISPUTE}
"""  # noqa: S608  (made of our own constants)
"""Bookings whose money may still move by itself."""

DUE = """(CASE WHEN b.confirmed_at IS NULL THEN 0 ELSE (
    SELECT coalesce(sum(CASE i.status WHEN 'CANCELLED' THEN i.fee WHEN 'CONFIRMED' THEN i.amount
                        ELSE 0 END), 0)
    FROM booking_items i WHERE i.booking_id = b.id) END)"""
"""What the company may keep of the booking ``b``: ``models.booking.Booking.due``."""


@dataclass(frozen=True)
class Paid:
    """One payment of a booking as recorded, that was made at the gateway."""

    number: int
    payment_id: str
    status: PaymentStatus
    captured: int
    refunded: int
    withdrawn: int
    """By the gateway for disputes that are open or lost."""
    disputed: bool


@dataclass(frozen=True)
class RecordedPayments:
    """A booking's money as recorded."""

    booking_id: str
    caller_id: str
    state: BookingState
    version: int
    updated_at: dt.datetime
    currency: str
    accepted_total: int
    """What the traveller has agreed in all to be charged."""
    due: int
    """Of a closed booking: what may be kept."""
    paid_by_hand: int
    goodwill: int
    payments: tuple[Paid, ...]

    def paid(self, payment_id: str) -> Paid | None:
        """Return what is recorded of one payment; None when it is not on record."""
        return next((paid for paid in self.payments if paid.payment_id == payment_id), None)

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
        """What a closed booking may keep at the gateway, what disputes have taken included."""
        withdrawn = sum(paid.withdrawn for paid in self.payments)
        return max(self.due - self.goodwill + self.paid_by_hand, 0) + withdrawn


_RECORDED = f"""
SELECT b.id::text AS booking_id, b.caller_id::text AS caller_id, b.state, b.version, b.updated_at,
    b.currency, coalesce(b.chargeable, b.accepted_total) AS accepted_total,
    CASE WHEN b.state IN ({CLOSED}) THEN {DUE} ELSE 0 END::bigint AS due, b.paid_by_hand,
    b.goodwill,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'number', p.number, 'payment_id', p.payment_intent_id, 'status', p.status,
        'captured', p.captured, 'refunded', p.refunded, 'withdrawn', {withdrawn("p")},
        'disputed', EXISTS (SELECT FROM disputes d WHERE d.booking_id = p.booking_id
                            AND d.payment_number = p.number)) ORDER BY p.number), '[]'::jsonb)
     FROM payments p WHERE p.booking_id = b.id AND p.payment_intent_id IS NOT NULL) AS payments
FROM bookings b
"""  # noqa: S608  (made of our own constants)

_BY_IDS = text(
    _RECORDED + "WHERE b.id IN (SELECT booking_id FROM payments"  # noqa: S608
    " WHERE payment_intent_id = ANY(CAST(:payments AS text[])))"
    " OR b.id = ANY(CAST(:bookings AS uuid[]))"
)
_OF_A_DAY = text(
    _RECORDED + "WHERE b.id IN (SELECT booking_id FROM payments"  # noqa: S608
    " WHERE created_at >= :since AND created_at < :until AND payment_intent_id IS NOT NULL)"
)
_TO_LOOK_AT = text(f"""
SELECT b.id FROM bookings b
WHERE b.id IN (
    SELECT booking_id FROM payments WHERE updated_at >= :since AND payment_intent_id IS NOT NULL
    UNION {MAY_CHANGE})
AND b.state IN ({SETTLED}) AND b.id > CAST(:after AS uuid)
ORDER BY b.id LIMIT :limit
""")  # noqa: S608
# The sources of entries at the gateway are ids of payments, refunds and disputes; a repeated one
# ends in a count. An entry of none of them counts as the first payment's.
_LEDGER = text("""
SELECT e.booking_id::text AS booking_id,
    coalesce(p.number, r.payment_number, d.payment_number, 1) AS number,
    sum(l.signed)::bigint AS balance
FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id
CROSS JOIN LATERAL (SELECT split_part(e.source_id, ':', 1) AS id) AS source
LEFT JOIN payments p ON p.booking_id = e.booking_id AND p.payment_intent_id = source.id
LEFT JOIN refunds r ON r.booking_id = e.booking_id AND r.gateway_id = source.id
LEFT JOIN disputes d ON d.booking_id = e.booking_id AND d.id = source.id
WHERE e.booking_id = ANY(CAST(:bookings AS uuid[])) AND l.account = 'GATEWAY'
AND l.owner <> 'by_hand'
GROUP BY 1, 2
""")

FIRST = str(uuid.UUID(int=0))
"""Before every booking id."""


async def recorded_payments(
    session: AsyncSession, *, payments: Collection[str] = (), bookings: Collection[str] = ()
) -> list[RecordedPayments]:
    """Return what is recorded under these payment ids or booking ids (UUIDs)."""
    rows = await session.execute(_BY_IDS, {"payments": list(payments), "bookings": list(bookings)})
    return [_recorded(row._mapping) for row in rows]


async def payments_recorded_on(
    session: AsyncSession, since: dt.datetime, until: dt.datetime
) -> list[RecordedPayments]:
    """Return the bookings of which a payment was begun in ``[since, until)``."""
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


async def gateway_balances(
    session: AsyncSession, bookings: Collection[str]
) -> dict[tuple[str, int], int]:
    """Return the ledger's GATEWAY balance of each payment, by booking id and payment number."""
    rows = await session.execute(_LEDGER, {"bookings": list(bookings)})
    return {(row.booking_id, row.number): int(row.balance) for row in rows}


def _recorded(row: RowMapping) -> RecordedPayments:
    return RecordedPayments(
        **{
            **row,
            "state": BookingState(row["state"]),
            "payments": tuple(
                Paid(**{**paid, "status": PaymentStatus(paid["status"])})
                for paid in row["payments"]
            ),
        }
    )
