"""Random lives of a booking's money, drawn by Hypothesis: in any order, repeated, failing."""

from collections.abc import Callable

from hypothesis import strategies as st

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.ledger.commission import CommissionRule
from tests.ledger.bookings import (
    cancel,
    capture,
    change,
    confirm,
    dispute,
    new_booking,
    put_back,
    refund,
    rule,
)

Step = Callable[[Booking], None]

S = BookingState

_PRICES = st.lists(st.integers(0, 999_999), min_size=1, max_size=4).filter(any)
_POINTS = st.integers(0, 10_000)
_AFTER = st.sampled_from([S.CONFIRMED, S.NEEDS_ATTENTION, S.CHECKED_IN, S.COMPLETED, S.CANCELLED])
REFUND_STATES = ["pending", "succeeded", "failed", "canceled", "requires_action"]


@st.composite
def rules(draw: st.DrawFn) -> list[CommissionRule]:
    """None, one or several rules."""
    suppliers = st.sampled_from([None, "amadeus", "booking_com", "viator"])
    drawn = draw(st.lists(st.tuples(_POINTS, suppliers), max_size=4))
    return [rule(points, supplier, number=n) for n, (points, supplier) in enumerate(drawn)]


@st.composite
def starts(draw: st.DrawFn) -> Booking:
    """A booking that has just been paid: confirmed, or failing all the same."""
    booking = new_booking(prices=tuple(draw(_PRICES)))
    numbers = [item.number for item in booking.items]
    kept = draw(st.sets(st.sampled_from(numbers), min_size=1))
    confirm(booking, kept)
    if not booking.payment.captured or draw(st.integers(0, 4)) == 0:
        booking.confirmed_at = None
        put_back(capture(booking))
        booking.state = S.NEEDS_ATTENTION
    return booking


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Something that happens to a booking's money; what cannot happen to it changes nothing."""
    kind = draw(st.sampled_from(["cancel", "refund", "change", "dispute", "grow", "state", "mix"]))
    number, amount = draw(st.integers(0, 9)), draw(st.integers(1, 500_000))
    status = draw(st.sampled_from(REFUND_STATES))
    decided = draw(st.sampled_from(["open", "won", "lost"]))
    state = draw(_AFTER)
    by_hand = draw(st.booleans())

    def step(booking: Booking) -> None:
        paid = booking.payment
        left = paid.captured - paid.refunded
        if kind == "cancel" and booking.confirmed_at and booking.live_items:
            item = booking.live_items[number % len(booking.live_items)]
            cancel(booking, {item.number: min(amount, item.price)})
        elif kind == "refund" and left > 0:
            refund(booking, min(amount, left), status)
        elif kind == "change" and paid.refunds:
            change(booking, paid.refunds[number % len(paid.refunds)], status)
        elif kind == "dispute" and paid.disputes and number % 2:
            one = paid.disputes[number % len(paid.disputes)]
            dispute(booking, one.amount if by_hand else amount, decided, one.id)
        elif kind == "dispute":
            dispute(booking, amount, decided)
        elif kind == "grow" and by_hand:
            booking.paid_by_hand = amount
        elif kind == "grow":
            booking.goodwill = amount
        elif kind == "mix":
            paid.refunds = paid.refunds[::-1]
            paid.disputes = paid.disputes[::-1]
        elif kind == "state":
            booking.state = state if booking.confirmed_at else S.FAILED

    return step
