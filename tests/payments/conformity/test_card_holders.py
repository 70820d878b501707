"""What card holders and their banks do: prove, decline, send back, dispute."""

import asyncio

import httpx
import pytest

from models.core.errors import Declined, InvalidRequest
from payments.core.protocol import PaymentState
from tests.payments.conformity.conftest import BACK
from tests.payments.conftest import Till, usd


@pytest.mark.parametrize("outcome", ["succeed", "fail"])
async def test_a_traveller_who_must_authenticate(till: Till, outcome: str) -> None:
    payment = await till.authorised("pm_card_threeDSecure2Required")
    assert payment.state is PaymentState.ACTION_REQUIRED
    assert payment.client_secret is not None
    assert payment.next_action is not None
    redirect = payment.next_action["redirect_to_url"]
    assert redirect["return_url"] == BACK
    async with httpx.AsyncClient() as traveller:
        await traveller.post(redirect["url"], params={"outcome": outcome})
    read = await till.gateway.retrieve(payment.id)
    if outcome == "succeed":
        assert (read.state, read.next_action) == (PaymentState.AUTHORISED, None)
    else:
        assert (read.state, read.next_action) == (PaymentState.UNCONFIRMED, None)
        assert read.decline_code is not None
        assert (await till.confirm(payment.id, attempt=2)).state is PaymentState.AUTHORISED


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
async def test_declines_name_their_reason_and_another_card_may_follow(
    till: Till, method: str, code: str
) -> None:
    payment = await till.create()
    for _ in range(2):  # the same key has the same answer
        with pytest.raises(Declined) as declined:
            await till.confirm(payment.id, method)
        assert (declined.value.code, declined.value.status) == (code, 402)
    read = await till.gateway.retrieve(payment.id)
    assert (read.state, read.decline_code) == (PaymentState.UNCONFIRMED, code)
    held = await till.confirm(payment.id, attempt=2)
    assert (held.state, held.decline_code) == (PaymentState.AUTHORISED, None)


async def test_a_refund_that_the_bank_sends_back(till: Till) -> None:
    payment = await till.captured(method="pm_card_refundFail")
    refund = await till.refund(payment.id, 4_000)
    assert refund.status == "succeeded"
    async with asyncio.timeout(10):
        while (failed := (await till.gateway.refunds(payment.id))[0]).status == "succeeded":
            await asyncio.sleep(0.2)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert failed.reference == till.key("refund:1")
    assert (await till.gateway.retrieve(payment.id)).refunded == 0


async def test_a_dispute_takes_the_money_back(till: Till) -> None:
    quiet = await till.captured()
    assert await till.gateway.disputes(quiet.id) == []
    assert not quiet.disputed
    other = Till(till.gateway, till.sandbox)
    payment = await other.captured(7_000, method="pm_card_createDispute")
    [dispute] = await till.gateway.disputes(payment.id)
    assert (dispute.payment_id, dispute.amount) == (payment.id, usd(7_000))
    assert (dispute.status, dispute.reason) == ("open", "fraudulent")
    assert (await till.gateway.retrieve(payment.id)).disputed
    with pytest.raises(InvalidRequest):
        await other.refund(payment.id, 1_000)
