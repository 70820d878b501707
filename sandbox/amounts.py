"""Prices of the sandbox: fixed in euro cents, quoted in any currency at fixed rates."""

from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Final

from iso4217 import Currency

_RATES: Final = {
    "EUR": "1",
    "USD": "1.1",
    "GBP": "0.85",
    "CHF": "0.95",
    "CAD": "1.5",
    "AUD": "1.65",
    "JPY": "160",
    "KWD": "0.335",
    "BHD": "0.41",
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
    major = Decimal(euro_cents) / 100 * Decimal(_RATES.get(currency, "1"))
    return int(major.scaleb(digits(currency)).to_integral_value(ROUND_HALF_UP))


def major(amount: int, currency: str) -> float:
    """Return minor units as the JSON number of major units that suppliers write."""
    return float(Decimal(amount).scaleb(-digits(currency)))


def raised(amount: int) -> int:
    """Return a price 10 % up: what a price drift does."""
    return amount + max(1, amount // 10)
