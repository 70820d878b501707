"""Refunds: never more than was captured, pending ones and those the bank sends back."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.sandbox.stripe.conftest import Caller


async def captured(
    caller: Caller, token: str = "pm_card_visa", amount: int = 800
) -> dict[str, Any]:
    intent = await caller.intent(payment_method=token, confirm="true")
    await caller.step(intent, "capture", {"amount_to_capture": str(amount)})
    return intent


async def refund(caller: Caller, intent: dict[str, Any], amount: int | None) -> httpx.Response:
    data = {"payment_intent": intent["id"]}
    if amount is not None:
        data["amount"] = str(amount)
    return await caller.post("/refunds", data)


async def refunded(caller: Caller, intent: dict[str, Any]) -> int:
    return int((await caller.money(intent))["refunded"])


async def test_several_partial_refunds_until_nothing_is_left(caller: Caller) -> None:
    intent = await captured(caller)
    assert (await refund(caller, intent, 300)).json()["status"] == "succeeded"
    assert (await refund(caller, intent, 501)).status_code == 400
    assert (await refund(caller, intent, None)).json()["amount"] == 500
    last = await refund(caller, intent, 1)
    assert last.json()["error"]["code"] == "charge_already_refunded"
    assert await refunded(caller, intent) == 800
    listed = await caller.http.get("/refunds", params={"payment_intent": intent["id"]})
    assert [r["amount"] for r in listed.json()["data"]] == [500, 300]
    assert (await caller.read(intent))["latest_charge"]["refunded"] is True
    assert (await caller.effects())[-2:] == ["refunded", "refunded"]


@pytest.mark.parametrize("state", ["requires_capture", "canceled", "requires_confirmation"])
async def test_what_was_not_captured_is_not_refunded(caller: Caller, state: str) -> None:
    intent = await caller.in_state(state)
    answer = await refund(caller, intent, 100)
    assert answer.status_code == 400
    assert "successful charge" in answer.json()["error"]["message"]


async def test_by_charge_and_for_nobody(caller: Caller) -> None:
    intent = await captured(caller)
    charge = (await caller.read(intent))["latest_charge"]["id"]
    assert (await caller.post("/refunds", {"charge": charge})).json()["amount"] == 800
    assert (await caller.post("/refunds", {"payment_intent": "pi_no"})).status_code == 404
    assert (await caller.post("/refunds", {})).json()["error"]["code"] == "parameter_missing"


async def settled(caller: Caller, made: dict[str, Any], status: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            now = (await caller.http.get(f"/refunds/{made['id']}")).json()
            if now["status"] == status:
                return dict(now)
            await asyncio.sleep(0.1)


async def test_a_pending_refund_succeeds_later(caller: Caller) -> None:
    intent = await captured(caller, "pm_card_pendingRefund")
    made = (await refund(caller, intent, None)).json()
    assert made["status"] == "pending"
    assert await refunded(caller, intent) == 800
    await settled(caller, made, "succeeded")


async def test_a_refund_that_the_bank_sends_back(caller: Caller) -> None:
    intent = await captured(caller, "pm_card_refundFail")
    made = (await refund(caller, intent, None)).json()
    assert made["status"] == "succeeded"
    failed = await settled(caller, made, "failed")
    assert failed["failure_reason"] == "expired_or_canceled_card"
    assert await refunded(caller, intent) == 0
    events = await caller.http.get("/events", params={"type": "refund.failed", "limit": "100"})
    assert made["id"] in [event["data"]["object"]["id"] for event in events.json()["data"]]


async def test_money_sent_back_is_there_to_be_refunded_again(caller: Caller) -> None:
    intent = await captured(caller, amount=1000)
    first = (await refund(caller, intent, 600)).json()
    assert (await caller.read(intent))["latest_charge"]["amount_refunded"] == 600
    failed = await caller.control(f"refunds/{first['id']}/fail", reason="lost_or_stolen_card")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "lost_or_stolen_card")
    charge = (await caller.read(intent))["latest_charge"]
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert (await refund(caller, intent, 1000)).json()["status"] == "succeeded"
    assert (await caller.effects())[-3:] == ["refunded", "refund_failed", "refunded"]
    assert (await caller.events(intent))[-5:] == [
        "refund.updated", "charge.refund.updated", "refund.failed",
        "refund.created", "charge.refunded",
    ]  # fmt: skip


async def test_refunds_keep_what_they_are_told(caller: Caller) -> None:
    intent = await captured(caller)
    data = {"payment_intent": intent["id"], "amount": "5", "metadata[refund_key]": "row-1"}
    made = (await caller.post("/refunds", data)).json()
    assert made["metadata"] == {"refund_key": "row-1"}
    from_the_dashboard = (await refund(caller, intent, 7)).json()
    assert from_the_dashboard["metadata"] == {}
