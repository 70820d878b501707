"""Prices in every currency: lines add up, each is rounded once, more guests never pay less."""

import datetime as dt
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.core.money import CODES, least_charge, smallest_charge
from models.marketplace.catalogue.terms import PriceRule, Tax, TaxKind
from models.marketplace.quotes import pricing
from models.marketplace.quotes.errors import PriceNotPayable
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.payable import payable
from models.marketplace.quotes.pricing import MOST, Basis, LineKind, Price, PriceLine, Unit
from tests.marketplace.quotes.drawn import amounts, currencies, taxes, units

DAY = dt.date(2031, 3, 1)


def exact_night(price: int, unit: Unit) -> Fraction:
    """A night's price as the rule says it, before it is rounded."""
    rule = unit.rule
    further = max(unit.adults - (rule.included_adults or unit.adults), 0)
    extras = further * rule.extra_adult + unit.children * rule.child
    return Fraction(price * rule.basis_points, 10_000) + extras


def exact_tax(tax: Tax, basis: Basis) -> Fraction:
    times = {
        TaxKind.PER_ADULT_NIGHT: basis.adults * basis.nights,
        TaxKind.PER_UNIT_NIGHT: basis.units * basis.nights,
        TaxKind.PER_PERSON: basis.persons,
        TaxKind.PER_BOOKING: 1,
    }
    if tax.kind is TaxKind.SHARE:
        return Fraction(basis.price * (tax.basis_points or 0), 10_000)
    return Fraction(times[tax.kind] * (tax.amount or 0))


def off(amount: int, exact: Fraction, currency: str) -> bool:
    """Whether an amount is not the exact one, half up to what cards take."""
    step = smallest_charge(currency)
    return bool(amount % step) or not -Fraction(step, 2) < amount - exact <= Fraction(step, 2)


@given(units(), taxes, currencies)
def test_a_stay(those: list[Unit], due: list[Tax], currency: str) -> None:
    price = Price.of([*pricing.stay(those, DAY, due, currency)], currency)
    assert price.total == sum(line.amount for line in price.lines)
    assert all(line.amount >= 0 for line in price.lines)
    nights = [line for line in price.lines if line.kind is LineKind.NIGHT]
    exact = [exact_night(each, unit) for unit in those for each in unit.prices]
    assert len(nights) == len(exact)
    for line, one in zip(nights, exact, strict=True):
        assert not off(line.amount, one, currency), (line, one)
    length = len(those[0].prices)
    dates = Counter(line.date for line in nights)
    assert dates == {DAY + dt.timedelta(days=day): len(those) for day in range(length)}
    adults = sum(unit.adults for unit in those)
    basis = Basis(
        price=sum(line.amount for line in nights),
        adults=adults,
        persons=adults + sum(unit.children for unit in those),
        units=len(those),
        nights=length,
    )
    reckoned = iter(line for line in price.lines if line.kind is LineKind.TAX)
    for tax in due:
        whole = exact_tax(tax, basis)
        if whole >= Fraction(smallest_charge(currency), 2):
            line = next(reckoned)
            assert (line.name, off(line.amount, whole, currency)) == (tax.name, False)
    assert next(reckoned, None) is None, "a tax that comes to nothing has no line"


@given(units(), taxes, currencies, st.data())
def test_one_guest_more_never_pays_less(
    those: list[Unit], due: list[Tax], currency: str, data: st.DataObject
) -> None:
    where = data.draw(st.integers(0, len(those) - 1))
    unit = those[where]
    for more in (
        replace(unit, adults=unit.adults + 1),
        replace(unit, children=unit.children + 1),
    ):
        larger = [*those[:where], more, *those[where + 1 :]]
        before, after = (
            sum(line.amount for line in pricing.stay(some, DAY, due, currency))
            for some in (those, larger)
        )
        assert before <= after


@given(amounts, st.integers(1, 20), st.integers(0, 9), taxes, currencies)
def test_by_the_head(each: int, adults: int, children: int, due: list[Tax], currency: str) -> None:
    def price(persons: int) -> Price:
        basis = Basis(0, adults, persons, 1, 3)
        return Price.of([*pricing.by_head(LineKind.SEATS, each, basis, due, currency)], currency)

    persons = adults + children
    found = price(persons)
    assert not off(found.lines[0].amount, Fraction(each * persons), currency)
    assert found.lines[0].count == persons
    assert found.total <= price(persons + 1).total


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=6), currencies)
def test_nothing_is_lost_when_an_amount_is_split(
    steps: int, weights: list[int], currency: str
) -> None:
    step = smallest_charge(currency)
    parts = pricing.apportioned(steps * step, weights, step)
    assert sum(parts) == steps * step
    assert all(part >= 0 and part % step == 0 for part in parts)
    if sum(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(Fraction(steps * step * weight, sum(weights)) - part) < step


@pytest.mark.parametrize(
    ("numerator", "denominator", "step", "expected"),
    [(1, 2, 1, 1), (49, 100, 1, 0), (15, 10, 1, 2), (5, 1, 10, 10), (4, 1, 10, 0), (25, 2, 10, 10)],
)
def test_half_goes_up(numerator: int, denominator: int, step: int, expected: int) -> None:
    assert pricing.rounded(numerator, denominator, step) == expected


def test_lines_that_do_not_add_up_are_no_price() -> None:
    lines = (PriceLine(kind=LineKind.NIGHT, amount=100),)
    with pytest.raises(ValidationError, match="do not add up"):
        Price(total=101, currency="USD", lines=lines)
    with pytest.raises(ValidationError, match="finer"):
        Price(total=101, currency="KWD", lines=(PriceLine(kind=LineKind.NIGHT, amount=101),))


@pytest.mark.parametrize("currency", CODES)
def test_what_cards_do_not_take_is_no_price(currency: str) -> None:
    least, step = least_charge(currency), smallest_charge(currency)

    def price(amount: int) -> Price:
        return payable(lambda: [PriceLine(kind=LineKind.NIGHT, amount=amount)], currency)

    assert price(0).total == 0
    assert price(max(least, step)).total == max(least, step)
    if least > step:
        with pytest.raises(PriceNotPayable):
            price(least - step)
    with pytest.raises(PriceNotPayable):
        payable(lambda: [PriceLine(kind=LineKind.NIGHT, amount=MOST // step * step)] * 2, currency)


def test_a_line_beyond_every_price_is_refused() -> None:
    rule = PriceRule(basis_points=100_000)
    unit = Unit("room", 1, 0, [MOST], rule)
    with pytest.raises(PriceNotPayable):
        payable(lambda: pricing.stay([unit], DAY, [], "USD"), "USD")


@given(
    st.integers(1, 12),
    st.lists(st.integers(0, 17), max_size=8),
    st.integers(1, 12),
    st.integers(0, 17),
)
def test_a_party_is_spread_evenly(
    adults: int, ages: list[int], rooms: int, child_age_max: int
) -> None:
    if adults < rooms:
        return
    party = Party(adults, tuple(ages))
    spread = party.spread(rooms, child_age_max)
    assert sum(one.adults for one in spread) == adults
    assert sorted(age for one in spread for age in one.children) == sorted(ages)
    assert all(one.adults for one in spread), "no room without an adult"
    grown, young = party.counted(child_age_max)
    for number, one in enumerate(spread):
        counted = one.counted(child_age_max)
        assert counted == (
            grown // rooms + (number < grown % rooms),
            young // rooms + (rooms - 1 - number < young % rooms),
        )
