"""``tripsaga ledger``, as people and scripts use it."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from commands.output import out
from localworld.shared import Servers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.suppliers.listings import BY_NAME as SUPPLIERS
from settings import Settings
from suppliers.core.limiter import RateLimits
from suppliers.registry import create_suppliers
from tests.commands.conftest import Tripsaga
from tests.conftest import migrate
from tests.ledger.bookings import FLIGHT, TOTAL, TOUR, cancel, confirm, refund, request
from tests.ledger.conftest import Books

S = BookingState
Story = Callable[[Books], Any]


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is folded, whatever the width of the terminal that the tests were started from."""
    monkeypatch.setattr(out, "width", 200)


def lived(url: str, story: Story) -> Booking:
    """Live a booking to where the story leads; commands run their own loop, so this one ends."""

    async def live() -> Booking:
        books = Books(url)
        try:
            booking: Booking = await story(books)
            return booking
        finally:
            await books.engine.dispose()

    return asyncio.run(live())


async def confirmed(books: Books) -> Booking:
    return await books.record(confirm(await books.open()), S.CONFIRMED)


def test_balances(tripsaga: Tripsaga, scratch_url: str) -> None:
    empty = tripsaga("ledger", "balances", "--at", "2020-01-01", DATABASE_URL=scratch_url)
    assert empty.exit_code == 0
    assert "no money has been taken" in empty.stdout
    lived(scratch_url, confirmed)
    shown = tripsaga("ledger", "balances", DATABASE_URL=scratch_url)
    assert shown.exit_code == 0, shown.output
    assert "GATEWAY" in shown.stdout
    assert "2,000.00 USD Dr" in shown.stdout
    assert "1,000.00 USD Cr" in shown.stdout
    found = json.loads(tripsaga("ledger", "balances", "--json", DATABASE_URL=scratch_url).stdout)
    assert sum(one["balance"] for one in found) == 0


def test_sums_larger_than_any_payment_are_shown(tripsaga: Tripsaga, scratch_url: str) -> None:
    async def rich(books: Books) -> Booking:
        for _ in range(2):
            opened = await books.open(prices=(99_999_999_999,), currency="JPY")
            booking = await books.record(confirm(opened), S.CONFIRMED)
        return booking

    lived(scratch_url, rich)
    shown = tripsaga("ledger", "balances", DATABASE_URL=scratch_url)
    assert "199,999,999,998 JPY Dr" in shown.stdout


@pytest.mark.parametrize("by", ["id", "reference"])
def test_a_statement(tripsaga: Tripsaga, scratch_url: str, by: str) -> None:
    async def story(books: Books) -> Booking:
        booking = cancel(await confirmed(books), {3: 10_000})
        refund(booking, TOUR - 10_000)
        return await books.record(booking, S.CONFIRMED)

    booking = lived(scratch_url, story)
    which = getattr(booking, by)
    shown = tripsaga("ledger", "statement", which, DATABASE_URL=scratch_url)
    assert shown.exit_code == 0, shown.output
    for words in (booking.reference, "Harbour tour cancelled, 100.00 USD kept", "FEES viator"):
        assert words in shown.stdout
    answer = tripsaga("ledger", "statement", which, "--json", DATABASE_URL=scratch_url)
    entries = json.loads(answer.stdout)["entries"]
    assert [one["owed_to_traveler"] for one in entries] == [
        TOTAL,
        TOTAL - FLIGHT,
        TOUR,
        0,
        TOUR - 10_000,
        0,
    ]


def test_a_statement_of_nothing(tripsaga: Tripsaga, scratch_url: str) -> None:
    booking = lived(scratch_url, lambda books: books.open())
    shown = tripsaga("ledger", "statement", booking.id, DATABASE_URL=scratch_url)
    assert "No money has been taken" in shown.stdout
    unknown = tripsaga("ledger", "statement", "TS-NOBODY", DATABASE_URL=scratch_url)
    assert unknown.exit_code == 3
    assert "there is no booking 'TS-NOBODY'" in unknown.stderr


def test_the_check_ends_with_1_when_something_is_wrong(
    tripsaga: Tripsaga, scratch_url: str
) -> None:
    lived(scratch_url, confirmed)
    right = tripsaga("ledger", "check", DATABASE_URL=scratch_url)
    assert right.exit_code == 0, right.output
    assert "the ledger is right" in right.stdout

    async def owed(books: Books) -> Booking:
        return await books.record(cancel(await confirmed(books), {3: 0}), S.CONFIRMED)

    async def settled(books: Books) -> Booking:
        refund(booking, TOUR)
        return await books.record(booking, S.CONFIRMED)

    booking = lived(scratch_url, owed)
    wrong = tripsaga("ledger", "check", DATABASE_URL=scratch_url)
    assert wrong.exit_code == 1
    assert "✗ suspense: 400.00 USD in SUSPENSE" in wrong.stdout
    as_json = tripsaga("ledger", "check", "--json", "--since", "2020-01-01")
    assert as_json.exit_code == 1
    assert [one["booking_id"] for one in json.loads(as_json.stdout)["violations"]] == [booking.id]
    lived(scratch_url, settled)
    assert tripsaga("ledger", "check").exit_code == 0


def test_commission(tripsaga: Tripsaga, scratch_url: str) -> None:
    none = tripsaga("ledger", "commission", DATABASE_URL=scratch_url)
    assert "No commission is taken" in none.stdout
    for arguments in (
        ("default", "10%"),
        ("booking_com", "12.25%"),
        ("booking_com", "15", "--provider", "Hotel Aurora"),
        ("viator", "20%", "--from", "2030-01-01"),
    ):
        answer = tripsaga("ledger", "commission", *arguments)
        assert answer.exit_code == 0, answer.output
        assert answer.stdout.startswith("✓")
        assert "already so" in tripsaga("ledger", "commission", *arguments).stdout
    shown = tripsaga("ledger", "commission").stdout.splitlines()
    assert [line.split("  ")[0] for line in shown[1:]] == [
        "default",
        "booking_com",
        "booking_com, Hotel Aurora",
        "viator",
    ]
    rules = json.loads(tripsaga("ledger", "commission", "--json").stdout)
    assert [rule["basis_points"] for rule in rules] == [1000, 1225, 1500, 2000]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("booking.com", "15%"), "there is no supplier 'booking.com'"),
        (("viator",), "which rate?"),
        (("viator", "lots"), "'lots' is not a rate"),
        (("viator", "NaN%"), "is not a rate"),
        (("viator", "100.01%"), "is not a rate"),
        (("viator", "0.001%"), "is not a rate"),
        (("default", "5%", "--provider", "Delta"), "needs the supplier"),
        (("viator", "5%", "--from", "2020-01-01"), "in the past"),
        (("--provider", "Delta"), "needs a supplier and a rate"),
    ],
)
def test_a_commission_that_makes_no_sense(
    tripsaga: Tripsaga, scratch_url: str, arguments: tuple[str, ...], expected: str
) -> None:
    answer = tripsaga("ledger", "commission", *arguments, DATABASE_URL=scratch_url)
    assert answer.exit_code == 2
    assert expected in answer.stderr


def test_catching_up(tripsaga: Tripsaga, scratch_url: str) -> None:
    answer = tripsaga("ledger", "catch-up", DATABASE_URL=scratch_url)
    assert answer.exit_code == 0
    assert "No booking is behind" in answer.stdout


def test_migrating_past_the_ledger_takes_older_bookings_in(
    tripsaga: Tripsaga, shared_servers: Servers
) -> None:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)

    async def begun(books: Books) -> Booking:
        return await books.begin(request())

    booking = lived(url, begun)
    migrate(url, "0002", down=True)  # today's code begins it, in a database of today

    async def old(books: Books) -> Booking:
        return await books.paid_before_the_ledger(booking, before_tables=True)

    lived(url, old)
    answer = tripsaga("migrate", "--database-only", DATABASE_URL=url)
    assert answer.exit_code == 0, answer.output
    assert "taken into it: 1" in answer.stdout
    assert tripsaga("ledger", "check").exit_code == 0
    assert "taken into" not in tripsaga("migrate", "--database-only").stdout


def test_a_database_that_is_away_is_reported_plainly(tripsaga: Tripsaga) -> None:
    away = "postgresql://postgres@127.0.0.1:9/none"
    answer = tripsaga("ledger", "balances", DATABASE_URL=away)
    assert answer.exit_code == 4
    assert "the database refuses" in answer.stderr


def test_the_suppliers_that_can_have_a_rule_are_all_there_are() -> None:
    assert set(create_suppliers(Settings(), RateLimits())) == set(SUPPLIERS)
