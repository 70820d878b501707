"""Money, cancellation terms and keys: exact, and the same on every machine."""

import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core import keys
from models.core.money import Money, exponent
from models.core.terms import CancellationTerms, FeeStep

NOON = dt.datetime(2027, 1, 10, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(("currency", "digits"), [("USD", 2), ("JPY", 0), ("BHD", 3), ("EUR", 2)])
def test_exponents_are_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize("code", ["usd", "XXX", "ABC", ""])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"currency|character"):
        Money(amount=1, currency=code)


@given(st.integers(0, 99_999_999_999), st.sampled_from(["USD", "JPY", "BHD"]))
def test_decimals_round_trip(amount: int, currency: str) -> None:
    money = Money(amount=amount, currency=currency)
    assert Money.from_decimal(str(money.to_decimal()), currency) == money


@pytest.mark.parametrize("value", ["1.005", "NaN", "Infinity", "-1", "abc", ""])
def test_amounts_that_are_not_exact_are_refused(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Money.from_decimal(value, "USD")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="cannot combine"):
        Money(amount=1, currency="USD") + Money(amount=1, currency="EUR")


def test_fee_steps_end_exclusively() -> None:
    terms = CancellationTerms.free_until(NOON, price=1000)
    assert terms.fee_at(NOON - dt.timedelta(microseconds=1), 1000) == 0
    assert terms.fee_at(NOON, 1000) == 1000


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(-5, 5))
def test_a_fee_is_never_more_than_the_price(price: int, fee: int, hours: int) -> None:
    terms = CancellationTerms(
        steps=(FeeStep(until=NOON, fee=fee // 2), FeeStep(until=None, fee=fee))
    )
    assert 0 <= terms.fee_at(NOON + dt.timedelta(hours=hours), price) <= price


def test_terms_nobody_stated_keep_everything() -> None:
    assert CancellationTerms(steps=()).fee_at(NOON, 700) == 700


def test_booking_ids_depend_on_caller_and_key_alone() -> None:
    one = keys.booking_id("planner", "key-1")
    assert one == keys.booking_id("planner", "key-1")
    assert one != keys.booking_id("other", "key-1")
    assert one != keys.booking_id("planner", "key-2")
    assert str(uuid.UUID(one)) == one
    # Fixed for ever: a repeat after an upgrade must reach the same booking.
    assert one == "60a1b01d-fb4f-5295-a925-25b4416ea77d"


def test_references_are_readable_and_distinct() -> None:
    made = {keys.booking_reference(str(uuid.uuid4())) for _ in range(10_000)}
    assert len(made) == 10_000
    assert all(len(reference) == 14 and reference.startswith("TS-") for reference in made)


def test_keys_hold_no_run_and_no_attempt() -> None:
    assert keys.operation_key("b", 2, "book") == "v1:b:2:book:1"
    assert keys.item_reference("b", 2) == "b-2-1"
