"""What a stay, a package or seats cost: lines that add up. Integers only, no I/O.

Every line is rounded once, half up, to what cards take of the currency (``smallest_charge``); what
is stated in whole such steps is not rounded at all. The search reckons the same in SQL
(``models.marketplace.search.stays``), which a test holds to this.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

from models.core.money import Currency, MinorUnits, smallest_charge
from models.marketplace.catalogue.terms import PriceRule, Tax, TaxKind

WHOLE_SHARE: Final = 10_000
"""Basis points of everything."""
MOST: Final = 99_999_999_999
"""Minor units: no price is higher (``MinorUnits``)."""


class LineKind(StrEnum):
    """What a line of a price is for."""

    NIGHT = "NIGHT"
    """A night of one unit of a room."""
    PACKAGE = "PACKAGE"
    """A hotel package for everybody in it."""
    SEATS = "SEATS"
    """Seats of a departure."""
    TAX = "TAX"
    """A tax or fee, by its name."""


class PriceLine(BaseModel):
    """A part of a price, in minor units of the price's currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: LineKind
    amount: MinorUnits
    date: dt.date | None = None
    """Of a night: the day on which it begins."""
    room: int | None = None
    """Of a night: which of the rooms that were asked for, from 1."""
    room_id: str | None = None
    name: str | None = None
    """Of a tax."""
    count: int | None = None
    """Persons of a package, or seats."""


class Price(BaseModel):
    """A price with its lines, which add up to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total: MinorUnits
    currency: Currency
    lines: tuple[PriceLine, ...]

    @classmethod
    def of(cls, lines: Sequence[PriceLine], currency: str) -> Self:
        """Return the price that has these lines.

        Raises:
            OverflowError: it is higher than any price may be.
        """
        total = sum(line.amount for line in lines)
        if total > MOST:
            raise OverflowError(total)
        return cls(total=total, currency=currency, lines=tuple(lines))

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum(line.amount for line in self.lines) != self.total:
            raise ValueError("the lines do not add up to the total")
        if self.total % smallest_charge(self.currency):
            raise ValueError("the total is finer than cards can be charged")
        return self


@dataclass(frozen=True)
class Unit:
    """One unit of a room, with who sleeps in it, at the prices of its nights."""

    room_id: str
    adults: int
    """Everybody who counts as an adult."""
    children: int
    prices: Sequence[int]
    """Of each night, before the rule."""
    rule: PriceRule


@dataclass(frozen=True)
class Basis:
    """What taxes are reckoned from."""

    price: int
    """Of all nights or seats."""
    adults: int
    persons: int
    units: int
    """Of rooms."""
    nights: int


def rounded(numerator: int, denominator: int, step: int = 1) -> int:
    """Return a fraction rounded half up to a multiple of ``step``; neither part is negative."""
    return (2 * numerator + denominator * step) // (2 * denominator * step) * step


def night(price: int, rule: PriceRule, adults: int, children: int, step: int) -> int:
    """Return what a night of one unit costs: its price by the rule, with further guests."""
    further = 0 if rule.included_adults is None else max(adults - rule.included_adults, 0)
    extras = further * rule.extra_adult + children * rule.child
    return rounded(price * rule.basis_points + extras * WHOLE_SHARE, WHOLE_SHARE, step)


def nights_of(unit: Unit, currency: str) -> list[int]:
    """Return what each night of a unit costs."""
    step = smallest_charge(currency)
    return [night(price, unit.rule, unit.adults, unit.children, step) for price in unit.prices]


def stay(
    units: Sequence[Unit], check_in: dt.date, taxes: Sequence[Tax], currency: str
) -> Iterator[PriceLine]:
    """Yield the lines of a stay: each night of each unit, then taxes.

    Raises:
        OverflowError: a line is higher than any price may be.
    """
    price = 0
    for number, unit in enumerate(units, 1):
        for day, amount in enumerate(nights_of(unit, currency)):
            price += amount
            yield PriceLine(
                kind=LineKind.NIGHT,
                amount=_bounded(amount),
                date=check_in + dt.timedelta(days=day),
                room=number,
                room_id=unit.room_id,
            )
    adults = sum(unit.adults for unit in units)
    basis = Basis(
        price=price,
        adults=adults,
        persons=adults + sum(unit.children for unit in units),
        units=len(units),
        nights=len(units[0].prices),
    )
    yield from tax_lines(taxes, basis, currency)


def by_head(
    kind: LineKind, each: int, basis: Basis, taxes: Sequence[Tax], currency: str
) -> Iterator[PriceLine]:
    """Yield the lines of a package or of seats: ``each`` for every person, then taxes.

    The price of ``basis`` is left out: it is reckoned here.

    Raises:
        OverflowError: a line is higher than any price may be.
    """
    amount = rounded(each * basis.persons, 1, smallest_charge(currency))
    yield PriceLine(kind=kind, amount=_bounded(amount), count=basis.persons)
    whole = Basis(amount, basis.adults, basis.persons, basis.units, basis.nights)
    yield from tax_lines(taxes, whole, currency)


def tax_lines(taxes: Sequence[Tax], basis: Basis, currency: str) -> Iterator[PriceLine]:
    """Yield a line for each tax or fee that comes to something."""
    step = smallest_charge(currency)
    counts = {
        TaxKind.PER_ADULT_NIGHT: basis.adults * basis.nights,
        TaxKind.PER_UNIT_NIGHT: basis.units * basis.nights,
        TaxKind.PER_PERSON: basis.persons,
        TaxKind.PER_BOOKING: 1,
    }
    for tax in taxes:
        if tax.kind is TaxKind.SHARE:
            amount = rounded(basis.price * (tax.basis_points or 0), WHOLE_SHARE, step)
        else:
            amount = rounded(counts[tax.kind] * (tax.amount or 0), 1, step)
        if amount:
            yield PriceLine(kind=LineKind.TAX, amount=_bounded(amount), name=tax.name)


def apportioned(amount: int, weights: Sequence[int], step: int = 1) -> list[int]:
    """Split an amount in proportion to weights, without losing a unit; the first, of all zeros.

    ``amount`` is a multiple of ``step``, and so are the parts.
    """
    whole, steps = sum(weights), amount // step
    if not whole:
        return [amount, *[0] * (len(weights) - 1)]
    ends = [steps * passed // whole for passed in accumulate(weights, initial=0)]
    return [(end - begin) * step for begin, end in pairwise(ends)]


def average(total: int, nights: int) -> int:
    """Return what a night costs on average, half up: to be shown, never to be paid."""
    return rounded(total, nights)


def _bounded(amount: int) -> int:
    if amount > MOST:
        raise OverflowError(amount)
    return amount
