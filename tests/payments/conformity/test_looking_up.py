"""Finding payments again, and what does not exist."""

import datetime as dt

import pytest

from models.core.errors import AuthConfig, InvalidRequest
from tests.payments.conftest import Till, usd


async def test_find_tells_the_payments_of_a_booking_apart(till: Till) -> None:
    assert await till.gateway.find(till.booking) is None
    first = await till.create()
    second = await till.create(hold=2)
    assert first.id != second.id
    assert await till.gateway.find(till.booking) == first
    assert await till.gateway.find(till.booking, hold=2) == second
    assert await till.gateway.find(till.booking, hold=3) is None


async def test_find_prefers_the_payment_with_money(till: Till) -> None:
    held = await till.authorised()
    later = await till.gateway.create(
        amount=usd(100), reference=till.booking, key=till.key("create:again")
    )
    assert await till.gateway.find(till.booking) == held
    await till.gateway.cancel(held.id, key=till.key("cancel"))
    found = await till.gateway.find(till.booking)
    assert found is not None
    assert found.id == later.id


@pytest.mark.parametrize("reference", ["", "a'b", "a b", "x' OR status:'succeeded"])
async def test_find_lets_no_query_in(till: Till, reference: str) -> None:
    with pytest.raises(InvalidRequest):
        await till.gateway.find(reference)


async def test_the_payments_of_a_time(till: Till) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    first, second = await till.create(), await till.create(hold=2)
    after = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=2)
    listed = await till.gateway.payments(before, after)
    assert [p.id for p in listed if p.booking_id == till.booking] == [first.id, second.id]
    assert {p.booking_id for p in await till.gateway.payments(before, before)} == set()
    earlier = await till.gateway.payments(before - dt.timedelta(days=1), before)
    assert till.booking not in {p.booking_id for p in earlier}


async def test_a_payment_method(till: Till) -> None:
    method = await till.gateway.payment_method("pm_card_mastercard")
    assert (method.type, method.brand, method.last4) == ("card", "mastercard", "4444")
    assert method.expires == dt.date(2034, 8, 31)


async def test_what_does_not_exist(till: Till) -> None:
    reads = [till.gateway.retrieve("pi_none"), till.gateway.payment_method("pm_none")]
    payment = await till.create()
    for call in [*reads, till.confirm(payment.id, "pm_none"), till.refund("pi_none", 100)]:
        with pytest.raises(InvalidRequest) as missing:
            await call
        assert missing.value.code == "resource_missing"


@pytest.mark.parametrize("name", ["../refunds", "a/b", "x?y", "", "é", "a b", "."])
async def test_a_strange_id_is_no_id(till: Till, name: str) -> None:
    with pytest.raises((InvalidRequest, AuthConfig)):
        await till.gateway.payment_method(name)
    payment = await till.create()
    with pytest.raises(InvalidRequest):
        await till.confirm(payment.id, name)
    assert await till.effects() == ["created"]


async def test_a_key_means_one_content(till: Till) -> None:
    first = await till.create()
    assert (await till.create()).id == first.id
    with pytest.raises(InvalidRequest) as other:
        await till.create(20_000)
    assert other.value.code == "idempotency_error"
