"""Each invariant is broken on the real stack: one case, one figure; mended, the case closes.

All at once in every run, and one by one at night: each plant is seen by its own check only.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from tests.operations.conftest import watch
from tests.operations.metrics import until_figure
from tests.operations.record import Record
from tests.support.selection import table
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed

Step = Callable[[Record, Booking], Awaitable[None]]


async def cancelled(stack: Stack) -> Booking:
    booking = await stack.cancel((await confirmed(stack)).id)
    assert booking.state is BookingState.CANCELLED
    return booking


# -- how they are broken -------------------------------------------------------------------------


@dataclass(frozen=True)
class Break:
    """A plant about a booking, which one invariant finds."""

    invariant: str
    plant: Step
    mend: Step
    make: Callable[[Stack], Awaitable[Booking]] = confirmed
    told: tuple[str, ...] = ()
    """What the case says."""
    about_guards: bool = False

    def source(self, booking: Booking) -> str:
        return f"invariant:{self.invariant}:{'guards' if self.about_guards else booking.id}"


async def capture_again(record: Record, booking: Booking) -> None:
    await record.do(
        "INSERT INTO attempts (booking_id, provider, operation, key, number, outcome,"
        " provider_id, result) VALUES (%(id)s, 'stripe', 'capture', %(key)s, 1, 'done',"
        " 'pi_second', '{\"captured\": 100}')",
        id=booking.id,
        key=f"second:{booking.id}",
    )


async def give_it_back(record: Record, booking: Booking) -> None:
    await record.do(
        "INSERT INTO refunds (booking_id, number, key, request, payment_intent_id, amount,"
        " currency, reason, status) VALUES (%(id)s, 9, %(key)s, %(key)s, 'pi_second',"
        " 100, 'USD', '', 'succeeded')",
        id=booking.id,
        key=f"back:{booking.id}",
    )


def fee(amount: int) -> Step:
    async def step(record: Record, booking: Booking) -> None:
        await record.do(
            "UPDATE booking_items SET fee = %(fee)s WHERE booking_id = %(id)s AND number = 1",
            fee=amount,
            id=booking.id,
        )

    return step


ENTRY = "SELECT min(id) FROM ledger_entries WHERE booking_id = %(id)s AND entry_type = 'sale'"
"""An entry that moves nothing at the gateway."""


def changed(by: int) -> Step:
    async def step(record: Record, booking: Booking) -> None:
        await record.do(
            "ALTER TABLE ledger_lines DISABLE TRIGGER append_only",
            "UPDATE ledger_lines SET amount = amount + %(by)s"
            f" WHERE entry_id = ({ENTRY}) AND account = 'PROVIDER_EARNINGS'",
            "ALTER TABLE ledger_lines ENABLE ALWAYS TRIGGER append_only",
            by=by,
            id=booking.id,
        )

    return step


def written(what: str) -> Step:
    async def step(record: Record, booking: Booking) -> None:
        await record.do(
            "ALTER TABLE ledger_entries DISABLE TRIGGER append_only",
            f"UPDATE ledger_entries SET description = {what} WHERE id = ({ENTRY})",
            "ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER append_only",
            id=booking.id,
        )

    return step


def guard(table: str, trigger: str, how: str) -> Step:
    async def step(record: Record, _: Booking) -> None:
        await record.do(f"ALTER TABLE {table} {how} TRIGGER {trigger}")

    return step


def posted(source: str, debit: str, credit: str) -> Step:
    async def step(record: Record, booking: Booking) -> None:
        await record.post(booking, source, debit, credit, 300)

    return step


def switched_off(table: str, trigger: str, how: str) -> Break:
    return Break(
        "I8",
        guard(table, trigger, "DISABLE"),
        guard(table, trigger, how),
        told=(f"{trigger} on {table}",),
        about_guards=True,
    )


BREAKS = {
    "i1 the attempt log knows two captures": Break("I1", capture_again, give_it_back),
    "i2 a cancelled booking keeps more than its fees": Break("I2", fee(1), fee(0), cancelled),
    "i8 an entry was changed": Break(
        "I8",
        changed(+1),
        changed(-1),
        told=("out of balance", "was changed after it was written"),
    ),
    # It balances still: only the hash chain shows it.
    "i8 a text was changed": Break(
        "I8", written("description || '!'"), written("rtrim(description, '!')")
    ),
    "i9 the ledger has other cash than the record": Break(
        "I9", posted("planted", "GATEWAY", "FEES"), posted("mended", "FEES", "GATEWAY")
    ),
    "i9 money is in suspense and nobody was asked": Break(
        "I9", posted("planted", "SUSPENSE", "FEES"), posted("mended", "FEES", "SUSPENSE")
    ),
    "i8 a guard of entries is switched off": switched_off(
        "ledger_entries", "append_only", "ENABLE ALWAYS"
    ),
    "i8 a guard of lines is switched off": switched_off("ledger_lines", "balanced", "ENABLE"),
}


# -- and found ----------------------------------------------------------------------------------


async def broken_and_mended(stack: Stack, record: Record, *breaks: Break) -> None:
    """Plant, look, mend, look; all that are given, each about a booking of its own."""
    planted = [(one, await one.make(stack)) for one in breaks]
    sources = {one.source(booking): one.invariant for one, booking in planted}
    expected = Counter(sources.values())
    await watch(stack)
    before = await record.open_cases()
    assert not set(sources) & set(before)
    # From the record: the metric may still show what the last test left.
    known = {name: sum(f":{name}:" in case for case in before) for name in expected}
    for one, booking in planted:
        await one.plant(record, booking)
    found = await watch(stack)
    assert found.checked is not None
    assert set(await record.open_cases()) - set(before) == set(sources)
    assert Counter(found.checked.violations) == expected
    assert found.checked.opened == len(sources)
    for one, booking in planted:
        case = await record.case(one.source(booking))
        assert case["kind"] == "INVARIANT"
        assert case["summary"].startswith(f"{one.invariant} is broken: ")
        assert all(words in case["summary"] for words in one.told)
    for name, number in expected.items():
        await until_figure(
            stack, "tripsaga_invariant_violations", known[name] + number, invariant=name
        )
    again = await watch(stack)
    assert again.checked is not None
    assert (Counter(again.checked.violations), again.checked.opened) == (expected, 0)
    for one, booking in planted:
        await one.mend(record, booking)
    after = await watch(stack)
    assert after.checked is not None
    assert not any(after.checked.violations.values())
    assert after.checked.closed == len(sources)
    assert await record.open_cases() == before
    for source in sources:
        case = await record.case(source)
        assert (case["resolved_by"], case["resolution"]) == ("watching", "no longer found")
    for name in expected:
        await until_figure(stack, "tripsaga_invariant_violations", known[name], invariant=name)


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


# Apart: once there is a case about a whole table, the next round adds up all accounts.
@pytest.mark.parametrize("about_guards", [False, True], ids=["bookings", "guards"])
async def test_all_are_broken_at_once(stack: Stack, record: Record, about_guards: bool) -> None:
    breaks = [one for one in BREAKS.values() if one.about_guards is about_guards]
    await broken_and_mended(stack, record, *breaks)


@pytest.mark.parametrize("what", table(BREAKS, quick=[]))
async def test_one_is_broken(stack: Stack, record: Record, what: str) -> None:
    await broken_and_mended(stack, record, BREAKS[what])
