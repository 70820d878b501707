"""The reconciliation of one UTC day: its payments in the record, at the gateway, in the ledger.

A day has the payments made on it by the gateway's clock, with everything that has become of them
by the time the report is made: refunds and disputes count for the day of their payment.
"""

import datetime as dt

from activities.operations.listing import kept, listed
from models.core.database import Sessions
from models.core.errors import InvalidRequest
from models.payments.day_report import CurrencyFigures, DayReport, Difference, Sums
from models.payments.recorded import Paid, RecordedPayments, gateway_balances, payments_recorded_on
from payments.core.protocol import Gateway, Payment

MOST_TOLD = 1000
"""Differences that a report tells one by one."""
DAY = dt.timedelta(days=1)


class Reporter:
    """Makes the report of one day."""

    def __init__(self, sessions: Sessions, gateway: Gateway) -> None:
        self._sessions = sessions
        self._gateway = gateway

    async def report(self, day: dt.date) -> DayReport:
        """Compare; nothing is changed.

        Raises:
            ProviderError: the gateway does not answer.
        """
        since = dt.datetime.combine(day, dt.time(), dt.UTC)
        report = DayReport(day=day, gateway=self._gateway.name, run_at=dt.datetime.now(dt.UTC))
        met: set[str] = set()
        async for part in listed(self._gateway, self._sessions, since, since + DAY):
            rows = {row.booking_id for row in part.rows}
            async with self._sessions() as session:
                ledger = await gateway_balances(session, rows)
            for payment in part.payments:
                row = part.row(payment)
                await self._add(report, payment, row, ledger, met)
        async with self._sessions() as session:
            begun = await payments_recorded_on(session, since, since + DAY)
        for row in begun:
            for paid in row.payments:
                if paid.payment_id not in met:
                    await self._add_unlisted(report, row, paid)
        del report.differences[MOST_TOLD:]
        return report

    async def _add(
        self,
        report: DayReport,
        payment: Payment,
        row: RecordedPayments | None,
        ledger: dict[tuple[str, int], int],
        met: set[str],
    ) -> None:
        """Count one payment of the gateway's list."""
        figures = _figures(report, payment.amount.currency)
        there = Sums(
            captured=payment.captured,
            refunded=payment.refunded,
            disputed=await self._withdrawn(payment, row.paid(payment.id) if row else None),
        )
        if payment.booking_id is None and row is None:
            _count(figures.foreign, there)
            return
        figures.payments += 1
        _count(figures.gateway, there)
        paid = row.paid(payment.id) if row else None
        if row is None or paid is None:
            if kept(payment) > 0 or there.disputed:
                whose = "of no booking on record" if row is None else "not the one on record"
                _differ(report, row, payment.id, f"took {payment.captured} and is {whose}")
            return
        met.add(payment.id)
        here = Sums(captured=paid.captured, refunded=paid.refunded, disputed=paid.withdrawn)
        booked = ledger.get((row.booking_id, paid.number), 0)
        _count(figures.recorded, here)
        figures.ledger += booked
        if not row.at_rest:
            return  # its workflow is about to write down what it has done
        for name in ("captured", "refunded", "disputed"):
            recorded, reported = getattr(here, name), getattr(there, name)
            if recorded != reported:
                what = f"{name}: {reported} at the gateway, {recorded} on record"
                _differ(report, row, payment.id, what)
        if booked != here.net:
            _differ(report, row, payment.id, f"{booked} in the ledger, {here.net} on record")

    async def _add_unlisted(self, report: DayReport, row: RecordedPayments, paid: Paid) -> None:
        """See about a payment on record that the gateway's list of the day lacks."""
        try:
            await self._gateway.retrieve(paid.payment_id)
        except InvalidRequest:
            figures = _figures(report, row.currency)
            figures.payments += 1
            _count(
                figures.recorded,
                Sums(captured=paid.captured, refunded=paid.refunded, disputed=paid.withdrawn),
            )
            _differ(report, row, paid.payment_id, "the gateway does not know it")
        # else it was made on another day: after midnight, or for a hold that lapsed

    async def _withdrawn(self, payment: Payment, paid: Paid | None) -> int:
        if not payment.disputed and not (paid and paid.disputed):
            return 0
        disputes = await self._gateway.disputes(payment.id)
        return sum(dispute.amount.amount for dispute in disputes if dispute.status != "won")


def _figures(report: DayReport, currency: str) -> CurrencyFigures:
    return report.currencies.setdefault(currency, CurrencyFigures())


def _count(sums: Sums, more: Sums) -> None:
    sums.captured += more.captured
    sums.refunded += more.refunded
    sums.disputed += more.disputed


def _differ(report: DayReport, row: RecordedPayments | None, payment_id: str, what: str) -> None:
    report.differences.append(
        Difference(booking_id=row.booking_id if row else None, payment_id=payment_id, what=what)
    )
