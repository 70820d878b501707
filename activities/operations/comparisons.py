"""I1, I2 and I9 against the gateway's own list: what it took, holds and gave back per booking.

A list is a moment older than the record it is held against, so whatever looks wrong is read anew
before it counts.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from activities.operations.listing import HOLDING, kept, listed
from models.core.database import Sessions
from models.core.errors import InvalidRequest
from models.core.money import Money
from models.operations.invariants import Violation
from models.payments.recorded import RecordedPayments, recorded_payments
from payments.core.protocol import Gateway, Payment

CLOSED_FOR = dt.timedelta(minutes=1)
"""How long a closed booking's money may take to be released."""


@dataclass
class _Suspects:
    """Payments of bookings that look wrong in the list, by booking."""

    payments: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, row: RecordedPayments, payment: Payment) -> None:
        self.payments[row.booking_id].add(payment.id)


class GatewayComparison:
    """Holds the gateway's list against the record."""

    def __init__(self, sessions: Sessions, gateway: Gateway) -> None:
        self._sessions = sessions
        self._gateway = gateway

    async def violations(
        self,
        since: dt.datetime,
        until: dt.datetime,
        *,
        also: dict[str, list[str]],
        excused: Collection[str],
    ) -> list[Violation]:
        """Return what is wrong with the payments made in ``[since, until)``.

        Args:
            since: begin of the list, UTC.
            until: end of the list, UTC.
            also: payments to look at whenever they were made, by booking (of open cases).
            excused: bookings whose money is being put right this moment.

        Raises:
            ProviderError: the gateway does not answer.
        """
        suspects = _Suspects()
        for booking_id, payments in also.items():
            suspects.payments[booking_id].update(payments)
        async for part in listed(self._gateway, self._sessions, since, until):
            for payment in part.payments:
                row = part.row(payment)
                if row is not None and _looks_wrong(row, payment):
                    suspects.note(row, payment)
        found = []
        for booking_id, ids in suspects.payments.items():
            if booking_id not in excused:
                found += await self._confirmed(booking_id, ids)
        return found

    async def _confirmed(self, booking_id: str, payment_ids: Collection[str]) -> list[Violation]:
        """Read a suspect anew, record and gateway, and judge it; nothing if it is moving."""
        row = await self._row(booking_id)
        if row is None:
            return []
        ids = {*payment_ids, *(paid.payment_id for paid in row.payments)}
        payments = []
        for payment_id in sorted(ids):
            try:
                payments.append(await self._gateway.retrieve(payment_id))
            except InvalidRequest:
                continue  # unknown there: the reconciliation has a case for it
        if await self._row(booking_id) != row:
            return []
        return judge(row, payments)

    async def _row(self, booking_id: str) -> RecordedPayments | None:
        async with self._sessions() as session:
            found = await recorded_payments(session, bookings=[booking_id])
        return found[0] if found else None


def _looks_wrong(row: RecordedPayments, payment: Payment) -> bool:
    """Whether one payment of the list deserves to be read anew; errs on the side of reading."""
    if payment.captured > row.accepted_total:
        return True
    paid = row.paid(payment.id)
    if paid is None:
        return kept(payment) > 0 or payment.state in HOLDING
    if not row.at_rest:
        return False
    if (payment.captured, payment.refunded) != (paid.captured, paid.refunded):
        return True
    return row.closed and payment.state in HOLDING


def judge(row: RecordedPayments, payments: Collection[Payment]) -> list[Violation]:
    """Return what is wrong with the payments of a booking, as the gateway has them now.

    One wrong can break more than one invariant; the gravest names the case, in the order of
    I1, I2, I9.
    """
    keeping = [payment for payment in payments if kept(payment) > 0]
    captured = sum(payment.captured for payment in keeping)
    later = {paid.payment_id for paid in row.payments if paid.number > 1}
    if len([payment for payment in keeping if payment.id not in later]) > 1:
        what = f"{len(keeping)} payments were captured: {_names(keeping)}"
        return [_violation("I1", row, what, payments)]
    if captured > row.accepted_total:
        what = f"{_money(captured, row)} were captured, {_money(row.accepted_total, row)} accepted"
        return [_violation("I1", row, what, payments)]
    if not row.at_rest:
        return []
    if row.closed:
        held = [payment for payment in payments if payment.state in HOLDING]
        left = sum(kept(payment) for payment in payments)
        if held and _closed_long_enough(row):
            what = f"the booking is {row.state} and {_names(held)} may still take money"
            return [_violation("I2", row, what, payments)]
        if left > row.may_keep:
            what = (
                f"the booking is {row.state} and {_money(left, row)} are kept at the gateway,"
                f" due are {_money(row.may_keep, row)}"
            )
            return [_violation("I2", row, what, payments)]
    strays = [payment for payment in keeping if row.paid(payment.id) is None]
    if strays:
        return [
            _violation("I9", row, f"{_names(strays)} took money and is not on record", payments)
        ]
    for payment in payments:
        there = (payment.captured, payment.refunded)
        paid = row.paid(payment.id)
        if paid is not None and there != (paid.captured, paid.refunded):
            what = (
                f"the gateway has {_money(there[0], row)} captured and {_money(there[1], row)}"
                f" given back of {payment.id}, on record are {_money(paid.captured, row)} and"
                f" {_money(paid.refunded, row)}"
            )
            return [_violation("I9", row, what, payments)]
    return []


def _closed_long_enough(row: RecordedPayments) -> bool:
    return dt.datetime.now(dt.UTC) - row.updated_at > CLOSED_FOR


def _names(payments: Collection[Payment]) -> str:
    return ", ".join(f"{payment.id} ({payment.state})" for payment in payments)


def _money(amount: int, row: RecordedPayments) -> str:
    return str(Money(amount=amount, currency=row.currency))


def _violation(
    invariant: str, row: RecordedPayments, what: str, payments: Collection[Payment]
) -> Violation:
    return Violation(
        invariant=invariant,
        subject=row.booking_id,
        booking_id=row.booking_id,
        what=what,
        payments=tuple(payment.id for payment in payments),
    )
