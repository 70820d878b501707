"""What the gateway did without telling us is found by looking, and put right."""

import uuid

import pytest

from localworld.shared import Servers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.operations.conftest import watch, watch_in_vain
from tests.operations.metrics import figure
from tests.operations.outside import Outside
from tests.operations.record import Record
from tests.support.checker import check
from tests.support.databases import migrated_database
from tests.support.money import lost_create
from tests.support.selection import table
from tests.support.stack import Stack, create_stack
from tests.trips.saga.test_cancel_confirmed import confirmed

STOLEN = "pm_card_visa_chargeDeclinedStolenCard"
"""No other card is asked for after this one."""


async def make_old(record: Record, booking: Booking) -> None:
    """Let a booking have come to rest long ago: only the gateway's list leads to it."""
    await record.do(
        "SET LOCAL session_replication_role = replica",
        "UPDATE bookings SET updated_at = now() - interval '2 days' WHERE id = %(id)s",
        "UPDATE payments SET updated_at = now() - interval '2 days' WHERE booking_id = %(id)s",
        id=booking.id,
    )


async def believe(record: Record, booking: Booking, payment: str, status: str) -> None:
    """Let the system have made this payment, and believe that it stands so."""
    await record.do(
        "UPDATE attempts SET provider_id = CAST(%(payment)s AS text),"
        " result = jsonb_set(result, '{id}', to_jsonb(CAST(%(payment)s AS text)))"
        " WHERE booking_id = %(id)s AND operation = 'create'",
        "UPDATE payments SET payment_intent_id = CAST(%(payment)s AS text), status = %(status)s"
        " WHERE booking_id = %(id)s",
        payment=payment,
        status=status,
        id=booking.id,
    )


async def resolve(stack: Stack, booking: Booking, *, paid_by_hand: bool = False) -> None:
    """Have an operator say that a person has settled it."""
    await stack.resolve(booking.id, "resolved", paid_by_hand=paid_by_hand)


@pytest.mark.parametrize("long_ago", table([False, True], quick=[True]), ids=["recent", "long ago"])
async def test_a_refund_in_the_dashboard(
    stack: Stack, record: Record, outside: Outside, long_ago: bool
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    refund = await outside.refund(booking.payment.id, 1_000)
    if long_ago:
        await make_old(record, booking)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.differing == 1
    # More than was due has been given back: recorded, and a person is asked about the rest.
    assert summary.reconciled.unsettled == [booking.id]
    payment = await record.payment(booking.id)
    assert (payment["refunded"], payment["status"]) == (1_000, "partially_refunded")
    assert [row["gateway_id"] for row in await record.refunds(booking.id)] == [refund]
    assert (await record.booking(booking.id))["state"] == "CONFIRMED"
    await resolve(stack, booking)
    after = await watch(stack)
    assert after.reconciled is not None
    assert after.reconciled.differing == 0
    assert await record.open_cases_about(booking.id) == []


@pytest.mark.exhaustive  # as in the next, with less to give back
async def test_a_late_success_after_the_end(stack: Stack, record: Record, outside: Outside) -> None:
    booking = await stack.book(payment_method=STOLEN)
    assert booking.state is BookingState.FAILED
    late = await outside.pay(9_000, booking=booking.id, captured=False)
    await believe(record, booking, late, "released")
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert (summary.reconciled.differing, summary.reconciled.repaired) == (1, 1)
    assert (await outside.payment(late))["status"] == "canceled"
    assert (await record.booking(booking.id))["state"] == "FAILED"
    assert (await record.payment(booking.id))["status"] == "released"


async def test_money_taken_after_the_end_goes_back(
    stack: Stack, record: Record, outside: Outside
) -> None:
    booking = await stack.book(payment_method=STOLEN)
    late = await outside.pay(9_000, booking=booking.id, captured=True)
    await believe(record, booking, late, "released")
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.repaired == 1
    payment = await record.payment(booking.id)
    assert (payment["captured"], payment["refunded"]) == (9_000, 9_000)
    assert await record.open_cases_about(booking.id) == []


async def test_a_hold_that_lapsed(stack: Stack, record: Record, outside: Outside) -> None:
    booking = await stack.book(payment_method=STOLEN)
    held = await outside.pay(9_000, booking=booking.id, captured=False)
    await believe(record, booking, held, "authorised")
    await make_old(record, booking)  # not recent: found because a hold may end by itself
    await outside.release(held)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.repaired == 1
    payment = await record.payment(booking.id)
    assert payment["status"] == "released"


async def test_a_refund_that_came_back(stack: Stack, record: Record, outside: Outside) -> None:
    booking = await confirmed(stack)
    after = await stack.cancel(booking.id)
    (refund,) = after.payment.refunds
    await outside.send_back(refund.id)
    await make_old(record, booking)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.unsettled == [booking.id]
    row = await record.booking(booking.id)
    assert row["state"] == "CANCELLED"
    assert (await record.payment(booking.id))["refunded"] == 0
    await resolve(stack, booking, paid_by_hand=True)
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_a_dispute_begins_and_ends(stack: Stack, record: Record, outside: Outside) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    dispute = await outside.dispute(booking.payment.id)
    await make_old(record, booking)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert (summary.reconciled.differing, summary.reconciled.repaired) == (1, 1)
    (row,) = await record.disputes(booking.id)
    assert (row["id"], row["status"]) == (dispute, "open")
    assert f"dispute:{dispute}" in await record.open_cases()
    # An operator has answered it and closed the case: that is no invariant's business.
    await record.do(
        "UPDATE cases SET resolved_at = now(), resolved_by = 'operator' WHERE source = %(source)s",
        source=f"dispute:{dispute}",
    )
    await make_old(record, booking)
    await watch(stack)
    assert await record.open_cases_about(booking.id) == []
    await outside.decide(dispute, "lost")
    await watch(stack)
    (row,) = await record.disputes(booking.id)
    assert row["status"] == "lost"


@pytest.mark.parametrize(
    ("state", "captured"),
    table(["CONFIRMED", "FAILED"], [False, True], quick=[("CONFIRMED", True), ("FAILED", False)]),
)
async def test_a_second_payment_of_a_booking_goes_back(
    stack: Stack, record: Record, outside: Outside, state: str, captured: bool
) -> None:
    method = "pm_card_visa" if state == "CONFIRMED" else STOLEN
    booking = await stack.book(payment_method=method)
    assert booking.state == state
    await lost_create(stack.settings.database.url, booking.id)
    second = await outside.pay(5_000, booking=booking.id, captured=captured)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert (summary.reconciled.differing, summary.reconciled.repaired) == (1, 1)
    after = await outside.payment(second)
    assert after["status"] == ("succeeded" if captured else "canceled")
    assert (await record.booking(booking.id))["state"] == state
    assert (await record.payment(booking.id))["captured"] == booking.payment.captured
    assert await record.open_cases_about(booking.id) == []
    quiet = await watch(stack)
    assert quiet.reconciled is not None
    assert quiet.reconciled.differing == 0


@pytest.mark.exhaustive  # trips/saga/test_settling: it adds up
async def test_a_second_payment_goes_back_while_a_dispute_holds_what_was_cancelled(
    stack: Stack, record: Record, outside: Outside
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    await outside.dispute(booking.payment.id)
    await watch(stack)
    less = await stack.cancel(booking.id, [booking.items[3].component_id])
    assert less.owed == less.in_dispute > 0
    await lost_create(stack.settings.database.url, booking.id)
    second = await outside.pay(5_000, booking=booking.id, captured=False)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert (summary.reconciled.differing, summary.reconciled.repaired) == (1, 1)
    assert (await outside.payment(second))["status"] == "canceled"


async def test_the_only_payment_of_a_trip_is_never_given_back_as_a_stray(
    stack: Stack, record: Record
) -> None:
    # As after restoring a database from before the payment: only the record is wrong.
    booking = await confirmed(stack)
    was = await record.payment(booking.id)
    await record.do(
        "UPDATE payments SET payment_intent_id = NULL, captured = 0, status = 'pending'"
        " WHERE booking_id = %(id)s",
        id=booking.id,
    )
    await watch(stack)
    await watch(stack)
    (payment,) = await stack.sandbox.payments(booking.id)
    assert (payment["status"], payment["refunded"]) == ("succeeded", 0)
    assert await record.open_cases_about(booking.id) == [f"invariant:I9:{booking.id}"]
    await record.do(
        "UPDATE payments SET payment_intent_id = %(payment)s, captured = %(captured)s,"
        " status = 'succeeded' WHERE booking_id = %(id)s",
        payment=was["payment_intent_id"],
        captured=was["captured"],
        id=booking.id,
    )
    await watch(stack)
    assert await record.open_cases_about(booking.id) == []


async def test_a_payment_of_no_booking(stack: Stack, record: Record, outside: Outside) -> None:
    unknown = await outside.pay(4_000, booking=str(uuid.uuid4()), captured=False)
    source = f"payment:{unknown}"
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.cases == 1
    case = await record.case(source)
    assert case["kind"] == "RECONCILIATION"
    assert "40.00 USD" in case["summary"]
    again = await watch(stack)
    assert again.reconciled is not None
    assert again.reconciled.cases == 0
    assert source in await record.open_cases()
    await outside.release(unknown)
    await watch(stack)
    assert (await record.case(source))["resolution"] == "no longer found"


async def test_what_stands_for_a_booking_that_is_not_on_record_is_named(
    stack: Stack, record: Record, shared_servers: Servers
) -> None:
    """Another copy of the system books on the same accounts, or the backup is older than that."""
    other = await create_stack(
        database_url=migrated_database(shared_servers),
        temporal_address=stack.settings.temporal.address,
        sandbox_url=stack.sandbox.url,
        name=f"other-{uuid.uuid4().hex[:8]}",
    )
    other.start_worker()
    booking = await confirmed(other)
    *kept, gone = booking.live_items
    await other.cancel(booking.id, [gone.component_id])
    await watch(stack)
    case = await record.case(f"payment:{booking.payment.id}")
    assert kept[0].supplier == "amadeus", "it cannot be asked"
    assert case["details"]["live"] == [
        f"{item.supplier} {item.reservation.confirmation_code} ({item.reference})"
        for item in kept[1:]
        if item.reservation
    ]
    assert "not to be asked: amadeus, getyourguide" in case["summary"]
    await other.cancel(booking.id)
    await watch(stack)
    await other.close()


async def test_other_business_on_the_account_is_nobodys_case(
    stack: Stack, record: Record, outside: Outside
) -> None:
    before = await record.open_cases()
    await outside.pay(4_000, booking=None, captured=True)
    named = await outside.pay(4_000, booking="not-a-booking", captured=False)
    summary = await watch(stack)
    assert summary.reconciled is not None
    found = [source for source in await record.open_cases() if source not in before]
    assert found == [f"payment:{named}"]
    assert (await record.case(found[0]))["details"]["bookingNamed"] == "not-a-booking"
    await outside.release(named)
    await watch(stack)


async def test_a_payment_the_gateway_does_not_know(
    stack: Stack, record: Record, outside: Outside
) -> None:
    booking = await confirmed(stack)
    lost = f"pi_{uuid.uuid4().hex}"

    async def have(payment: str | None) -> None:
        await record.do(
            "UPDATE payments SET payment_intent_id = %(payment)s WHERE booking_id = %(id)s",
            payment=payment,
            id=booking.id,
        )

    await have(lost)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.repaired == 0
    case = await record.case(f"payment:{lost}")
    assert str(case["booking_id"]) == booking.id
    # Which of the two is right only a person can tell: the real one is not given back.
    (payment,) = await stack.sandbox.payments(booking.id)
    assert (payment["status"], payment["refunded"]) == ("succeeded", 0)
    assert f"invariant:I9:{booking.id}" in await record.open_cases_about(booking.id)
    await have(booking.payment.id)
    await watch(stack)
    assert (await record.case(f"payment:{lost}"))["resolution"] == "no longer found"
    assert await record.open_cases_about(booking.id) == []


async def test_bookings_under_way_are_left_alone(stack: Stack, record: Record) -> None:
    request = await stack.request(payment_method="pm_card_threeDSecure2Required")
    request.patience.authentication_deadline = 60
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.differing == 0
    assert await record.open_cases_about(waiting.id) == []
    assert (await record.booking(waiting.id))["state"] == "PAYMENT_PENDING"
    await handle.cancel()
    await handle.result()


async def test_a_gateway_that_is_away_fails_the_round_but_not_the_rest(
    stack: Stack, record: Record
) -> None:
    def counted(part: str, outcome: str) -> float:
        return figure(stack, "tripsaga_watch_parts_total", part=part, outcome=outcome)

    booking = await confirmed(stack)
    checked = counted("check_invariants", "done")
    compared = counted("reconcile_payments", "done")
    failed = counted("reconcile_payments", "failed")
    await record.post(booking, "planted", "GATEWAY", "FEES", 300)
    await stack.sandbox.arm("stripe", "retrieve", "error", rate=1.0)
    why, summary = await watch_in_vain(stack)
    assert "reconcile_payments" in why
    assert summary.reconciled is None
    assert summary.checked is not None
    assert not summary.checked.gateway
    assert summary.checked.violations["I9"] == 1
    assert counted("check_invariants", "done") == checked + 1
    assert counted("reconcile_payments", "done") == compared
    assert counted("reconcile_payments", "failed") > failed
    await stack.sandbox.clear()
    await record.post(booking, "mended", "FEES", "GATEWAY", 300)
    after = await watch(stack)
    assert after.checked is not None
    assert after.checked.closed == 1
    assert counted("check_invariants", "done") == checked + 2
    assert counted("reconcile_payments", "done") == compared + 1


async def test_attempts_of_dead_workers_get_an_outcome_once_their_booking_is_settled(
    stack: Stack, record: Record
) -> None:
    booking = await confirmed(stack)
    begun = (
        "INSERT INTO attempts (booking_id, provider, operation, key, number, started_at) VALUES"
        " (%(id)s, 'stripe', 'refund', %(key)s, 1, now() - make_interval(mins => %(age)s))"
    )
    key = f"v1:{booking.id}:payment:refund"
    await record.do(begun, id=booking.id, key=f"{key}:1", age=15)
    await record.do(begun, id=booking.id, key=f"{key}:2", age=1)
    await watch(stack)
    rows = await record.rows(
        "SELECT key, outcome, settled FROM attempts WHERE booking_id = %(id)s AND"
        " operation = 'refund' ORDER BY key",
        id=booking.id,
    )
    assert [(row["outcome"], row["settled"]) for row in rows] == [
        ("unknown", "otherwise"),
        (None, None),  # somebody may still be at it
    ]
