"""What happens to the money of a booking at rest: found by looking, put right, or a person's."""

import pytest

from activities.payments.comparing import differences
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.messages import RequestKind
from models.payments.messages import GoodwillRefund
from tests.support.checker import Facts, check
from tests.support.money import Gateway, granted, settled
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import unsettled
from tests.trips.saga.test_cancel_confirmed import confirmed, set_terms


async def judged(stack: Stack, booking: Booking) -> Facts:
    return await check(stack.sandbox, stack.settings.database.url, booking.id)


async def paid(stack: Stack) -> tuple[Booking, str]:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    return booking, booking.payment.id


async def test_nothing_is_recorded_when_nothing_has_changed(stack: Stack) -> None:
    booking, _ = await paid(stack)
    cancelled = await stack.cancel(booking.id)
    again = await settled(stack, cancelled)
    assert again.version == cancelled.version


async def test_a_refund_that_comes_back_waits_for_a_person_who_refunds_again(
    stack: Stack,
) -> None:
    booking, _ = await paid(stack)
    cancelled = await stack.cancel(booking.id)
    await Gateway(stack).fail_refund(cancelled.payment.refunds[0].id)
    owing = await settled(stack, cancelled)
    assert owing.state is BookingState.CANCELLED
    assert owing.owed == booking.payment.captured
    facts = await judged(stack, owing)
    assert [case["kind"] for case in facts.cases] == ["SAGA"]
    assert sum(line["signed"] for line in facts.ledger if line["account"] == "SUSPENSE") < 0
    after = await stack.resolve(booking.id)
    assert after.state is BookingState.CANCELLED
    assert after.owed == 0
    assert unsettled(after) == []
    assert [refund.status for refund in after.payment.refunds] == ["failed", "succeeded"]
    facts = await judged(stack, after)
    assert [row["number"] for row in facts.refunds] == [1, 2]
    assert len({row["key"] for row in facts.refunds}) == 2


async def test_a_refund_that_comes_back_may_be_paid_by_hand(stack: Stack) -> None:
    booking, _ = await paid(stack)
    cancelled = await stack.cancel(booking.id)
    await Gateway(stack).fail_refund(cancelled.payment.refunds[0].id)
    await settled(stack, cancelled)
    after = await stack.resolve(booking.id, "resolved", paid_by_hand=True)
    assert after.state is BookingState.CANCELLED
    assert unsettled(after) == []
    assert after.paid_by_hand == booking.payment.captured
    facts = await judged(stack, after)
    by_hand = [line["signed"] for line in facts.ledger if line["owner"] == "by_hand"]
    assert by_hand == [-booking.payment.captured]


async def test_a_refund_made_in_the_dashboard_is_recorded_and_a_person_looks(
    stack: Stack,
) -> None:
    booking, payment_id = await paid(stack)
    await Gateway(stack).refund(payment_id, 1000)
    less = await settled(stack, booking)
    assert less.state is BookingState.CONFIRMED
    assert less.owed == -1000
    assert [case.payment for case in unsettled(less)] == [1]
    await judged(stack, less)
    after = await stack.resolve(booking.id, "resolved")
    assert after.state is BookingState.CONFIRMED
    assert unsettled(after) == []
    assert (after.goodwill, after.payment.refunded) == (1000, 1000)
    await judged(stack, after)
    # What was given away is not given back once more when the trip is cancelled.
    gone = await stack.cancel(booking.id)
    assert gone.state is BookingState.CANCELLED
    assert gone.payment.refunded == gone.payment.captured
    await judged(stack, gone)


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute_is_on_record_until_it_is_decided(stack: Stack, outcome: str) -> None:
    booking, payment_id = await paid(stack)
    gateway = Gateway(stack)
    dispute = await gateway.dispute(payment_id)
    open_ = await settled(stack, booking)
    assert open_.state is BookingState.CONFIRMED, "the traveller still has the trip"
    assert [d.status for d in open_.payment.disputes] == ["open"]
    await gateway.close_dispute(dispute, outcome)
    closed = await settled(stack, open_)
    assert [d.status for d in closed.payment.disputes] == [outcome]
    await judged(stack, closed)


@pytest.mark.parametrize("capture", [False, True])
async def test_a_payment_nobody_asked_for_is_given_back(stack: Stack, capture: bool) -> None:
    booking = await stack.book(payment_method="pm_card_visa_chargeDeclinedStolenCard")
    assert booking.state is BookingState.FAILED
    stray = await Gateway(stack).stray(booking.id, capture=capture)
    after = await settled(stack, booking, stray=stray)
    assert after.state is BookingState.FAILED
    assert after.payment.id == booking.payment.id
    facts = await judged(stack, after)
    (payment,) = [p for p in facts.payments if p["id"] == stray]
    assert payment["captured"] == payment["refunded"]
    assert payment["status"] == ("succeeded" if capture else "canceled")


async def test_goodwill_of_equal_amounts_is_given_as_often_as_asked(stack: Stack) -> None:
    booking, _ = await paid(stack)

    async def give(key: str) -> Booking:
        return await granted(
            stack, booking, GoodwillRefund(key=key, amount=700, reason="late tour")
        )

    await give("a")
    await give("a")
    after = await give("b")
    assert [refund.amount for refund in after.payment.refunds] == [700, 700]
    assert after.payment.status is PaymentStatus.PARTIALLY_REFUNDED
    facts = await judged(stack, after)
    assert [row["amount"] for row in facts.refunds] == [700, 700]
    assert {row["reason"] for row in facts.refunds} == {"late tour"}


async def test_equal_items_cancelled_one_after_the_other_are_refunded_both(stack: Stack) -> None:
    booking, _ = await paid(stack)
    first, second = booking.items[2], booking.items[3]
    for item in (first, second):
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": item.price - 500}])
    one = await stack.cancel(booking.id, [first.component_id])
    two = await stack.cancel(booking.id, [second.component_id])
    assert (one.payment.refunded, two.payment.refunded) == (500, 1000)
    facts = await judged(stack, two)
    assert [row["amount"] for row in facts.refunds] == [500, 500]


@pytest.mark.parametrize(
    "kind",
    table(
        ["hang", "commit_then_hang", "late_commit", "commit_then_error", "reset", "malformed"],
        quick=["commit_then_error"],  # late: faults/test_giving_back
    ),
)
async def test_a_goodwill_refund_is_paid_once_whatever_the_answer(stack: Stack, kind: str) -> None:
    booking, payment_id = await paid(stack)
    seconds = 1.6 if kind == "late_commit" else 20
    await stack.sandbox.arm(
        "stripe", "refund", kind, reference=booking.id, seconds=seconds, times=1
    )
    refund = GoodwillRefund(key=f"k-{payment_id}", amount=900, reason="late")
    after = await granted(stack, booking, refund)
    assert await stack.sandbox.fired() == 1
    assert after.state is BookingState.CONFIRMED
    assert after.payment.refunded == 900
    facts = await judged(stack, after)
    assert len([row for row in facts.log if row["effect"] == "refunded"]) == 1


async def test_a_second_refund_that_comes_back_is_a_new_case(stack: Stack) -> None:
    """What one settling did must not be taken for what the next one has to do."""
    booking, _ = await paid(stack)
    last = await stack.cancel(booking.id)
    for _ in range(3):
        await Gateway(stack).fail_refund(last.payment.refunds[-1].id)
        owing = await settled(stack, last)
        assert len(unsettled(owing)) == 1
        last = await stack.resolve(booking.id)
        assert last.owed == 0
        assert unsettled(last) == []
        await judged(stack, last)
    assert [refund.status for refund in last.payment.refunds] == [*["failed"] * 3, "succeeded"]


async def test_a_second_payment_is_not_given_back_while_the_first_is_in_doubt(
    stack: Stack,
) -> None:
    booking, payment_id = await paid(stack)
    await Gateway(stack).refund(payment_id, 1000)
    stray = await Gateway(stack).stray(booking.id, capture=True)
    doubtful = await settled(stack, booking, stray=stray)
    assert doubtful.state is BookingState.CONFIRMED
    (held,) = [p for p in await stack.sandbox.payments(booking.id) if p["id"] == stray]
    assert held["refunded"] == 0
    after = await stack.resolve(booking.id, "resolved")
    assert after.state is BookingState.CONFIRMED
    assert unsettled(after) == []
    (back,) = [p for p in await stack.sandbox.payments(booking.id) if p["id"] == stray]
    assert back["refunded"] == back["captured"] > 0
    await judged(stack, after)


async def disputed(stack: Stack, amount: int | None = None) -> tuple[Booking, str]:
    """Return a confirmed trip that costs nothing to cancel, with an open dispute about it."""
    booking, payment_id = await paid(stack)
    for item in booking.items:
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": 0}])
    dispute = await Gateway(stack).dispute(payment_id, amount)
    return await settled(stack, booking), dispute


async def test_what_a_lost_dispute_took_is_not_owed_any_more(stack: Stack) -> None:
    booking, dispute = await disputed(stack)
    await Gateway(stack).close_dispute(dispute, "lost")
    unpaid = await settled(stack, booking)
    assert unpaid.state is BookingState.CONFIRMED
    assert [case.payment for case in unsettled(unpaid)] == [1], "it stands and is not paid for"
    assert "not paid for" in unsettled(unpaid)[0].summary
    await judged(stack, unpaid)
    gone = await stack.cancel(booking.id)
    assert gone.state is BookingState.CANCELLED
    assert (gone.owed, gone.payment.refunded, unsettled(gone)) == (0, 0, [])
    facts = await judged(stack, gone)
    assert not [line for line in facts.ledger if line["owner"] == "by_hand"]


async def test_a_lost_dispute_that_a_cancellation_was_the_first_to_see_is_a_case(
    stack: Stack,
) -> None:
    booking, payment_id = await paid(stack)
    gateway = Gateway(stack)
    await gateway.close_dispute(await gateway.dispute(payment_id), "lost")
    less = await stack.cancel(booking.id, components=[booking.items[3].component_id])
    assert (less.state, less.payment.refunded) == (BookingState.CONFIRMED, 0)
    assert less.owed < 0
    assert differences(less, less.payments), "what still stands is not paid for"
    unpaid = await settled(stack, less)
    assert "not paid for" in unsettled(unpaid)[0].summary
    assert not differences(unpaid, unpaid.payments), "a person has it"
    bears = await stack.resolve(booking.id, "resolved")
    assert (unsettled(bears), bears.owed) == ([], 0)
    await judged(stack, bears)


async def test_what_an_open_dispute_covers_is_nothing_to_settle(stack: Stack) -> None:
    booking, payment_id = await paid(stack)
    gateway = Gateway(stack)
    await gateway.refund(payment_id, 1000)
    await settled(stack, booking)
    await stack.resolve(booking.id, "resolved")
    await gateway.dispute(payment_id)
    await settled(stack, booking)
    less = await stack.cancel(booking.id, components=[booking.items[3].component_id])
    assert (less.owed > 0, less.refundable, less.adds_up) == (True, 0, True)
    assert not differences(less, less.payments)
    await judged(stack, less)


async def test_a_person_lets_the_price_go_that_a_lost_dispute_took(stack: Stack) -> None:
    booking, dispute = await disputed(stack)
    await Gateway(stack).close_dispute(dispute, "lost")
    await settled(stack, booking)
    bears = await stack.resolve(booking.id, "resolved")
    assert (unsettled(bears), bears.owed) == ([], 0)
    gone = await stack.cancel(booking.id)
    assert (gone.state, gone.owed, unsettled(gone)) == (BookingState.CANCELLED, 0, [])
    assert gone.payment.refunded == gone.paid_by_hand == 0
    await judged(stack, gone)


async def test_the_record_tells_of_the_grant_that_was_made_and_of_those_refused(
    stack: Stack,
) -> None:
    booking, _ = await paid(stack)
    most = booking.captured - 1000
    grants = [GoodwillRefund(key=key, amount=most, reason="late tour") for key in "abc"]
    requests = [await stack.send(RequestKind.REFUND, booking.id, grant) for grant in grants]
    problems = [await stack.ended(request) for request in requests]
    assert [problem is None for problem in problems] == [True, False, False]
    facts = await judged(stack, booking)
    told = [entry["why"] for entry in facts.history]
    assert [why for why in told if "goodwill" in why] == ["goodwill: late tour"]
    assert sum("is refused: only 10.00 USD is left" in why for why in told) == 2


async def test_a_refused_grant_records_what_looking_found(stack: Stack) -> None:
    booking, payment_id = await paid(stack)
    await Gateway(stack).refund(payment_id, 500)
    grant = GoodwillRefund(key="a", amount=booking.captured, reason="late tour")
    problem = await stack.ended(await stack.send(RequestKind.REFUND, booking.id, grant))
    assert problem is not None
    after = await stack.recorded(booking.id)
    assert (after.refunded, after.goodwill, len(unsettled(after))) == (500, 0, 1)


@pytest.mark.parametrize("outcome", table(["won", "lost"], quick=["won"]))
async def test_what_an_open_dispute_covers_waits_and_the_rest_goes_back(
    stack: Stack, outcome: str
) -> None:
    booking, dispute = await disputed(stack, 12_100)
    taken = booking.payment.captured
    gone = await stack.cancel(booking.id)
    assert (gone.state, unsettled(gone)) == (BookingState.CANCELLED, [])
    assert (gone.payment.refunded, gone.refundable) == (taken - 12_100, 0)
    await judged(stack, gone)
    await Gateway(stack).close_dispute(dispute, outcome)
    after = await settled(stack, gone)
    assert (after.owed, unsettled(after)) == (0, [])
    assert after.payment.refunded == (taken if outcome == "won" else taken - 12_100)
    await judged(stack, after)


async def test_an_item_that_is_in_dispute_is_not_given_back_twice(stack: Stack) -> None:
    booking, dispute = await disputed(stack, 12_100)
    item = next(item for item in booking.items if item.price == 12_100)
    less = await stack.cancel(booking.id, components=[item.component_id])
    assert (less.state, less.payment.refunded) == (BookingState.CONFIRMED, 0)
    await judged(stack, less)
    await Gateway(stack).close_dispute(dispute, "lost")
    after = await settled(stack, less)
    assert (after.owed, after.payment.refunded, unsettled(after)) == (0, 0, [])
    await judged(stack, after)


async def test_what_a_won_dispute_held_of_a_cancelled_part_goes_back(stack: Stack) -> None:
    booking, dispute = await disputed(stack)
    item = booking.items[3]
    less = await stack.cancel(booking.id, components=[item.component_id])
    assert (less.state, less.payment.refunded) == (BookingState.CONFIRMED, 0)
    await Gateway(stack).close_dispute(dispute, "won")
    after = await settled(stack, less)
    assert (after.state, after.owed, unsettled(after)) == (BookingState.CONFIRMED, 0, [])
    assert after.payment.refunded == item.price
    await judged(stack, after)
    again = await settled(stack, after)
    assert again.version == after.version, "once"


async def test_what_is_owed_besides_a_won_dispute_waits_for_a_person(stack: Stack) -> None:
    booking, dispute = await disputed(stack, 500)
    await stack.sandbox.arm("stripe", "refund", "refuse", reference=booking.id)
    less = await stack.cancel(booking.id, components=[booking.items[3].component_id])
    assert unsettled(less), "the refund was refused"
    await Gateway(stack).close_dispute(dispute, "won")
    after = await settled(stack, less)
    assert after.payment.refunded == 0
    assert unsettled(after)
    await judged(stack, after)


@pytest.mark.exhaustive  # tests/payments/any_order has both
async def test_a_refund_that_comes_back_after_a_lost_dispute_is_owed_once(stack: Stack) -> None:
    booking, dispute = await disputed(stack, 12_100)
    gone = await stack.cancel(booking.id)
    gateway = Gateway(stack)
    await gateway.close_dispute(dispute, "lost")
    await gateway.fail_refund(gone.payment.refunds[0].id)
    owing = await settled(stack, gone)
    assert owing.owed == booking.payment.captured - 12_100
    after = await stack.resolve(booking.id)
    assert (after.owed, unsettled(after)) == (0, [])
    assert after.payment.refunded == booking.payment.captured - 12_100
    await judged(stack, after)
