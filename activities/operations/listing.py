"""The gateway's list of payments, read in slices of time."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from models.core.database import Sessions
from models.core.keys import is_booking_id
from models.payments.recorded import RecordedPayments, recorded_payments
from payments.core.protocol import Gateway, Payment, PaymentState

HOLDING = frozenset(
    {PaymentState.AUTHORISED, PaymentState.PROCESSING, PaymentState.ACTION_REQUIRED}
)
"""States in which money is held, or may come to be without us."""

AHEAD = dt.timedelta(minutes=5)
"""How far the gateway's clock may be ahead of our own."""
LONGEST_SLICE = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Slice:
    """The payments made in a stretch of time, with what is recorded of them."""

    until: dt.datetime
    payments: list[Payment]
    rows: list[RecordedPayments]

    def row(self, payment: Payment) -> RecordedPayments | None:
        """Return the booking of a payment: the one that has it on record, else the one it names."""
        named = None
        for row in self.rows:
            if row.paid(payment.id):
                return row
            if row.booking_id == payment.booking_id:
                named = row
        return named


def slices(since: dt.datetime, until: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """Return ``[since, until)`` in parts of at most a day, oldest first."""
    while since < until:
        end = min(since + LONGEST_SLICE, until)
        yield since, end
        since = end


async def listed(
    gateway: Gateway, sessions: Sessions, since: dt.datetime, until: dt.datetime
) -> AsyncIterator[Slice]:
    """Read the gateway's list slice by slice, and the record of each right after it.

    Raises:
        ProviderError: the gateway gives no list.
    """
    for start, end in slices(since, until):
        payments = await gateway.payments(start, end)
        async with sessions() as session:
            rows = await recorded_payments(
                session,
                payments=[payment.id for payment in payments],
                bookings=[str(p.booking_id) for p in payments if is_booking_id(p.booking_id)],
            )
        yield Slice(end, payments, rows)


def kept(payment: Payment) -> int:
    """Return what is left at the gateway of what was taken (minor units); disputes aside."""
    return payment.captured - payment.refunded
