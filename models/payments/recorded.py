"""Payments as recorded, for holding them against the gateway and the ledger: all the SQL of that.

Read only. Amounts are minor units; callers own the transaction.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import CLOSED_STATES, SETTLED_STATES, BookingState, PaymentStatus
from models.payments.tables import OPEN_PAYMENT


def sql_list(words: Iterable[str]) -> str:
    """Return ``words`` of ours as an SQL list."""
    return ", ".join(f"'{word}'" for word in sorted(words))


SETTLED = sql_list(SETTLED_STATES)
CLOSED = sql_list(CLOSED_STATES)


def _withdrawn(payment: str) -> str:
    return f"""(
    SELECT coalesce(sum((dispute->>'amount')::bigint), 0)
    FROM jsonb_array_elements({payment}.disputes)
    AS dispute WHERE dispute->>'status' IN ('open', 'lost'))"""  # noqa: S608  (made of our own)


WITHDRAWN = _withdrawn("p")
"""What the gateway has taken back for disputes, of the payment ``p``."""

DUE = """(CASE WHEN b.confirmed_at IS NULL THEN 0 ELSE (
    SELECT coalesce(sum(CASE i.status WHEN 'CANCELLED' THEN i.fee WHEN 'CONFIRMED' THEN i.amount
                        ELSE 0 END), 0)
    FROM booking_items i WHERE i.booking_id = b.id) END)"""
"""What the house may keep of the booking ``b``: ``models.booking.Booking.due``."""


@dataclass(frozen=True)
class Paid:
    """One payment of a booking as recorded: the first one, or a supplement."""

    payment_id: str | None
    status: PaymentStatus
    captured: int
    refunded: int
    withdrawn: int
    """By the gateway for disputes that are open or lost."""
    disputed: bool


@dataclass(frozen=True)
class RecordedPayment:
    """The payment of a booking as recorded, and those of later changes (``supplements``)."""

    booking_id: str
    caller_id: str
    state: BookingState
    version: int
    updated_at: dt.datetime
    currency: str
    accepted_total: int
    """What the traveller has agreed in all to be charged."""
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
    supplements: tuple[Paid, ...] = ()

    @property
    def payments(self) -> tuple[Paid, ...]:
        """Every payment on record that was ever made."""
        first = Paid(
            payment_id=self.payment_id,
            status=self.status,
            captured=self.captured,
            refunded=self.refunded,
            withdrawn=self.withdrawn,
            disputed=self.disputed,
        )
        return tuple(paid for paid in (first, *self.supplements) if paid.payment_id)

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
        """What a closed booking may keep at the gateway."""
        return max(self.due - self.goodwill + self.paid_by_hand, 0)


_RECORDED = f"""
SELECT b.id AS booking_id, b.caller_id, b.state, b.version, b.updated_at, b.currency,
    coalesce(b.chargeable, b.accepted_total) AS accepted_total,
    p.payment_intent_id AS payment_id, p.status, p.captured, p.refunded,
    {WITHDRAWN} AS withdrawn, jsonb_array_length(p.disputes) > 0 AS disputed,
    CASE WHEN b.state IN ({CLOSED}) THEN {DUE} ELSE 0 END AS due, p.paid_by_hand, p.goodwill,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'payment_id', s.payment_intent_id, 'status', s.status, 'captured', s.captured,
        'refunded', s.refunded, 'withdrawn', {_withdrawn("s")},
        'disputed', jsonb_array_length(s.disputes) > 0) ORDER BY s.number), '[]'::jsonb)
     FROM supplements s WHERE s.booking_id = b.id) AS supplements
FROM payments p JOIN bookings b ON b.id = p.booking_id
"""  # noqa: S608  (made of our own constants)

_BY_IDS = text(
    _RECORDED + "WHERE p.booking_id IN (SELECT booking_id FROM every_payment"  # noqa: S608
    " WHERE payment_intent_id = ANY(CAST(:payments AS text[])))"
    " OR p.booking_id = ANY(CAST(:bookings AS uuid[]))"
)
_OF_A_DAY = text(
    _RECORDED + "WHERE p.booking_id IN (SELECT booking_id FROM every_payment"  # noqa: S608
    " WHERE created_at >= :since AND created_at < :until AND payment_intent_id IS NOT NULL)"
)
_TO_LOOK_AT = text(f"""
SELECT p.booking_id FROM payments p JOIN bookings b ON b.id = p.booking_id
WHERE p.booking_id IN (
    SELECT booking_id FROM payments WHERE updated_at >= :since AND payment_intent_id IS NOT NULL
    UNION SELECT booking_id FROM payments WHERE {OPEN_PAYMENT}
    UNION SELECT booking_id FROM supplements WHERE {OPEN_PAYMENT})
AND b.state IN ({SETTLED}) AND p.booking_id > CAST(:after AS uuid)
ORDER BY p.booking_id LIMIT :limit
""")  # noqa: S608
_LEDGER = text("""
SELECT coalesce(s.payment_intent_id, e.booking_id::text) AS whose, sum(l.signed)::bigint AS balance
FROM ledger_entries e JOIN ledger_lines l ON l.entry_id = e.id
CROSS JOIN LATERAL (SELECT split_part(e.source_id, ':', 1) AS id) AS source
LEFT JOIN supplements s ON s.booking_id = e.booking_id AND (
    s.payment_intent_id = source.id
    OR s.refunds @> jsonb_build_array(jsonb_build_object('id', source.id))
    OR s.disputes @> jsonb_build_array(jsonb_build_object('id', source.id)))
WHERE e.booking_id = ANY(CAST(:bookings AS uuid[])) AND l.account = 'GATEWAY'
AND l.owner <> 'by_hand'
GROUP BY whose
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
    """Return the payments of bookings of which one was begun in ``[since, until)``."""
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
    """Return the ledger's GATEWAY balances that are not nothing.

    That of a booking's first payment stands under the booking's id, that of a supplement under
    the supplement's payment id.
    """
    rows = await session.execute(_LEDGER, {"bookings": list(bookings)})
    return {row.whose: int(row.balance) for row in rows}


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
            "supplements": tuple(
                Paid(**{**paid, "status": PaymentStatus(paid["status"])})
                for paid in row["supplements"]
            ),
        }
    )
