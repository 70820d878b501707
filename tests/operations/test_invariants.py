"""Each invariant is broken on the real stack: one case, one figure; mended, the case closes."""

from collections.abc import Awaitable, Callable

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.operations.conftest import watch
from tests.operations.metrics import until_figure
from tests.operations.record import Record
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed

Step = Callable[[], Awaitable[None]]


async def broken_and_mended(
    stack: Stack, record: Record, invariant: str, source: str, plant: Step, mend: Step
) -> dict[str, object]:
    """Plant, look, mend, look; returns the case, closed."""
    await watch(stack)
    before = await record.open_cases()
    assert source not in before
    # From the record: the metric may still show what the last test left.
    known = sum(case.startswith(f"invariant:{invariant}:") for case in before)
    await plant()
    found = await watch(stack)
    assert found.checked is not None
    assert set(await record.open_cases()) - set(before) == {source}
    assert found.checked.violations[invariant] == 1
    assert found.checked.opened == 1
    case = await record.case(source)
    assert case["kind"] == "INVARIANT"
    assert case["summary"].startswith(f"{invariant} is broken: ")
    await until_figure(stack, "tripsaga_invariant_violations", known + 1, invariant=invariant)
    again = await watch(stack)
    assert again.checked is not None
    assert (again.checked.violations[invariant], again.checked.opened) == (1, 0)
    await mend()
    after = await watch(stack)
    assert after.checked is not None
    assert (after.checked.violations[invariant], after.checked.closed) == (0, 1)
    assert await record.open_cases() == before
    case = await record.case(source)
    assert (case["resolved_by"], case["resolution"]) == ("watching", "no longer found")
    await until_figure(stack, "tripsaga_invariant_violations", known, invariant=invariant)
    return case


async def cancelled(stack: Stack) -> Booking:
    booking = await stack.cancel((await confirmed(stack)).id)
    assert booking.state is BookingState.CANCELLED
    return booking


async def test_all_is_well(stack: Stack, record: Record) -> None:
    await confirmed(stack)
    await cancelled(stack)
    failed = await stack.book(payment_method="pm_card_visa_chargeDeclinedStolenCard")
    assert failed.state is BookingState.FAILED
    summary = await watch(stack, full=True)
    assert summary.checked is not None
    assert summary.checked.violations == dict.fromkeys(("I1", "I2", "I8", "I9", "I10"), 0)
    assert summary.checked.gateway
    assert summary.reconciled is not None
    assert summary.reconciled.differing == 0
    assert summary.reconciled.listed >= 3
    assert await record.open_cases() == []


async def test_i1_the_attempt_log_knows_two_captures(stack: Stack, record: Record) -> None:
    booking = await confirmed(stack)

    async def plant() -> None:
        await record.do(
            "INSERT INTO attempts (booking_id, provider, operation, key, number, outcome,"
            " provider_id, result) VALUES (%(id)s, 'stripe', 'capture', %(key)s, 1, 'done',"
            " 'pi_second', '{\"captured\": 100}')",
            id=booking.id,
            key=f"second:{booking.id}",
        )

    async def mend() -> None:
        await record.do(
            "INSERT INTO refunds (booking_id, number, key, request, payment_intent_id, amount,"
            " currency, reason, status) VALUES (%(id)s, 9, %(key)s, %(key)s, 'pi_second',"
            " 100, 'USD', '', 'succeeded')",
            id=booking.id,
            key=f"back:{booking.id}",
        )

    await broken_and_mended(stack, record, "I1", f"invariant:I1:{booking.id}", plant, mend)


async def test_i2_a_cancelled_booking_keeps_more_than_its_fees(
    stack: Stack, record: Record
) -> None:
    booking = await cancelled(stack)

    async def set_fee(fee: int) -> None:
        await record.do(
            "UPDATE booking_items SET fee = %(fee)s WHERE booking_id = %(id)s AND number = 1",
            fee=fee,
            id=booking.id,
        )

    await broken_and_mended(
        stack,
        record,
        "I2",
        f"invariant:I2:{booking.id}",
        lambda: set_fee(1),
        lambda: set_fee(0),
    )


ENTRY = "SELECT min(id) FROM ledger_entries WHERE booking_id = %(id)s AND entry_type = 'sale'"
"""An entry that moves nothing at the gateway."""


async def test_i8_an_entry_was_changed(stack: Stack, record: Record) -> None:
    booking = await confirmed(stack)

    async def change(by: int) -> None:
        await record.do(
            "ALTER TABLE ledger_lines DISABLE TRIGGER append_only",
            "UPDATE ledger_lines SET amount = amount + %(by)s"
            f" WHERE entry_id = ({ENTRY}) AND account = 'PROVIDER_EARNINGS'",
            "ALTER TABLE ledger_lines ENABLE ALWAYS TRIGGER append_only",
            by=by,
            id=booking.id,
        )

    case = await broken_and_mended(
        stack,
        record,
        "I8",
        f"invariant:I8:{booking.id}",
        lambda: change(+1),
        lambda: change(-1),
    )
    assert "out of balance" in str(case["summary"])
    assert "was changed after it was written" in str(case["summary"])


async def test_i8_a_text_was_changed(stack: Stack, record: Record) -> None:
    """It balances still: only the hash chain shows it."""
    booking = await confirmed(stack)

    async def write(what: str) -> None:
        await record.do(
            "ALTER TABLE ledger_entries DISABLE TRIGGER append_only",
            f"UPDATE ledger_entries SET description = {what} WHERE id = ({ENTRY})",
            "ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER append_only",
            id=booking.id,
        )

    await broken_and_mended(
        stack,
        record,
        "I8",
        f"invariant:I8:{booking.id}",
        lambda: write("description || '!'"),
        lambda: write("rtrim(description, '!')"),
    )


@pytest.mark.parametrize(
    ("table", "trigger", "how"),
    [
        ("ledger_entries", "append_only", "ENABLE ALWAYS"),
        ("ledger_lines", "balanced", "ENABLE"),
    ],
)
async def test_i8_a_guard_is_switched_off(
    stack: Stack, record: Record, table: str, trigger: str, how: str
) -> None:
    case = await broken_and_mended(
        stack,
        record,
        "I8",
        "invariant:I8:guards",
        lambda: record.do(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}"),
        lambda: record.do(f"ALTER TABLE {table} {how} TRIGGER {trigger}"),
    )
    assert f"{trigger} on {table}" in str(case["summary"])


async def test_i9_the_ledger_has_other_cash_than_the_record(stack: Stack, record: Record) -> None:
    booking = await confirmed(stack)
    await broken_and_mended(
        stack,
        record,
        "I9",
        f"invariant:I9:{booking.id}",
        lambda: record.post(booking, "planted", "GATEWAY", "FEES", 300),
        lambda: record.post(booking, "mended", "FEES", "GATEWAY", 300),
    )


async def test_i9_money_is_in_suspense_and_nobody_was_asked(stack: Stack, record: Record) -> None:
    booking = await confirmed(stack)
    await broken_and_mended(
        stack,
        record,
        "I9",
        f"invariant:I9:{booking.id}",
        lambda: record.post(booking, "planted", "SUSPENSE", "FEES", 300),
        lambda: record.post(booking, "mended", "FEES", "SUSPENSE", 300),
    )
