"""The API version that the sandbox speaks, and what that version changed about money.

Source: Stripe's changelog, 2025-03-31.basil, "Partially capturing or canceling payments no longer
creates a Refund"; 2026-09-30.endive, removal of ``payment_method_types``.
"""

import stripe

from sandbox.stripe.objects import API_VERSION
from tests.sandbox.stripe.conftest import Caller


async def test_it_speaks_the_version_of_the_sdk(caller: Caller) -> None:
    assert stripe.api_version == API_VERSION
    answer = await caller.http.get("/events", headers={"Stripe-Version": API_VERSION})
    assert answer.status_code == 200
    assert answer.headers["Stripe-Version"] == API_VERSION


async def test_another_version_is_refused(caller: Caller) -> None:
    older = {"Stripe-Version": "2024-06-20"}
    answer = await caller.http.get("/events", headers=older)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert "2024-06-20" in answer.json()["error"]["message"]


async def test_a_partial_capture_is_no_refund(caller: Caller) -> None:
    intent = await caller.in_state("requires_capture")
    taken = (await caller.step(intent, "capture", {"amount_to_capture": "700"})).json()
    charge = (await caller.read(taken))["latest_charge"]
    assert (charge["amount"], charge["amount_captured"], charge["captured"]) == (1000, 700, True)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    listed = await caller.http.get("/refunds", params={"payment_intent": intent["id"]})
    assert listed.json()["data"] == []
    assert "charge.captured" in await caller.events(intent)
    assert "charge.refunded" not in await caller.events(intent)


async def test_a_cancellation_is_no_refund(caller: Caller) -> None:
    intent = await caller.in_state("requires_capture")
    await caller.step(intent, "cancel")
    charge = (await caller.read(intent))["latest_charge"]
    assert (charge["amount_captured"], charge["captured"]) == (0, False)
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    told = await caller.events(intent)
    assert "payment_intent.canceled" in told
    assert "charge.refunded" not in told


async def test_what_the_newest_version_took_away_is_refused(caller: Caller) -> None:
    answer = await caller.http.post(
        "/payment_intents",
        data={"amount": "1000", "currency": "usd", "payment_method_types[]": "card"},
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "payment_method_types_no_longer_supported"
