"""What suppliers write and what people read: ISO 4217's decimals both ways."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from models.core.money import Money, exponent

PAYABLE = sorted(one.code for one in Currency if one.exponent is not None)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (200_000, "USD", "2,000.00 USD"),
        (1_235, "JPY", "1,235 JPY"),
        (12_345, "BHD", "12.345 BHD"),
        (0, "USD", "0.00 USD"),
        (7, "KWD", "0.007 KWD"),
        # CLDR shows these without decimals, or with two where there are none: ISO wins.
        (123_456, "HUF", "1,234.56 HUF"),
        (123_456, "ISK", "123,456 ISK"),
        (123_456, "IDR", "1,234.56 IDR"),
        (123_456, "UGX", "123,456 UGX"),
        (12_345, "CLF", "1.2345 CLF"),
    ],
)
def test_amounts_as_they_are_read(amount: int, currency: str, text: str) -> None:
    money = Money(amount=amount, currency=currency)
    assert money.format() == text
    assert str(money) == text


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", "1,234,567.890 BHD"),
        ("de", "1.234.567,890 BHD"),
        ("fr", "1\u202f234\u202f567,890 BHD"),
        ("en_IN", "12,34,567.890 BHD"),
        ("en-IN", "12,34,567.890 BHD"),
        ("de_CH", "1’234’567.890 BHD"),
    ],
)
def test_separators_are_the_locales(locale: str, text: str) -> None:
    assert Money(amount=1_234_567_890, currency="BHD").format(locale) == text


@pytest.mark.parametrize("locale", ["xx", "", "en_XX", "../en", "de;rm"])
def test_a_locale_nobody_knows_is_refused(locale: str) -> None:
    with pytest.raises(ValueError, match=r"locale|letters"):
        Money(amount=1, currency="USD").format(locale)


@given(st.integers(0, 99_999_999_999), st.sampled_from(PAYABLE))
def test_both_ways_of_writing_agree_and_read_back(amount: int, currency: str) -> None:
    money = Money(amount=amount, currency=currency)
    assert money.format() == str(money)
    number, code = str(money).split(" ")
    assert Money.from_decimal(number.replace(",", ""), code) == money
    assert len(number.partition(".")[2]) == exponent(currency)


@pytest.mark.parametrize(
    ("value", "currency", "amount"),
    [
        ("123.45", "USD", 12_345),
        ("123.4500", "USD", 12_345),
        ("35200.00", "JPY", 35_200),
        (35_200.0, "JPY", 35_200),
        (12.345, "BHD", 12_345),
        (0.1, "USD", 10),
        ("1E+5", "JPY", 100_000),
        ("-0.0", "USD", 0),
    ],
)
def test_what_suppliers_write(value: str | float, currency: str, amount: int) -> None:
    assert Money.from_decimal(value, currency) == Money(amount=amount, currency=currency)


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        ("35200.5", "JPY"),
        ("12.3456", "BHD"),
        # 40 digits: a Decimal would round it to 1.00 at its context's precision.
        ("1.0000000000000000000000000000000000001", "USD"),
        ("1E-30", "USD"),
        ("1_000.00", "USD"),
        ("1,000.00", "USD"),
        (" 1.00", "USD"),
        ("1.", "USD"),
        ("١٢", "USD"),
        ("1E+999999", "USD"),
        ("1e22", "USD"),
        (1e300, "JPY"),
        (True, "USD"),
    ],
)
def test_what_is_no_exact_amount_is_refused(value: str | float, currency: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Money.from_decimal(value, currency)


def test_workflows_get_no_locale_data_with_their_money() -> None:
    code = (
        "import sys\n"
        "from workflows.trips.book_trip import BookTrip\n"
        "from workflows.trips.cancel_booking import CancelBooking\n"
        "from models.core.money import Money\n"
        "assert str(Money(amount=12345, currency='BHD')) == '12.345 BHD'\n"
        "assert not [name for name in sys.modules if name.startswith('babel')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
