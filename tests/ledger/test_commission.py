"""Commission: which rule counts, and how a share is rounded."""

import datetime as dt

import pytest

from models.bookings.lifecycle import BookingState
from models.ledger.commission import applicable, share
from tests.ledger.bookings import (
    FLIGHT,
    NOON,
    Journal,
    cancel,
    confirm,
    new_booking,
    refund,
    rule,
)

S = BookingState
FIFTEEN = [rule(1500)]


def test_the_most_specific_rule_wins_and_of_those_the_newest() -> None:
    day = dt.timedelta(days=1)
    rules = [
        rule(100, number=1, valid_from=NOON - 3 * day),
        rule(200, number=2, valid_from=NOON - day),
        rule(300, "viator", number=3, valid_from=NOON - 3 * day),
        rule(400, "viator", "Harbour Tours", number=4, valid_from=NOON - 3 * day),
        rule(500, "viator", number=5, valid_from=NOON + day),
        rule(600, "viator", "Harbour Tours", number=6, valid_from=NOON - 3 * day),
    ]

    def points(supplier: str, provider: str, at: dt.datetime = NOON) -> int | None:
        found = applicable(rules, supplier, provider, at)
        return found.basis_points if found else None

    assert points("amadeus", "Delta") == 200
    assert points("viator", "Somebody") == 300
    assert points("viator", "Harbour Tours") == 600  # equal in all else: added later
    assert points("viator", "Somebody", NOON + day) == 500
    assert points("amadeus", "Harbour Tours") == 200  # a provider is one at its supplier
    assert points("amadeus", "Delta", NOON - 2 * day) == 100
    assert points("amadeus", "Delta", NOON - 4 * day) is None


@pytest.mark.parametrize(
    ("amount", "basis_points", "expected"),
    [
        (200_000, 1500, 30_000),
        (101, 5000, 50),  # 50.5: to the even neighbour
        (103, 5000, 52),  # 51.5: to the even neighbour
        (333, 1000, 33),  # 33.3
        (337, 1000, 34),  # 33.7
        (99_999_999_999, 10_000, 99_999_999_999),
        (1, 4999, 0),
        (12_345, 0, 0),
    ],
)
def test_commission_is_rounded_half_to_even(amount: int, basis_points: int, expected: int) -> None:
    assert share(amount, basis_points) == expected


def test_a_share_of_everything_leaves_the_supplier_nothing() -> None:
    journal = Journal([rule(10_000)])
    journal.post(confirm(new_booking(prices=(FLIGHT,))))
    assert journal.totals() == {"COMMISSION": -FLIGHT, "GATEWAY stripe": FLIGHT}


@pytest.mark.parametrize(("currency", "kept"), [("JPY", "1,500 JPY"), ("BHD", "1.500 BHD")])
def test_any_number_of_decimals_will_do(currency: str, kept: str) -> None:
    journal = Journal(FIFTEEN)
    booking = cancel(confirm(new_booking(prices=(12_345,), currency=currency)), {1: 1_500})
    refund(booking, 12_345 - 1_500)
    booking.state = S.CANCELLED
    journal.post(booking)
    assert {line.currency for entry in journal.entries for line in entry.lines} == {currency}
    assert f"DL 100 cancelled, {kept} kept" in [entry.description for entry in journal.entries]
    assert journal.totals() == {"FEES amadeus": -1_500, "GATEWAY stripe": 1_500}
