"""Payments of changes under watch: compared, reported and put right like the first payment."""

import datetime as dt

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.payments.day_report import DayReport
from tests.operations.conftest import watch
from tests.operations.outside import Outside
from tests.operations.record import Record
from tests.operations.test_reconciling import resolve
from tests.support.checker import check
from tests.support.money import lost_create
from tests.support.stack import Stack
from tests.trips.modifying.changes import change, confirmed, now, other_hotel, swap


async def dearer(stack: Stack) -> Booking:
    """A booking whose hotel was swapped for a dearer one."""
    booking = await confirmed(stack)
    hotel = await other_hotel(stack, nights=7)
    outcome = await change(stack, booking.id, swap(booking.items[1], hotel))
    assert outcome.carried_out, outcome.problem
    after = await now(stack, booking.id)
    assert len(after.payments) == 2
    return after


def paid(booking: Booking) -> str:
    payment_id = booking.payments[1].id
    assert payment_id is not None
    return payment_id


async def test_a_changed_booking_is_as_it_should_be_until_it_is_disputed(
    stack: Stack, record: Record, outside: Outside
) -> None:
    booking = await dearer(stack)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.differing == 0
    assert summary.checked is not None
    assert not any(summary.checked.violations.values()), summary.checked.violations
    today = dt.datetime.now(dt.UTC).date()
    await watch(stack, day=today)
    row = await record.row("SELECT * FROM reconciliations WHERE day = %(day)s", day=today)
    report = DayReport.model_validate(row)
    assert [one.what for one in report.differences if one.booking_id == booking.id] == []
    dollars = report.currencies["USD"]
    assert dollars.recorded.net == dollars.gateway.net
    assert dollars.ledger == dollars.recorded.net

    dispute = await outside.dispute(paid(booking))
    await watch(stack)
    assert [one["status"] for one in await record.disputes(booking.id, 2)] == ["open"]
    assert await record.open_cases_about(booking.id) == [f"dispute:{dispute}"]
    await check(stack.sandbox, stack.settings.database.url, booking.id)
    await outside.decide(dispute, "won")
    summary = await watch(stack)
    assert summary.checked is not None
    assert not any(summary.checked.violations.values()), summary.checked.violations
    assert await record.open_cases_about(booking.id) == []
    assert (await record.booking(booking.id))["state"] == BookingState.CONFIRMED
    await check(stack.sandbox, stack.settings.database.url, booking.id)


@pytest.mark.exhaustive  # of the first payment: test_reconciling
async def test_a_refund_of_the_difference_in_the_dashboard(
    stack: Stack, record: Record, outside: Outside
) -> None:
    booking = await dearer(stack)
    refund = await outside.refund(paid(booking), 1_000)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.unsettled == [booking.id]
    query = "SELECT * FROM payments WHERE booking_id = %(id)s AND number = 2"
    row = await record.row(query, id=booking.id)
    assert (row["refunded"], row["status"]) == (1_000, "partially_refunded")
    assert [one["gateway_id"] for one in await record.refunds(booking.id, 2)] == [refund]
    await resolve(stack, booking)
    after = await watch(stack)
    assert after.reconciled is not None
    assert after.reconciled.differing == 0
    gone = await stack.cancel(booking.id)
    fee = sum(item.fee for item in gone.items)
    assert gone.captured - gone.refunded == fee - gone.goodwill
    await check(stack.sandbox, stack.settings.database.url, booking.id)


async def test_money_that_nobody_here_asked_for_is_a_persons(
    stack: Stack, record: Record, outside: Outside
) -> None:
    """After a restored backup, or beside another system on the same account."""
    booking = await dearer(stack)
    unknown = await outside.pay(4_200, booking=booking.id, captured=True)
    for _ in range(2):
        await watch(stack)
        assert (await outside.payment(unknown))["amount_received"] == 4_200
        (there,) = [p for p in await stack.sandbox.payments(booking.id) if p["id"] == unknown]
        assert there["refunded"] == 0
        assert f"payment:{unknown}" in await record.open_cases_about(booking.id)
    await outside.refund(unknown, 4_200)
    await watch(stack)
    assert f"payment:{unknown}" not in await record.open_cases_about(booking.id)


@pytest.mark.exhaustive  # of one beside the first payment: test_reconciling
async def test_a_payment_beside_the_supplement_is_nobodys(stack: Stack, outside: Outside) -> None:
    booking = await dearer(stack)
    await lost_create(stack.settings.database.url, booking.id)
    stray = await outside.pay(4_200, booking=booking.id, captured=True)
    summary = await watch(stack)
    assert summary.reconciled is not None
    assert summary.reconciled.repaired == 1
    state = await stack.sandbox.payments(booking.id)
    left = {p["id"]: p["captured"] - p["refunded"] for p in state}
    assert left.pop(stray) == 0
    assert sum(left.values()) == booking.captured
    await check(stack.sandbox, stack.settings.database.url, booking.id)
