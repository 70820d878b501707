"""What counts as wrong about the gateway's payments of a booking: every case, by name."""

import datetime as dt
import uuid
from typing import Any

import pytest

from activities.operations.comparisons import judge
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.core.money import Money
from models.payments.recorded import Paid
from models.payments.recorded import RecordedPayments as Recorded
from payments.core.protocol import Payment, PaymentState

LONG_AGO = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
S, P = BookingState, PaymentState


def row(state: BookingState, *, captured: int = 0, refunded: int = 0, **changes: Any) -> Recorded:
    paid = Paid(
        number=1,
        payment_id="pi_ours",
        status=PaymentStatus.SUCCEEDED,
        captured=captured,
        refunded=refunded,
        withdrawn=0,
        disputed=False,
    )
    values: dict[str, Any] = {
        "booking_id": str(uuid.uuid4()),
        "caller_id": str(uuid.uuid4()),
        "state": state,
        "version": 5,
        "updated_at": LONG_AGO,
        "currency": "USD",
        "accepted_total": 1_000,
        "due": 0,
        "paid_by_hand": 0,
        "goodwill": 0,
        "payments": (paid,),
    }
    return Recorded(**{**values, **changes})


def pay(state: PaymentState, captured: int = 0, refunded: int = 0, id: str = "pi_ours") -> Payment:  # noqa: A002
    amount = Money(amount=1_000, currency="USD")
    return Payment(id=id, state=state, amount=amount, captured=captured, refunded=refunded)


JUST_NOW = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
TAKEN = pay(P.CAPTURED, 1_000)
CASES = {
    "paid and confirmed": (row(S.CONFIRMED, captured=1_000), [TAKEN], None),
    "more than accepted": (
        row(S.CONFIRMED, captured=1_000, accepted_total=900),
        [TAKEN],
        "I1",
    ),
    "two payments keep money": (
        row(S.CONFIRMED, captured=1_000),
        [TAKEN, pay(P.CAPTURED, 10, id="pi_other")],
        "I1",
    ),
    "the second one was given back": (
        row(S.CONFIRMED, captured=1_000),
        [TAKEN, pay(P.CAPTURED, 10, 10, id="pi_other")],
        None,
    ),
    "double charge while under way": (
        row(S.PROCESSING),
        [TAKEN, pay(P.CAPTURED, 10, id="pi_other")],
        "I1",
    ),
    "taken, and not yet on record while under way": (row(S.PROCESSING), [TAKEN], None),
    "failed and still held": (row(S.FAILED), [pay(P.AUTHORISED)], "I2"),
    "failed and may still be authenticated": (row(S.FAILED), [pay(P.ACTION_REQUIRED)], "I2"),
    "failed a moment ago": (row(S.FAILED, updated_at=JUST_NOW), [pay(P.AUTHORISED)], None),
    "failed and released": (row(S.FAILED), [pay(P.RELEASED)], None),
    "failed and taken": (row(S.FAILED), [TAKEN], "I2"),
    "expired and taken by another payment": (
        row(S.EXPIRED),
        [pay(P.RELEASED), pay(P.CAPTURED, 5, id="pi_other")],
        "I2",
    ),
    "cancelled and keeps its fees": (
        row(S.CANCELLED, captured=1_000, refunded=700, due=300),
        [pay(P.CAPTURED, 1_000, 700)],
        None,
    ),
    "cancelled and keeps one more than its fees": (
        row(S.CANCELLED, captured=1_000, refunded=700, due=299),
        [pay(P.CAPTURED, 1_000, 700)],
        "I2",
    ),
    "cancelled, the rest paid by hand": (
        row(S.CANCELLED, captured=1_000, refunded=0, due=300, paid_by_hand=700),
        [TAKEN],
        None,
    ),
    "cancelled, fees let go": (
        row(S.CANCELLED, captured=1_000, refunded=1_000, due=300, goodwill=300),
        [pay(P.CAPTURED, 1_000, 1_000)],
        None,
    ),
    "given back, and not on record": (
        row(S.CONFIRMED, captured=1_000),
        [pay(P.CAPTURED, 1_000, 1)],
        "I9",
    ),
    "a stray payment where none is on record": (
        row(S.CONFIRMED, payments=()),
        [pay(P.CAPTURED, 5, id="pi_other")],
        "I9",
    ),
    "with an operator": (row(S.NEEDS_ATTENTION, captured=0), [TAKEN], None),
}


@pytest.mark.parametrize("name", CASES)
def test_judging(name: str) -> None:
    recorded, payments, expected = CASES[name]
    found = judge(recorded, payments)
    assert [violation.invariant for violation in found] == ([expected] if expected else [])
    for violation in found:
        assert violation.booking_id == recorded.booking_id
        assert violation.what
        assert set(violation.payments) == {payment.id for payment in payments}
