"""Prices of the sandbox: fixed in euro cents, quoted in any currency at fixed rates."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from typing import Final

from iso4217 import Currency

RATES: Final = {
    "EUR": "1",
    "USD": "1.1",
    "GBP": "0.85",
    "CHF": "0.95",
    "CAD": "1.5",
    "AUD": "1.65",
    "JPY": "160",
    "KWD": "0.335",
    "BHD": "0.41",
    "BRL": "6.1025",
    "CNY": "7.9",
    "CZK": "25.113",
    "DKK": "7.4604",
    "HKD": "8.5775",
    "HUF": "401.25",
    "IDR": "17950.5",
    "ILS": "4.0312",
    "INR": "93.04",
    "ISK": "143.7",
    "KRW": "1570.13",
    "MXN": "21.4468",
    "MYR": "4.7905",
    "NOK": "11.683",
    "NZD": "1.8204",
    "PHP": "63.255",
    "PLN": "4.2725",
    "RON": "4.976",
    "SEK": "11.241",
    "SGD": "1.4585",
    "THB": "37.012",
    "TRY": "39.4571",
    "ZAR": "20.2155",
}
"""Units of a currency for one euro. Not today's: a sandbox answers the same every day."""


@cache
def digits(currency: str) -> int:
    """Return how many decimals ``currency`` has.

    Raises:
        ValueError: it is no ISO 4217 currency.
    """
    exponent = Currency(currency).exponent
    if exponent is None:
        raise ValueError(f"{currency!r} is not a currency one can pay with")
    return int(exponent)


def in_currency(euro_cents: int, currency: str) -> int:
    """Convert to minor units of ``currency``; a currency without a rate here counts as euro.

    Raises:
        ValueError: it is no ISO 4217 currency.
    """
    major = Decimal(euro_cents) / 100 * Decimal(RATES.get(currency, "1"))
    return int(major.scaleb(digits(currency)).to_integral_value(ROUND_HALF_UP))


def converted(amount: int, currency: str, into: str) -> int:
    """Convert minor units of one currency into another's, half to even.

    Raises:
        ValueError: one of them is no ISO 4217 currency, or has no rate here.
    """
    for code in (currency, into):
        if code not in RATES:
            raise ValueError(f"there is no rate for {code!r} here")
    rate = Fraction(RATES[into]) / Fraction(RATES[currency])
    return round(amount * rate * Fraction(10) ** (digits(into) - digits(currency)))


def major(amount: int, currency: str) -> float:
    """Return minor units as the JSON number of major units that suppliers write."""
    return float(Decimal(amount).scaleb(-digits(currency)))


def raised(amount: int) -> int:
    """Return a price 10 % up: what a price drift does."""
    return amount + max(1, amount // 10)
