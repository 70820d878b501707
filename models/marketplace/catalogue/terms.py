"""On which terms offers are sold: what they cost beside their price, and what cancelling costs.

Providers state them as templates, relative to the arrival; a quote makes amounts and moments of
them, which a booking keeps (``models.core.terms``).
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.core.money import WHOLE, MinorUnits

BasisPoints = Annotated[int, Field(ge=0, le=10_000, strict=True), WHOLE]
"""Hundredths of a percent."""


class Kept(BaseModel):
    """What is kept: exactly one of a share of the price, of its first nights, or an amount."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    basis_points: BasisPoints | None = None
    """Of the whole price, taxes included."""
    nights: Annotated[int, Field(ge=1, le=90)] | None = None
    """The price of so many first nights, without what is charged once for a stay."""
    amount: MinorUnits | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(one is not None for one in (self.basis_points, self.nights, self.amount)) != 1:
            raise ValueError("needs exactly one of basis_points, nights and amount")
        return self


class FeeTemplate(BaseModel):
    """A step of the cancellation terms: what is kept on cancelling before a moment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours_before: Annotated[int, Field(ge=0, le=24 * 365)] | None = None
    """Hours of local wall-clock time before check-in, or the start of a tour; None: the last step,
    which has no end."""
    kept: Kept


class PriceRule(BaseModel):
    """What a rate plan changes of a night's price (minor units, for one unit and night)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    basis_points: Annotated[int, Field(ge=0, le=100_000, strict=True), WHOLE] = 10_000
    """Of the night's price: 10,000 leaves it as it is."""
    included_adults: Annotated[int, Field(ge=1, le=50, strict=True), WHOLE] | None = None
    """For how many adults the price is; None: for as many as the room takes."""
    extra_adult: MinorUnits = 0
    """For each further adult."""
    child: MinorUnits = 0
    """For each child."""


class TaxKind(StrEnum):
    """How a tax or fee is reckoned."""

    SHARE = "SHARE"
    """Of the price of all nights or seats."""
    PER_ADULT_NIGHT = "PER_ADULT_NIGHT"
    PER_UNIT_NIGHT = "PER_UNIT_NIGHT"
    PER_PERSON = "PER_PERSON"
    PER_BOOKING = "PER_BOOKING"


class Tax(BaseModel):
    """A tax or fee that is added to the price, as a line of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    kind: TaxKind
    basis_points: BasisPoints | None = None
    """Of a SHARE; rounded half up to the minor unit."""
    amount: MinorUnits | None = None
    """Of every other kind."""

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.basis_points is None) is (self.kind is TaxKind.SHARE) or (
            self.amount is None
        ) is not (self.kind is TaxKind.SHARE):
            raise ValueError("a SHARE has basis_points, every other kind an amount")
        return self
