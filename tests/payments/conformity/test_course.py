"""The ordinary course: planned, held, taken, given back, released."""

import asyncio
import datetime as dt

import pytest

from models.core.errors import Declined, InvalidRequest
from payments.core.protocol import PaymentState
from tests.payments.conftest import Till, usd


async def test_create_moves_no_money_and_names_no_card(till: Till) -> None:
    payment = await till.create()
    assert payment.state is PaymentState.UNCONFIRMED
    assert (payment.amount, payment.booking_id) == (usd(10_000), till.booking)
    assert payment.client_secret is not None
    assert payment.payment_method_id is None
    assert await till.effects() == ["created"]


async def test_hold_then_take_a_part(till: Till) -> None:
    held = await till.authorised()
    assert (held.state, held.captured) == (PaymentState.AUTHORISED, 0)
    assert held.charge_id is not None
    assert held.capture_before is not None
    assert held.capture_before > dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    taken = await till.gateway.capture(held.id, amount=usd(7_000), key=till.key("capture"))
    assert (taken.state, taken.captured, taken.refunded) == (PaymentState.CAPTURED, 7_000, 0)
    assert await till.gateway.retrieve(held.id) == taken
    assert await till.effects() == ["created", "authorised", "captured"]


async def test_take_it_all_and_give_it_all_back(till: Till) -> None:
    payment = await till.captured()
    refund = await till.refund(payment.id, 10_000)
    assert (refund.amount, refund.status) == (usd(10_000), "succeeded")
    read = await till.gateway.retrieve(payment.id)
    assert (read.state, read.captured, read.refunded) == (PaymentState.CAPTURED, 10_000, 10_000)


async def test_two_equal_refunds_are_two_and_a_repeated_key_is_one(till: Till) -> None:
    payment = await till.captured(7_000)
    first = await till.refund(payment.id, 1_000)
    assert await till.refund(payment.id, 1_000) == first
    second = await till.refund(payment.id, 1_000, number=2)
    listed = await till.gateway.refunds(payment.id)
    assert listed == [first, second]
    assert [refund.reference for refund in listed] == [till.key("refund:1"), till.key("refund:2")]
    assert (await till.gateway.retrieve(payment.id)).refunded == 2_000
    assert (await till.effects()).count("refunded") == 2


async def test_many_refunds_are_all_listed(till: Till) -> None:
    payment = await till.captured()
    for number in range(1, 13):
        await till.refund(payment.id, 1, number)
    listed = await till.gateway.refunds(payment.id)
    assert [refund.reference for refund in listed] == [
        till.key(f"refund:{number}") for number in range(1, 13)
    ]


async def test_more_than_is_left_is_not_given_back(till: Till) -> None:
    payment = await till.captured(7_000)
    for amount, number in ((7_001, 1), (7_000, 2), (1, 3)):
        if number == 2:
            await till.refund(payment.id, amount, number)
            continue
        with pytest.raises(InvalidRequest) as refused:
            await till.refund(payment.id, amount, number)
        assert refused.value.code == "charge_already_refunded"


async def test_a_released_hold_stays_released(till: Till) -> None:
    held = await till.authorised()
    for attempt in ("1", "2"):
        released = await till.gateway.cancel(held.id, key=till.key(f"cancel:{attempt}"))
        assert released.state is PaymentState.RELEASED
    with pytest.raises(Declined) as refused:
        await till.gateway.capture(held.id, amount=usd(1_000), key=till.key("capture"))
    assert refused.value.code == "authorisation_expired"
    with pytest.raises(Declined):
        await till.confirm(held.id, attempt=2)
    assert await till.effects() == ["created", "authorised", "released"]


async def test_a_payment_nobody_confirmed_can_be_cancelled(till: Till) -> None:
    payment = await till.create()
    released = await till.gateway.cancel(payment.id, key=till.key("cancel"))
    assert released.state is PaymentState.RELEASED
    assert await till.effects() == ["created", "cancelled"]


async def test_repeating_what_is_done_is_success(till: Till) -> None:
    """Under another key, as an operator's retry or a later version would."""
    held = await till.authorised()
    assert await till.confirm(held.id, attempt=2) == held
    taken = await till.gateway.capture(held.id, amount=usd(9_000), key=till.key("capture"))
    again = await till.gateway.capture(held.id, amount=usd(9_000), key=till.key("capture:2"))
    assert again == taken
    assert (await till.confirm(held.id, attempt=3)).state is PaymentState.CAPTURED
    assert (await till.effects()).count("captured") == 1


async def test_taken_money_is_not_cancelled(till: Till) -> None:
    payment = await till.captured()
    with pytest.raises(InvalidRequest) as refused:
        await till.gateway.cancel(payment.id, key=till.key("cancel"))
    assert refused.value.code == "captured"
    assert refused.value.request_id is not None


async def test_a_hold_that_was_never_made_cannot_be_taken(till: Till) -> None:
    payment = await till.create()
    with pytest.raises(InvalidRequest):
        await till.gateway.capture(payment.id, amount=usd(1_000), key=till.key("capture"))
    held = await till.confirm(payment.id)
    with pytest.raises(InvalidRequest) as refused:
        await till.gateway.capture(held.id, amount=usd(10_001), key=till.key("capture:2"))
    assert refused.value.code == "amount_too_large"
    assert await till.effects() == ["created", "authorised"]


async def test_a_hold_lapses_by_itself(till: Till) -> None:
    payment = await till.create()
    await till.arm("confirm", "short_hold", seconds=0.3)
    held = await till.confirm(payment.id)
    assert held.state is PaymentState.AUTHORISED
    async with asyncio.timeout(10):
        while (await till.gateway.retrieve(payment.id)).state is PaymentState.AUTHORISED:
            await asyncio.sleep(0.1)
    with pytest.raises(Declined) as refused:
        await till.gateway.capture(payment.id, amount=usd(1_000), key=till.key("capture"))
    assert refused.value.code == "authorisation_expired"
    assert await till.effects() == ["created", "authorised", "released"]
