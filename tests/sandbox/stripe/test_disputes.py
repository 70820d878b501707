"""Disputes: when the money goes, when it comes back, and what can be refunded meanwhile."""

from typing import Any

import pytest

from tests.sandbox.stripe.conftest import Caller


async def captured(caller: Caller, token: str = "pm_card_visa") -> dict[str, Any]:
    intent = await caller.intent(payment_method=token, confirm="true")
    return dict((await caller.step(intent, "capture")).json())


async def disputes(caller: Caller, intent: dict[str, Any]) -> list[dict[str, Any]]:
    listed = await caller.http.get("/disputes", params={"payment_intent": intent["id"]})
    assert listed.status_code == 200, listed.text
    return list(listed.json()["data"])


DISPUTED = ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


@pytest.mark.parametrize(
    ("outcome", "gone", "events"),
    [
        ("won", 0, [*DISPUTED, "charge.dispute.funds_reinstated", "charge.dispute.closed"]),
        ("lost", 1000, [*DISPUTED, "charge.dispute.closed"]),
    ],
)
async def test_a_dispute_takes_the_money_until_it_is_won(
    caller: Caller, outcome: str, gone: int, events: list[str]
) -> None:
    intent = await captured(caller, "pm_card_createDispute")
    [dispute] = await disputes(caller, intent)
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 1000)
    assert (await caller.money(intent))["disputed"] == 1000
    closed = await caller.control(f"disputes/{dispute['id']}", outcome=outcome)
    assert closed["status"] == outcome
    assert (await caller.money(intent))["disputed"] == gone
    assert [e for e in await caller.events(intent) if "dispute" in e] == events


async def test_what_is_charged_back_is_not_refunded(caller: Caller) -> None:
    intent = await captured(caller, "pm_card_createDispute")
    refused = await caller.post("/refunds", {"payment_intent": intent["id"]})
    assert refused.json()["error"]["code"] == "charge_disputed"
    [dispute] = await disputes(caller, intent)
    await caller.control(f"disputes/{dispute['id']}", outcome="won")
    assert (await caller.post("/refunds", {"payment_intent": intent["id"]})).status_code == 200


async def test_an_enquiry_moves_no_money(caller: Caller) -> None:
    intent = await captured(caller, "pm_card_createDisputeInquiry")
    [enquiry] = await disputes(caller, intent)
    assert enquiry["status"] == "warning_needs_response"
    assert (await caller.money(intent))["disputed"] == 0
    closed = await caller.control(f"disputes/{enquiry['id']}", outcome="won")
    assert closed["status"] == "warning_closed"
    assert (await caller.post("/refunds", {"payment_intent": intent["id"]})).status_code == 200
    assert "charge.dispute.funds_withdrawn" not in await caller.events(intent)


async def test_a_part_is_disputed_and_the_dispute_accepted(caller: Caller) -> None:
    intent = await captured(caller)
    await caller.post("/refunds", {"payment_intent": intent["id"], "amount": "300"})
    made = await caller.control(f"payment_intents/{intent['id']}/dispute", amount=200)
    assert made["amount"] == 200
    rest = await caller.control(f"payment_intents/{intent['id']}/dispute")
    assert rest["amount"] == 500
    assert [d["id"] for d in await disputes(caller, intent)] == [rest["id"], made["id"]]
    accepted = await caller.post(f"/disputes/{made['id']}/close")
    assert accepted.json()["status"] == "lost"
    again = await caller.post(f"/disputes/{made['id']}/close")
    assert again.status_code == 400
    money = await caller.money(intent)
    assert (money["captured"], money["refunded"], money["disputed"]) == (1000, 300, 700)
    assert (await caller.effects())[-3:] == ["refunded", "disputed", "disputed"]


async def test_what_cannot_be_disputed(caller: Caller) -> None:
    held = await caller.in_state("requires_capture")
    for intent in (held, await caller.in_state("requires_payment_method")):
        answer = await caller.http.post(
            f"{caller.url}/_sandbox/stripe/payment_intents/{intent['id']}/dispute"
        )
        assert answer.status_code == 400
    missing = await caller.http.post(
        f"{caller.url}/_sandbox/stripe/disputes/du_no", params={"outcome": "won"}
    )
    assert missing.status_code == 404
