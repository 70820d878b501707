"""Money: integers in the currency's minor unit, with an ISO 4217 code. Never a float."""

from decimal import Decimal
from functools import cache
from typing import Annotated, Self

from iso4217 import Currency as IsoCurrency
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


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


def _iso_currency(code: str) -> str:
    exponent(code)
    return code


Currency = Annotated[
    str, Field(min_length=3, max_length=3, examples=["USD"]), AfterValidator(_iso_currency)
]
"""An ISO 4217 alphabetic code in upper case."""

MinorUnits = Annotated[int, Field(ge=0, le=99_999_999_999, strict=True)]
"""An amount in the currency's minor unit (cents for USD, yen for JPY)."""


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
        try:
            minor = Decimal(str(value)).scaleb(exponent(currency))
        except ArithmeticError as error:
            raise ValueError(f"{value!r} is not an amount of money") from error
        if not minor.is_finite() or minor != minor.to_integral_value():
            raise ValueError(f"{value!r} is not a whole number of minor units of {currency}")
        return cls(amount=int(minor), currency=currency)

    def to_decimal(self) -> Decimal:
        """Return the amount in major units, with the currency's number of decimals."""
        return Decimal(self.amount).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
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
