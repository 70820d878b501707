"""Prices, rules, taxes and terms, drawn at random."""

from hypothesis import strategies as st

from models.core.money import CODES, exponent
from models.marketplace.catalogue.terms import FeeTemplate, Kept, PriceRule, Tax, TaxKind
from models.marketplace.quotes.pricing import Unit

CURRENCIES = [code for code in CODES if exponent(code) <= 4]
OF_EACH_EXPONENT = {exponent(code): code for code in ("UYW", "KWD", "USD", "JPY")}

amounts = st.one_of(st.integers(0, 200), st.integers(0, 1_000_000))
currencies = st.one_of(st.sampled_from([*OF_EACH_EXPONENT.values()]), st.sampled_from(CURRENCIES))
rules = st.builds(
    PriceRule,
    basis_points=st.one_of(st.just(10_000), st.integers(0, 30_000)),
    included_adults=st.none() | st.integers(1, 4),
    extra_adult=amounts,
    child=amounts,
)
shares = st.builds(
    Tax, name=st.just("share"), kind=st.just(TaxKind.SHARE), basis_points=st.integers(0, 10_000)
)
fixed = st.builds(
    Tax,
    name=st.just("fixed"),
    kind=st.sampled_from([kind for kind in TaxKind if kind is not TaxKind.SHARE]),
    amount=amounts,
)
taxes = st.lists(shares | fixed, max_size=4)
keeps = st.one_of(
    st.builds(Kept, basis_points=st.integers(0, 10_000)),
    st.builds(Kept, nights=st.integers(1, 20)),
    st.builds(Kept, amount=amounts),
)
templates = st.lists(
    st.builds(FeeTemplate, hours_before=st.none() | st.integers(0, 24 * 60), kept=keeps),
    max_size=5,
)


@st.composite
def units(draw: st.DrawFn) -> list[Unit]:
    nights = draw(st.integers(1, 10))
    unit = st.builds(
        Unit,
        room_id=st.just("room"),
        adults=st.integers(1, 6),
        children=st.integers(0, 4),
        prices=st.lists(amounts, min_size=nights, max_size=nights),
        rule=rules,
    )
    return draw(st.lists(unit, min_size=1, max_size=4))
