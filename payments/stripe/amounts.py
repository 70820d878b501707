"""Amounts as Stripe counts them: its smallest unit is not always that of ISO 4217.

Source: https://docs.stripe.com/currencies ("Zero-decimal currencies", "Three-decimal currencies",
"Special cases"). Everywhere an amount crosses between us and Stripe it goes through here.
"""

from typing import Final

from models.core.money import Money, exponent

_ZERO: Final = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
ZERO_DECIMAL: Final = frozenset(_ZERO.split())
"""Counted in whole units at Stripe; the ariary (MGA) has two decimals in ISO 4217."""

THREE_DECIMAL: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Counted in thousandths, of which the last digit must be 0: the card networks take hundredths."""

WHOLE_ONLY: Final = frozenset({"ISK", "UGX"})
"""Without decimals since, and written with two for the sake of older callers: always ``…00``."""


class NotRepresentable(ValueError):
    """An amount that Stripe has no way to say."""


def to_stripe(money: Money) -> int:
    """Return an amount in Stripe's smallest unit of its currency.

    Raises:
        NotRepresentable: it is finer than what Stripe charges in that currency.
    """
    multiple, divisor = _ratio(money.currency)
    amount, rest = divmod(money.amount * multiple, divisor)
    if rest or amount % _step(money.currency):
        raise NotRepresentable(f"{money} is finer than what Stripe charges in {money.currency}")
    return amount


def from_stripe(amount: int, currency: str) -> Money:
    """Return what Stripe says in our minor units; ``currency`` in either case.

    Raises:
        ValueError: not a currency, or a fraction of what the currency is counted in.
    """
    code = currency.upper()
    multiple, divisor = _ratio(code)
    minor, rest = divmod(amount * divisor, multiple)
    if rest:
        raise NotRepresentable(f"{amount} is a fraction of the minor unit of {code}")
    return Money(amount=minor, currency=code)


def _ratio(currency: str) -> tuple[int, int]:
    """Return by what our minor units are multiplied, and divided, to be Stripe's."""
    own = exponent(currency)
    theirs = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    return int(10 ** max(theirs - own, 0)), int(10 ** max(own - theirs, 0))


def _step(currency: str) -> int:
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in WHOLE_ONLY else 1
