"""Amounts between us and Stripe: exact both ways, or refused before anything is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core.errors import InvalidRequest
from models.core.money import Money
from payments.stripe.amounts import (
    THREE_DECIMAL,
    WHOLE_ONLY,
    ZERO_DECIMAL,
    NotRepresentable,
    from_stripe,
    to_stripe,
)
from sandbox.stripe.errors import ApiError
from sandbox.stripe.money import CURRENCIES, check_steps
from tests.payments.conftest import Till


@pytest.mark.parametrize(
    ("currency", "units", "stripes"),
    [
        ("USD", 1_099, 1_099),
        ("EUR", 0, 0),
        ("HUF", 1_045, 1_045),
        ("TWD", 80_045, 80_045),
        ("JPY", 500, 500),
        ("KRW", 1, 1),
        ("KWD", 5_120, 5_120),
        ("ISK", 5, 500),
        ("UGX", 1_000, 100_000),
        ("MGA", 500, 5),
    ],
)
def test_each_currency_in_its_unit(currency: str, units: int, stripes: int) -> None:
    money = Money(amount=units, currency=currency)
    assert to_stripe(money) == stripes
    assert from_stripe(stripes, currency.lower()) == money


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 5_124), ("TND", 1), ("MGA", 501)])
def test_what_stripe_cannot_say_is_refused(currency: str, amount: int) -> None:
    with pytest.raises(NotRepresentable, match=currency):
        to_stripe(Money(amount=amount, currency=currency))


@pytest.mark.parametrize(("currency", "amount"), [("isk", 550), ("ugx", 1)])
def test_what_stripe_should_never_say(currency: str, amount: int) -> None:
    with pytest.raises(NotRepresentable):
        from_stripe(amount, currency)


def test_a_currency_that_is_none() -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        from_stripe(100, "usdc")


RETIRED = {"ANG", "BGN", "STD"}
"""No longer of ISO 4217; Stripe still lists them."""
CODES = sorted({code.upper() for code in CURRENCIES} - RETIRED)


@given(
    currency=st.sampled_from(CODES),
    amount=st.integers(0, 99_999_999),
)
def test_there_and_back_is_the_same_or_refused(currency: str, amount: int) -> None:
    money = Money(amount=amount, currency=currency)
    try:
        sent = to_stripe(money)
    except NotRepresentable:
        assert currency in THREE_DECIMAL | {"MGA"}
        return
    assert from_stripe(sent, currency) == money
    # and the sandbox, which has the rules from the same page, takes it
    assert check_steps(sent, currency.lower(), "amount") == sent


@given(currency=st.sampled_from(sorted(THREE_DECIMAL | WHOLE_ONLY)), amount=st.integers(0, 10**8))
def test_what_the_sandbox_refuses_is_never_sent(currency: str, amount: int) -> None:
    try:
        check_steps(amount, currency.lower(), "amount")
    except ApiError:
        with pytest.raises(NotRepresentable):
            to_stripe(from_stripe(amount, currency))


def test_the_zero_decimal_ones_are_known_to_the_sandbox() -> None:
    assert {code.lower() for code in ZERO_DECIMAL | THREE_DECIMAL | WHOLE_ONLY} <= CURRENCIES


@pytest.mark.parametrize(
    ("currency", "amount", "part"), [("JPY", 9_000, 7_001), ("KWD", 9_000, 7_010), ("ISK", 90, 71)]
)
async def test_a_payment_keeps_its_amounts_in_our_units(
    till: Till, currency: str, amount: int, part: int
) -> None:
    payment = await till.captured(part, amount=amount, currency=currency)
    assert payment.amount == Money(amount=amount, currency=currency)
    assert payment.captured == part
    back = Money(amount=10, currency=currency)
    refund = await till.gateway.refund(payment.id, amount=back, reference="row", key=till.key("r"))
    assert refund.amount == back
    assert (await till.gateway.retrieve(payment.id)).refunded == 10


async def test_nothing_is_sent_that_cannot_be_expressed(till: Till) -> None:
    payment = await till.authorised(amount=9_000, currency="KWD")
    before = await till.sandbox.log(till.booking)
    fine = Money(amount=8_999, currency="KWD")
    gateway, key = till.gateway, till.key("x")
    for call in (
        gateway.create(amount=fine, reference=till.booking, key=key),
        gateway.capture(payment.id, amount=fine, key=key),
        gateway.refund(payment.id, amount=fine, reference=key, key=key),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await call
        assert refused.value.code == "amount_not_representable"
    assert await till.sandbox.log(till.booking) == before
