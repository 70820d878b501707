"""What is told of a state, for each kind (record-and-marketplace.md §1.2)."""

import pytest

from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import (
    MARKET,
    BookingKind,
    BookingState,
    CancelledBy,
    PaymentStatus,
    transitions_of,
)
from models.bookings.statuses import MarketStatus, market_status, status_of
from tests.ledger.bookings import NOON

S = BookingState


def booking(state: BookingState, by: CancelledBy | None = None) -> Booking:
    return Booking(
        id="b",
        kind=BookingKind.STAY,
        reference="r",
        state=state,
        currency="EUR",
        accepted_total=0,
        items=[],
        payments=[
            PaymentView(
                payment_method_id=None, currency="EUR", amount=0, status=PaymentStatus.NOT_REQUIRED
            )
        ],
        cancelled_by=by,
        created_at=NOON,
        updated_at=NOON,
    )


@pytest.mark.parametrize(
    ("state", "by", "told"),
    [
        (S.QUOTED, None, "QUOTE"),
        (S.HELD, None, "HOLD"),
        (S.PAYMENT_PENDING, None, "PAYMENT_PENDING"),
        (S.PROCESSING, None, "PAYMENT_PENDING"),
        (S.CONFIRMED, None, "CONFIRMED"),
        (S.CHECKED_IN, None, "CONFIRMED"),
        (S.COMPLETED, None, "COMPLETED"),
        (S.NO_SHOW, None, "COMPLETED"),
        (S.EXPIRED, None, "EXPIRED_HOLD"),
        (S.FAILED, None, "EXPIRED_HOLD"),
        (S.CANCELLED, None, "CANCELLED_BY_GUEST"),
        (S.CANCELLED, CancelledBy.GUEST, "CANCELLED_BY_GUEST"),
        (S.CANCELLED, CancelledBy.PROVIDER, "CANCELLED_BY_PROVIDER"),
        (S.CANCELLED, CancelledBy.OPERATOR, "CANCELLED_BY_PROVIDER"),
    ],
)
def test_what_is_told_of_what_is_bought(
    state: BookingState, by: CancelledBy | None, told: str
) -> None:
    assert market_status(booking(state, by)) == told == status_of(state, BookingKind.STAY, by)


def test_every_state_that_these_kinds_have_is_told() -> None:
    for kind in MARKET:
        moves = transitions_of(kind)
        had = {S.QUOTED}
        while fresh := set().union(*(moves[state] for state in had)) - had:
            had |= fresh
        by = (None, *CancelledBy)
        told = {status_of(state, kind, who) for state in had for who in by}
        assert told == set(MarketStatus)
