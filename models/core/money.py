"""Money: integers in the currency's minor unit, with an ISO 4217 code. Never a float.

How many decimals a currency has is ISO 4217's to say, everywhere: in what suppliers send, in what
is stored and in what people read. CLDR rounds some currencies (ISK, HUF, …) for display; we do
not, because what is shown is what is paid.
"""

import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, Final, Self

from iso4217 import Currency as IsoCurrency
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


@cache
def exponent(currency: str) -> int:
    """Return how many decimal places ``currency`` has (USD 2, JPY 0, BHD 3; ISO 4217).

    Raises:
        ValueError: the code is not an ISO 4217 currency one can pay with.
    """
    try:
        digits = IsoCurrency(currency).exponent
    except ValueError:
        digits = None
    if digits is None:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency code")
    return int(digits)


def smallest_charge(currency: str) -> int:
    """Return what an amount charged to a card is a multiple of, in minor units: 1, mostly.

    Of three decimals (BHD, KWD, …) the last is always 0: cards are charged in hundredths
    (https://docs.stripe.com/currencies, "Three-decimal currencies").
    """
    return int(10 ** max(exponent(currency) - 2, 0))


_LEAST: Final = {
    "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200,
    "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip


def least_charge(currency: str) -> int:
    """Return the least that a card is charged, in minor units; 1 where nobody states a minimum.

    Source: https://docs.stripe.com/currencies, "Minimum and maximum charge amounts".
    """
    return _LEAST.get(currency, 1)


def _iso_currency(code: str) -> str:
    try:
        exponent(code)
    except ValueError:
        raise ValueError("must be an ISO 4217 currency code such as USD") from None
    return code


CODES: Final = sorted(one.code for one in IsoCurrency if one.exponent is not None)
"""Of all currencies one can pay with."""
Currency = Annotated[
    str,
    AfterValidator(_iso_currency),
    WithJsonSchema({"type": "string", "enum": CODES, "examples": ["USD"]}),
]
"""An ISO 4217 alphabetic code in upper case."""


def _whole(given: Any) -> Any:
    return int(given) if isinstance(given, float) and given.is_integer() else given


WHOLE: Final = BeforeValidator(_whole)
"""For whole numbers that are not taken from text: to JSON, 200.0 is one as well."""

MinorUnits = Annotated[int, Field(ge=0, le=99_999_999_999, strict=True), WHOLE]
"""An amount in the currency's minor unit (cents for USD, yen for JPY)."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?(E[+-]?[0-9]{1,2})?", re.IGNORECASE)
"""What suppliers write as an amount; nothing else that ``Decimal`` would read."""


class Money(BaseModel):
    """An amount of one currency, in minor units."""

    model_config = ConfigDict(frozen=True)

    amount: MinorUnits
    currency: Currency

    @classmethod
    def from_decimal(cls, value: str | Decimal | float, currency: str) -> Self:
        """Read a supplier's decimal amount ("123.45") exactly.

        A float is read by its shortest representation, which is what JSON carried.

        Raises:
            ValueError: not a number, negative, or finer than the currency's minor unit.
        """
        text = str(value)
        if not _NUMBER.fullmatch(text):
            raise ValueError(f"{value!r} is not an amount of money")
        # A fraction, because a Decimal rounds to its context's precision without a word.
        minor = Fraction(text) * 10 ** exponent(currency)
        if minor.denominator != 1:
            raise ValueError(f"{value!r} is not a whole number of minor units of {currency}")
        return cls(amount=int(minor), currency=currency)

    def to_decimal(self) -> Decimal:
        """Return the amount in major units, with the currency's number of decimals."""
        return Decimal(self.amount).scaleb(-exponent(self.currency))

    def format(self, locale: str = "en") -> str:
        """Return the amount as people of ``locale`` read it: ``2,000.00 USD``, ``1,235 JPY``.

        Separators and grouping are the locale's (CLDR), the decimals ISO 4217's, and the code
        stands behind the amount, because "$" alone is the sign of twenty currencies.

        Raises:
            ValueError: the locale is none that CLDR knows.
        """
        # Here, and not above: workflows need money too, and no locale data with it.
        from babel import Locale, UnknownLocaleError
        from babel.numbers import format_decimal

        try:
            whole = Locale.parse(locale, sep="-" if "-" in locale else "_")
        except UnknownLocaleError as error:
            raise ValueError(f"{locale!r} is not a locale") from error
        digits = exponent(self.currency)
        pattern = whole.decimal_formats[None].pattern.partition(".")[0]
        pattern += f".{'0' * digits}" if digits else ""
        return f"{format_decimal(self.to_decimal(), pattern, locale=whole)} {self.currency}"

    def __str__(self) -> str:
        """Return the same as ``format("en")``, without any locale data: for logs and workflows."""
        return f"{self.to_decimal():,} {self.currency}"

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(amount=self.amount + other.amount, currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(amount=self.amount - other.amount, currency=self.currency)

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot combine {self.currency} with {other.currency}")
