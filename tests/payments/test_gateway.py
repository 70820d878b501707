"""The Stripe gateway over the sandbox: what it answers, and what each failure becomes."""

import uuid

import pytest

from models.core.errors import AuthConfig, Declined, InvalidRequest
from payments.core.protocol import PaymentState
from payments.registry import create_gateway
from payments.stripe.adapter import StripeGateway
from settings import Settings
from tests.payments.conftest import Till, usd


async def test_create_moves_no_money(till: Till) -> None:
    payment = await till.create()
    assert payment.state is PaymentState.UNCONFIRMED
    assert payment.amount == usd(10_000)
    assert payment.client_secret is not None
    assert await till.effects() == ["created"]


async def test_create_twice_with_one_key_is_one_payment(till: Till) -> None:
    assert (await till.create()).id == (await till.create()).id
    assert await till.effects() == ["created"]


async def test_authorise_and_capture_a_part(till: Till) -> None:
    held = await till.authorised()
    assert held.state is PaymentState.AUTHORISED
    assert held.charge_id is not None
    assert held.capture_before is not None
    taken = await till.gateway.capture(held.id, amount=usd(7_000), key=till.key("capture"))
    assert (taken.state, taken.captured, taken.refunded) == (PaymentState.CAPTURED, 7_000, 0)
    assert await till.effects() == ["created", "authorised", "captured"]


async def test_refunds_are_counted_without_what_the_capture_released(till: Till) -> None:
    payment = await till.captured(7_000)
    first = await till.refund(payment.id, 1_000)
    again = await till.refund(payment.id, 1_000)
    second = await till.refund(payment.id, 500, number=2)
    assert first == again
    assert (first.amount, first.status) == (usd(1_000), "succeeded")
    assert await till.gateway.refunds(payment.id) == [first, second]
    read = await till.gateway.retrieve(payment.id)
    assert (read.captured, read.refunded) == (7_000, 1_500)


async def test_a_full_capture_and_refund(till: Till) -> None:
    payment = await till.captured()
    await till.refund(payment.id, 10_000)
    assert (await till.gateway.retrieve(payment.id)).refunded == 10_000


async def test_refunding_more_than_is_left(till: Till) -> None:
    payment = await till.captured(7_000)
    with pytest.raises(InvalidRequest) as more:
        await till.refund(payment.id, 7_001)
    assert more.value.code == "charge_already_refunded"
    await till.refund(payment.id, 7_000, number=2)
    with pytest.raises(InvalidRequest) as nothing:
        await till.refund(payment.id, 1, number=3)
    assert nothing.value.code == "charge_already_refunded"


async def test_cancel_releases_and_is_absorbing(till: Till) -> None:
    held = await till.authorised()
    released = await till.gateway.cancel(held.id, key=till.key("cancel"))
    assert released.state is PaymentState.RELEASED
    again = await till.gateway.cancel(held.id, key=till.key("cancel:2"))
    assert again.state is PaymentState.RELEASED
    assert await till.effects() == ["created", "authorised", "released"]


async def test_cancel_of_captured_money_is_refused_by_name(till: Till) -> None:
    payment = await till.captured()
    with pytest.raises(InvalidRequest) as refused:
        await till.gateway.cancel(payment.id, key=till.key("cancel"))
    assert refused.value.code == "captured"
    assert refused.value.request_id is not None


async def test_capture_of_a_released_hold(till: Till) -> None:
    held = await till.authorised()
    await till.gateway.cancel(held.id, key=till.key("cancel"))
    with pytest.raises(Declined) as refused:
        await till.gateway.capture(held.id, amount=usd(1_000), key=till.key("capture"))
    assert refused.value.code == "authorisation_expired"


async def test_capture_of_an_unconfirmed_payment(till: Till) -> None:
    payment = await till.create()
    with pytest.raises(InvalidRequest) as refused:
        await till.gateway.capture(payment.id, amount=usd(1_000), key=till.key("capture"))
    assert refused.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
    ],
)
async def test_declines_name_their_reason(till: Till, method: str, code: str) -> None:
    payment = await till.create()
    with pytest.raises(Declined) as declined:
        await till.confirm(payment.id, method)
    assert (declined.value.code, declined.value.status) == (code, 402)
    read = await till.gateway.retrieve(payment.id)
    assert (read.state, read.decline_code) == (PaymentState.UNCONFIRMED, code)


async def test_payment_method_and_unknown_ids(till: Till) -> None:
    method = await till.gateway.payment_method("pm_card_mastercard")
    assert (method.type, method.brand, method.last4) == ("card", "mastercard", "4444")
    assert method.expires is not None
    assert method.expires.day >= 28
    for read in (till.gateway.retrieve, till.gateway.payment_method):
        with pytest.raises(InvalidRequest) as missing:
            await read("pi_none")
        assert missing.value.code == "resource_missing"


async def test_wrong_content_is_refused(till: Till) -> None:
    with pytest.raises(InvalidRequest) as small:
        await till.create(amount=10)
    assert small.value.code == "amount_too_small"
    await till.create()
    with pytest.raises(InvalidRequest) as other:
        await till.create(amount=20_000)
    assert other.value.code == "idempotency_error"


@pytest.mark.parametrize("url", ["127.0.0.1:1", "ftp://127.0.0.1"])
async def test_an_address_that_is_none(url: str) -> None:
    gateway = StripeGateway(key="sk_test_x", url=url, timeout=1)
    with pytest.raises(AuthConfig):
        await gateway.retrieve("pi_x")
    await gateway.close()


async def test_a_wrong_key(sandbox_url: str) -> None:
    gateway = StripeGateway(key="sk_wrong", url=f"{sandbox_url}/stripe", timeout=2)
    with pytest.raises(AuthConfig) as refused:
        await gateway.retrieve("pi_x")
    assert refused.value.status == 401
    await gateway.close()


async def test_the_registry_makes_the_gateway_the_settings_ask_for(sandbox_url: str) -> None:
    gateway = create_gateway(Settings(sandbox_url=sandbox_url))
    assert gateway.name == "stripe"
    assert await gateway.find(str(uuid.uuid4())) is None
    await gateway.close()
