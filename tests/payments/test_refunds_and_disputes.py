"""Money going back: by our refunds, by somebody else's, and through the card holder's bank."""

import asyncio
import json

import httpx
import pytest

from models.core.errors import InvalidRequest
from payments.core.protocol import Dispute, Refund
from tests.payments.conftest import Till, usd


async def at_stripe(till: Till, path: str, **query: str) -> None:
    """Have something happen at Stripe that we did not ask for."""
    answer = await till.sandbox.http.post(f"/_sandbox/stripe/{path}", params=query)
    assert answer.status_code == 200, answer.text


async def test_equal_refunds_are_told_apart_by_their_rows(till: Till) -> None:
    payment = await till.captured()
    for number in (1, 2, 3):
        await till.refund(payment.id, 500, number)
    refunds = await till.gateway.refunds(payment.id)
    assert [r.reference for r in refunds] == [till.key(f"refund:{n}") for n in (1, 2, 3)]
    assert {r.amount for r in refunds} == {usd(500)}


async def test_a_refund_from_the_dashboard_has_no_row_of_ours(till: Till) -> None:
    payment = await till.captured()
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_dashboard"}) as person:
        made = await person.post(
            f"{till.sandbox.url}/stripe/v1/refunds",
            data={"payment_intent": payment.id, "amount": "700"},
        )
    [refund] = await till.gateway.refunds(payment.id)
    assert (refund.id, refund.reference, refund.amount) == (made.json()["id"], None, usd(700))
    assert (await till.gateway.retrieve(payment.id)).refunded == 700


async def settled(till: Till, payment_id: str, status: str) -> Refund:
    async with asyncio.timeout(10):
        while (refund := (await till.gateway.refunds(payment_id))[0]).status != status:
            await asyncio.sleep(0.1)
    return refund


async def test_a_refund_that_the_bank_sends_back(till: Till) -> None:
    payment = await till.captured(method="pm_card_refundFail")
    made = await till.refund(payment.id, 10_000)
    assert (made.status, made.failure_reason) == ("succeeded", None)
    assert (await till.gateway.retrieve(payment.id)).refunded == 10_000
    failed = await settled(till, payment.id, "failed")
    assert (failed.id, failed.reference) == (made.id, made.reference)
    assert failed.failure_reason == "expired_or_canceled_card"
    assert (await till.gateway.retrieve(payment.id)).refunded == 0
    again = await till.refund(payment.id, 10_000, number=2)
    assert again.id != made.id


async def test_a_refund_that_takes_its_time(till: Till) -> None:
    payment = await till.captured(method="pm_card_pendingRefund")
    assert (await till.refund(payment.id, 100)).status == "pending"
    assert (await till.gateway.retrieve(payment.id)).refunded == 100
    await settled(till, payment.id, "succeeded")


async def only(till: Till, payment_id: str) -> Dispute:
    [dispute] = await till.gateway.disputes(payment_id)
    return dispute


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute_is_open_until_it_is_decided(till: Till, outcome: str) -> None:
    payment = await till.captured(9_000, "pm_card_createDispute")
    dispute = await only(till, payment.id)
    assert (dispute.status, dispute.amount) == ("open", usd(9_000))
    assert (dispute.payment_id, dispute.reason) == (payment.id, "fraudulent")
    await at_stripe(till, f"disputes/{dispute.id}", outcome=outcome)
    assert await only(till, payment.id) == dispute.model_copy(update={"status": outcome})


async def test_disputes_come_oldest_first(till: Till) -> None:
    payment = await till.captured()
    assert await till.gateway.disputes(payment.id) == []
    for amount in ("100", "200", "300"):
        await at_stripe(till, f"payment_intents/{payment.id}/dispute", amount=amount)
    disputes = await till.gateway.disputes(payment.id)
    assert [d.amount.amount for d in disputes] == [100, 200, 300]


async def test_an_enquiry_is_no_dispute(till: Till) -> None:
    payment = await till.captured(method="pm_card_createDisputeInquiry")
    assert await till.gateway.disputes(payment.id) == []
    assert (await till.refund(payment.id, 100)).status == "succeeded"


async def test_what_is_charged_back_is_not_refunded_as_well(till: Till) -> None:
    payment = await till.captured(method="pm_card_createDispute")
    with pytest.raises(InvalidRequest) as refused:
        await till.refund(payment.id, 100)
    assert refused.value.code == "charge_disputed"


async def test_long_lists_are_read_to_their_end(till: Till) -> None:
    payment = await till.captured()
    gate = asyncio.Semaphore(8)

    async def refund(number: int) -> None:
        async with gate:
            await till.refund(payment.id, 1, number)

    await asyncio.gather(*(refund(number) for number in range(101)))
    refunds = await till.gateway.refunds(payment.id)
    assert len({r.reference for r in refunds}) == 101
    times = [r.created_at for r in refunds]
    assert times == sorted(times)
    rows = await till.sandbox.log(till.booking)
    assert len([row for row in rows if "refund" in json.dumps(row["effect"])]) == 101
