"""Converting: exact, rounded once, half to even, in currencies of zero, two and three decimals."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.core.exchange import ExchangeRate, NoRateError, RateTable, converted, rounded_down
from models.core.money import Money, exponent, smallest_charge
from models.core.supply import Quote
from models.core.terms import CancellationTerms, FeeStep

DAY = dt.date(2031, 1, 31)
NOON = dt.datetime(2031, 2, 1, 12, tzinfo=dt.UTC)
GREATEST = 99_999_999_999

PER_EURO = {
    "EUR": st.just(Decimal(1)),
    "USD": st.decimals("0.5", "2", places=4),
    "JPY": st.decimals("50", "300", places=2),
    "BHD": st.decimals("0.1", "1", places=5),
    "KWD": st.decimals("0.1", "1", places=5),
    "KRW": st.decimals("500", "3000", places=2),
    "HUF": st.decimals("100", "800", places=2),
}
"""Rates a bank might publish, for currencies of zero, two and three decimals."""
amounts = st.integers(0, 50_000_000)


def rate(text: str, base: str = "EUR", quote: str = "USD") -> ExchangeRate:
    return ExchangeRate(base=base, quote=quote, rate=text, as_of=DAY, source="a bank")


def table(**rates: str) -> RateTable:
    return RateTable(DAY, "a bank", {code: Decimal(number) for code, number in rates.items()})


tables = st.fixed_dictionaries(PER_EURO).map(lambda found: RateTable(DAY, "a bank", found))
pairs = st.permutations(list(PER_EURO)).map(lambda order: (order[0], order[1]))
rates = st.builds(lambda found, pair: found.between(*pair), tables, pairs)


def exact(money: Money, by: ExchangeRate) -> Fraction:
    """The converted amount in minor units before it is rounded, worked out in major units."""
    whole = Fraction(money.amount, 10 ** exponent(by.base)) * Fraction(by.rate)
    return whole * Fraction(10) ** exponent(by.quote)


# -- examples, worked out by hand ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "base", "number", "quote", "expected"),
    [
        (10_000, "EUR", "1.0921", "USD", 10_921),
        (1, "EUR", "1.5", "USD", 2),  # 1.5 cents: to the even one
        (3, "EUR", "1.5", "USD", 4),  # 4.5 cents: to the even one
        (5, "EUR", "0.5", "USD", 2),  # 2.5 cents
        (7, "EUR", "0.5", "USD", 4),  # 3.5 cents
        (12_345, "EUR", "161.33", "JPY", 19_916),  # 123.45 × 161.33 = 19,916.1885
        (1_000, "JPY", "0.0062", "EUR", 620),  # 1,000 yen are 6.20 euro
        (1_234, "EUR", "0.41", "BHD", 5_060),  # 12.34 × 0.41 = 5.0594 dinars, in hundredths
        (1_000, "EUR", "0.4105", "BHD", 4_100),  # 4.105: to the even hundredth
        (1_000, "EUR", "0.4115", "BHD", 4_120),  # 4.115
        (5_059, "BHD", "2.4390243902439024", "EUR", 1_234),
        (12_345, "BHD", "390.24", "JPY", 4_818),  # 12.345 × 390.24 = 4,817.5128
        (0, "EUR", "1.1", "USD", 0),
        (1, "JPY", "0.0001", "EUR", 0),
    ],
)
def test_worked_examples(amount: int, base: str, number: str, quote: str, expected: int) -> None:
    paid = rate(number, base, quote).convert(Money(amount=amount, currency=base))
    assert paid == Money(amount=expected, currency=quote)


def test_cross_rates_go_through_the_euro() -> None:
    found = table(USD="1.1", JPY="160", BHD="0.41")
    assert found.between("EUR", "USD").rate == "1.1"
    assert found.between("USD", "EUR").rate == "0.909090909090909091"
    assert found.between("JPY", "USD").rate == "0.006875"
    assert found.between("USD", "JPY").rate == "145.454545454545455"
    assert found.between("BHD", "USD").rate == "2.68292682926829268"
    named = found.between("USD", "JPY")
    assert (named.base, named.quote, named.as_of, named.source) == ("USD", "JPY", DAY, "a bank")


@pytest.mark.parametrize(("base", "quote"), [("USD", "KWD"), ("KWD", "USD"), ("EUR", "KWD")])
def test_what_nobody_publishes_is_no_rate(base: str, quote: str) -> None:
    with pytest.raises(NoRateError, match="have no KWD"):
        table(USD="1.1").between(base, quote)


@pytest.mark.parametrize("text", ["0", "-1", "NaN", "Infinity", "", "1,1", "one"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        rate(text)


def test_a_rate_converts_its_own_currency_only() -> None:
    with pytest.raises(ValueError, match="cannot convert"):
        rate("1.1").convert(Money(amount=1, currency="JPY"))


def test_more_than_an_amount_can_be_is_refused() -> None:
    with pytest.raises(ValidationError):
        rate("17950.5", "EUR", "IDR").convert(Money(amount=GREATEST, currency="EUR"))


# -- properties ------------------------------------------------------------------------------------


@given(amounts, rates)
def test_nothing_is_off_by_more_than_half_of_what_can_be_charged(
    amount: int, by: ExchangeRate
) -> None:
    money, step = Money(amount=amount, currency=by.base), smallest_charge(by.quote)
    paid = by.convert(money).amount
    error = abs(paid - exact(money, by))
    assert paid % step == 0
    assert error <= Fraction(step, 2)
    if error == Fraction(step, 2):
        assert paid // step % 2 == 0


@given(amounts, amounts, rates)
def test_more_is_never_less(one: int, other: int, by: ExchangeRate) -> None:
    less, more = sorted((one, other))
    convert = [by.convert(Money(amount=n, currency=by.base)).amount for n in (less, more)]
    assert convert[0] <= convert[1]


@given(amounts, tables, pairs)
def test_there_and_back_is_off_by_the_rounding_alone(
    amount: int, found: RateTable, pair: tuple[str, str]
) -> None:
    base, quote = pair
    there, back = found.between(base, quote), found.between(quote, base)
    money = Money(amount=amount, currency=base)
    returned = back.convert(there.convert(money))
    # Half of what can be charged in the other currency, in this one, and half of that in this one.
    of_the_other = exact(Money(amount=smallest_charge(quote), currency=quote), back)
    of_this = Fraction(smallest_charge(base))
    assert abs(returned.amount - amount) <= (of_the_other + of_this) / 2 + Fraction(1, 10**6)


@given(st.integers(0, GREATEST), tables, pairs)
def test_eighteen_digits_are_enough_for_any_amount(
    amount: int, found: RateTable, pair: tuple[str, str]
) -> None:
    base, quote = pair
    shift = Fraction(10) ** (exponent(quote) - exponent(base))
    ideal = amount * Fraction(found.per_euro[quote]) / Fraction(found.per_euro[base]) * shift
    used = amount * Fraction(found.between(base, quote).rate) * shift
    if ideal <= GREATEST:
        assert abs(used - ideal) < Fraction(1, 1_000_000)


@given(rates, amounts, st.lists(amounts, max_size=5))
def test_a_fee_is_converted_like_a_price_and_never_more(
    by: ExchangeRate, price: int, fees: list[int]
) -> None:
    steps = [FeeStep(until=NOON + dt.timedelta(days=n), fee=fee) for n, fee in enumerate(fees)]
    terms = CancellationTerms(steps=(*steps, FeeStep(until=None, fee=price)), source="as agreed")
    paid = converted(Money(amount=price, currency=by.base), terms, by)
    assert paid.price.currency == by.quote
    assert paid.terms.source == "as agreed"
    assert [step.until for step in paid.terms.steps] == [step.until for step in terms.steps]
    for step, own in zip(paid.terms.steps, terms.steps, strict=True):
        kept = min(own.fee, price)
        assert step.fee == by.convert(Money(amount=kept, currency=by.base)).amount
        assert step.fee <= paid.price.amount
    assert paid.terms.steps[-1].fee == paid.price.amount, "all of it is all of it"


@given(rates, st.lists(amounts, min_size=1, max_size=8))
def test_a_total_is_the_sum_of_what_is_shown(by: ExchangeRate, prices: list[int]) -> None:
    items = [by.convert(Money(amount=price, currency=by.base)) for price in prices]
    total = sum((item.amount for item in items), 0)
    whole = exact(Money(amount=min(sum(prices), GREATEST), currency=by.base), by)
    if sum(prices) <= GREATEST:
        assert abs(total - whole) <= Fraction(len(prices) * smallest_charge(by.quote), 2)


# -- the snapshot ----------------------------------------------------------------------------------


def quote() -> Quote:
    return Quote(
        price=Money(amount=20_001, currency="EUR"),
        terms=CancellationTerms.free_until(NOON, 20_001, "the hotel's own words"),
        title="Hotel Aurora",
        offer={"order_token": "t"},
    )


def test_a_quote_keeps_the_suppliers_own_price_beside_the_converted_one() -> None:
    own = quote()
    assert (own.payable.price, own.payable.terms) == (own.price, own.terms)
    paid = own.payable_by(rate("1.0921"))
    assert (paid.price, paid.terms, paid.offer) == (own.price, own.terms, own.offer)
    assert paid.payable.price == Money(amount=21_843, currency="USD")  # 200.01 × 1.0921 = 218.4309
    assert [step.fee for step in paid.payable.terms.steps] == [0, 21_843]
    assert paid.rate == rate("1.0921")
    assert Quote.model_validate_json(paid.model_dump_json()) == paid


def test_snapshots_made_before_there_were_rates_can_be_read() -> None:
    old = quote().model_dump(mode="json", exclude={"rate", "converted"})
    assert Quote.model_validate(old) == quote()


def test_a_converted_price_without_its_rate_is_no_snapshot() -> None:
    paid = quote().payable_by(rate("1.0921")).model_dump(mode="json")
    with pytest.raises(ValidationError, match="a rate without"):
        Quote.model_validate({**paid, "converted": None})


@pytest.mark.parametrize(
    ("price", "currency", "charged"),
    [
        (20_001, "USD", 20_001),
        (20_001, "JPY", 20_001),
        (20_000, "BHD", 20_000),
        (20_001, "BHD", 20_000),
        (20_009, "KWD", 20_000),
        (9, "BHD", 0),
    ],
)
def test_a_price_that_cannot_be_charged_exactly_is_rounded_down(
    price: int, currency: str, charged: int
) -> None:
    own = Quote(
        price=Money(amount=price, currency=currency),
        terms=CancellationTerms.free_until(NOON, price),
        title="Hotel Aurora",
        offer={},
    )
    paid = own.payable_by(None)
    assert (paid.price, paid.terms, paid.rate) == (own.price, own.terms, None)
    assert paid.payable.price == Money(amount=charged, currency=currency)
    assert [step.fee for step in paid.payable.terms.steps] == [0, charged]
    assert (paid == own) == (charged == price)


@given(st.integers(0, GREATEST), st.sampled_from(list(PER_EURO)), st.lists(amounts, max_size=5))
def test_rounding_down_takes_less_than_a_hundredth(
    price: int, currency: str, fees: list[int]
) -> None:
    terms = CancellationTerms(steps=tuple(FeeStep(until=None, fee=fee) for fee in fees))
    paid = rounded_down(Money(amount=price, currency=currency), terms)
    step = smallest_charge(currency)
    for charged, own in zip(
        (paid.price.amount, *(one.fee for one in paid.terms.steps)),
        (price, *(min(fee, price) for fee in fees)),
        strict=True,
    ):
        assert charged % step == 0
        assert own - step < charged <= own
