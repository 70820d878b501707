"""The invariants against the gateway, without the reconciliation that would mend it first."""

import dataclasses
import datetime as dt
from collections.abc import AsyncIterator

import pytest

from activities.operations.checking import Checker, Window
from activities.registry import Activities, create_activities
from models.core.database import create_sessions
from models.operations.messages import CheckCall, Checked
from tests.operations.conftest import watch
from tests.operations.outside import Outside
from tests.operations.record import Record
from tests.operations.test_reconciling import STOLEN, make_old, resolve
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed

DAY = dt.timedelta(days=1)


@dataclasses.dataclass
class Check:
    """Checks without comparing first."""

    activities: Activities

    async def __call__(self, *, ahead: bool = False, **options: object) -> Checked:
        """Check the last day; with ``ahead`` nothing that has been made yet."""
        checker = Checker(create_sessions(self.activities.engine), self.activities.gateway)
        now = dt.datetime.now(dt.UTC)
        since = now + DAY if ahead else now - DAY
        return await checker.run(CheckCall.model_validate(options), Window(since, since))


@pytest.fixture
async def check(stack: Stack) -> AsyncIterator[Check]:
    activities = create_activities(stack.settings)
    yield Check(activities)
    await activities.close()


async def test_i1_a_second_payment_was_taken(
    stack: Stack, check: Check, record: Record, outside: Outside
) -> None:
    booking = await confirmed(stack)
    second = await outside.pay(5_000, booking=booking.id, captured=True)
    found = await check()
    assert (found.violations["I1"], found.opened) == (1, 1)
    case = await record.case(f"invariant:I1:{booking.id}")
    assert second in case["summary"]
    assert case["details"]["payments"] == sorted([second, str(booking.payment.id)])
    # Also long after: a payment with an open case is looked at whenever it was made.
    later = await check(ahead=True)
    assert (later.violations["I1"], later.closed) == (1, 0)
    await outside.refund(second, 5_000)
    after = await check(ahead=True)
    assert (after.violations["I1"], after.closed) == (0, 1)


async def test_i2_a_failed_booking_leaves_money_held(
    stack: Stack, check: Check, record: Record, outside: Outside
) -> None:
    booking = await stack.book(payment_method=STOLEN)
    held = await outside.pay(7_000, booking=booking.id, captured=False)
    assert (await check()).violations["I2"] == 0  # it has failed only just now
    await make_old(record, booking)
    assert (await check()).violations["I2"] == 1
    assert held in (await record.case(f"invariant:I2:{booking.id}"))["summary"]
    await outside.release(held)
    assert (await check()).closed == 1


async def test_i9_the_gateway_gave_back_more_than_is_on_record(
    stack: Stack, check: Check, record: Record, outside: Outside
) -> None:
    booking = await confirmed(stack)
    assert booking.payment.id is not None
    await outside.refund(booking.payment.id, 100)
    being_settled = await check(unsettled=[booking.id])
    assert being_settled.violations["I9"] == 0
    assert (await check()).violations["I9"] == 1
    # While it is being put right its case is neither judged nor closed.
    quiet = await check(unsettled=[booking.id])
    assert (quiet.violations["I9"], quiet.closed) == (0, 0)
    await watch(stack)  # puts it on record, and asks an operator
    await resolve(stack, booking)
    await check()
    assert await record.open_cases_about(booking.id) == []


async def test_what_is_old_is_seen_by_a_full_round(
    stack: Stack, check: Check, record: Record
) -> None:
    booking = await confirmed(stack)
    await record.post(booking, "planted", "GATEWAY", "FEES", 300)
    await make_old(record, booking)
    assert (await check(ahead=True)).violations["I9"] == 0
    assert (await check(ahead=True, full=True)).violations["I9"] == 1
    # Once it has a case, every round looks at it.
    assert (await check(ahead=True)).violations["I9"] == 1
    await record.post(booking, "mended", "FEES", "GATEWAY", 300)
    assert (await check(ahead=True)).closed == 1


async def test_all_accounts_together(stack: Stack, check: Check, record: Record) -> None:
    """A line whose entry is gone is nobody's but the sum's."""
    guards = ("append_only", "guard_ledger_line", "balanced")
    booking = await confirmed(stack)
    await record.do(
        *(f"ALTER TABLE ledger_lines DISABLE TRIGGER {guard}" for guard in guards),
        "UPDATE ledger_lines SET currency = 'CHF' WHERE entry_id ="
        " (SELECT min(id) FROM ledger_entries WHERE booking_id = %(id)s AND entry_type = 'sale')"
        " AND account = 'PROVIDER_EARNINGS'",
        "ALTER TABLE ledger_lines ENABLE ALWAYS TRIGGER append_only",
        "ALTER TABLE ledger_lines ENABLE TRIGGER guard_ledger_line",
        "ALTER TABLE ledger_lines ENABLE TRIGGER balanced",
        id=booking.id,
    )
    assert (await check(ahead=True)).violations["I8"] == 0
    await check(full=True)
    sources = await record.open_cases()
    assert {"invariant:I8:total CHF", "invariant:I8:total USD"} <= set(sources)
    await check(ahead=True)  # not a full round, but there are cases about whole tables
    assert await record.open_cases() == sources
    await record.do(
        "ALTER TABLE ledger_lines DISABLE TRIGGER append_only",
        "UPDATE ledger_lines SET currency = 'USD' WHERE currency = 'CHF'",
        "ALTER TABLE ledger_lines ENABLE ALWAYS TRIGGER append_only",
        id=booking.id,
    )
    assert (await check(ahead=True)).closed == 3
