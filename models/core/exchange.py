"""Exchange rates: from a supplier's currency to the one the traveller pays in.

The rounding rule, stated once: a price is multiplied by the rate exactly and then rounded, half to
even, to the smallest amount that can be charged in the payment's currency (``smallest_charge``:
its minor unit, or ten of them where it has three decimals); each item by itself and each fee step
by itself. Sums are made of rounded amounts, never rounded again, so that a total is always the sum
of what is shown. A converted fee is never more than the converted price.

A price that is in the payment's currency already and cannot be charged exactly (12.345 BHD) is
rounded down, and its fees as well: more than was accepted is never charged.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict

from models.core.money import Currency, Money, exponent, smallest_charge
from models.core.terms import CancellationTerms, FeeStep

PIVOT: Final = "EUR"
"""Published rates are units of a currency for one euro; every other pair goes through it."""

_CROSS: Final = Context(prec=18, rounding=ROUND_HALF_EVEN)
"""A cross rate is rounded to 18 significant digits: published ones have six, and the greatest
amount there can be (11 digits) is off by less than a millionth of a minor unit."""


class NoRateError(Exception):
    """There is no rate between two currencies."""


def _positive(text: str) -> str:
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise ValueError("must be a decimal number") from error
    if not number.is_finite() or number <= 0:
        raise ValueError("must be greater than zero")
    return text


class ExchangeRate(BaseModel):
    """What one unit of ``base`` is worth in ``quote``, on a day, by whose word."""

    model_config = ConfigDict(frozen=True)

    base: Currency
    quote: Currency
    rate: Annotated[str, AfterValidator(_positive)]
    """Units of ``quote`` for one of ``base``: a decimal number, exactly the one used."""
    as_of: dt.date
    """The day the source published it for."""
    source: str
    """Who says so, for people: "European Central Bank euro foreign exchange reference rates"."""

    def convert(self, money: Money) -> Money:
        """Return ``money`` in ``quote``, by the rounding rule of this module.

        Raises:
            ValueError: it is not in ``base``, or more than an amount can be.
        """
        if money.currency != self.base:
            raise ValueError(f"a rate for {self.base} cannot convert {money.currency}")
        shift = exponent(self.quote) - exponent(self.base)
        exact = money.amount * Fraction(self.rate) * Fraction(10) ** shift
        step = smallest_charge(self.quote)
        # round() takes a Fraction's half to even.
        return Money(amount=round(exact / step) * step, currency=self.quote)

    def __str__(self) -> str:
        return f"1 {self.base} = {self.rate} {self.quote} ({self.source}, {self.as_of})"


class Converted(BaseModel):
    """A price and its cancellation terms as they are charged: in the payment's currency."""

    model_config = ConfigDict(frozen=True)

    price: Money
    terms: CancellationTerms


def converted(price: Money, terms: CancellationTerms, rate: ExchangeRate) -> Converted:
    """Return a supplier's price and terms in the currency of the payment.

    Raises:
        ValueError: the price is not in the rate's base currency, or too large in the other.
    """
    return _each(price, terms, rate.convert)


def rounded_down(price: Money, terms: CancellationTerms) -> Converted:
    """Return a price and its terms in amounts that can be charged, never more than they say."""

    def down(money: Money) -> Money:
        rest = money.amount % smallest_charge(money.currency)
        return Money(amount=money.amount - rest, currency=money.currency)

    return _each(price, terms, down)


def _each(price: Money, terms: CancellationTerms, into: Callable[[Money], Money]) -> Converted:
    steps = tuple(
        FeeStep(
            until=step.until,
            # More than the price is never kept (models.terms), so it is not converted either.
            fee=into(Money(amount=min(step.fee, price.amount), currency=price.currency)).amount,
        )
        for step in terms.steps
    )
    return Converted(price=into(price), terms=CancellationTerms(steps=steps, source=terms.source))


@dataclass(frozen=True)
class RateTable:
    """The rates of one day: units of each currency for one euro."""

    as_of: dt.date
    source: str
    per_euro: Mapping[str, Decimal]

    def between(self, base: str, quote: str) -> ExchangeRate:
        """Return the rate from ``base`` to ``quote``.

        The published one where it starts from the euro; else the quotient of the two published
        ones, rounded once, to 18 significant digits.

        Raises:
            NoRateError: one of the two is not in the table.
        """
        from_euro = self._of(quote)
        rate = from_euro if base == PIVOT else _CROSS.divide(from_euro, self._of(base))
        return ExchangeRate(
            base=base, quote=quote, rate=f"{rate:f}", as_of=self.as_of, source=self.source
        )

    def _of(self, currency: str) -> Decimal:
        if currency == PIVOT:
            return Decimal(1)
        try:
            return self.per_euro[currency]
        except KeyError:
            raise NoRateError(f"{self.source} ({self.as_of}) have no {currency}") from None
