"""Holds that end without a call of a client: they lapse, or Stripe's operator cancels them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox.stripe.conftest import Caller
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient


async def short_hold(caller: Caller, sandbox: SandboxClient, token: str) -> dict[str, Any]:
    await sandbox.arm("stripe", "confirm", "short_hold", seconds=1, reference=caller.booking)
    intent = await caller.intent()
    await caller.step(intent, "confirm", {"payment_method": token})
    return intent


async def ended(caller: Caller, intent: dict[str, Any]) -> list[str]:
    """The events about an intent once its hold has lapsed; nobody reads the intent meanwhile."""
    async with asyncio.timeout(10):
        while "payment_intent.canceled" not in (events := await caller.events(intent)):
            await asyncio.sleep(0.1)
    return events


async def test_a_short_hold_lapses_by_itself(caller: Caller, sandbox: SandboxClient) -> None:
    intent = await short_hold(caller, sandbox, "pm_card_visa")
    assert (await caller.money(intent))["held"] == 1000
    assert "charge.expired" in await ended(caller, intent)
    money = await caller.money(intent)
    assert (money["status"], money["held"], money["captured"]) == ("canceled", 0, 0)
    after = await caller.read(intent)
    assert after["cancellation_reason"] == "expired"
    assert (await caller.step(intent, "capture")).status_code == 400
    assert await caller.effects() == ["created", "authorised", "released"]


async def test_it_is_short_after_3d_secure_too(caller: Caller, sandbox: SandboxClient) -> None:
    intent = await short_hold(caller, sandbox, "pm_card_threeDSecure2Required")
    await asyncio.sleep(1.1)
    assert (await caller.authenticate(intent, "succeed")).json()["status"] == "requires_capture"
    assert "charge.expired" in await ended(caller, intent)


async def test_a_short_hold_that_was_captured_stays(caller: Caller, sandbox: SandboxClient) -> None:
    intent = await short_hold(caller, sandbox, "pm_card_visa")
    assert (await caller.step(intent, "capture")).status_code == 200
    await asyncio.sleep(2.2)
    assert (await caller.read(intent))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("state", "effect"), [("requires_capture", "released"), ("requires_action", "cancelled")]
)
async def test_cancelled_at_stripe(caller: Caller, state: str, effect: str) -> None:
    intent = await caller.in_state(state)
    await caller.control(f"payment_intents/{intent['id']}/cancel")
    after = await caller.read(intent)
    assert (after["status"], after["cancellation_reason"]) == ("canceled", "fraudulent")
    assert (await caller.events(intent))[-1] == "payment_intent.canceled"
    assert (await caller.effects())[-1] == effect
    again = await caller.http.post(
        f"{caller.url}/_sandbox/stripe/payment_intents/{intent['id']}/cancel"
    )
    assert again.json()["error"]["code"] == "payment_intent_unexpected_state"


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[tuple[Process, Caller]]:
    announce = tmp_path / "url"
    announce.unlink(missing_ok=True)
    state = ("--state-file", str(tmp_path / "world.sqlite"))
    process = Process("-m", "sandbox", "--announce-file", str(announce), *state, env={})
    caller = Caller(process.wait_for(announce))
    try:
        yield process, caller
    finally:
        await caller.http.aclose()
        if process.running:
            process.kill()


async def test_timers_survive_a_crash(tmp_path: Path) -> None:
    """A hold about to lapse and a refund on its way go on in the next process."""
    async with running(tmp_path) as (process, caller):
        async with httpx.AsyncClient(base_url=caller.url) as control:
            order = {"supplier": "stripe", "operation": "confirm", "kind": "short_hold"}
            await control.post("/_sandbox/faults", json={**order, "seconds": 1})
        held = await caller.intent()
        await caller.step(held, "confirm")
        paid = await caller.intent(payment_method="pm_card_refundFail", confirm="true")
        await caller.step(paid, "capture")
        refund = (await caller.post("/refunds", {"payment_intent": paid["id"]})).json()
        process.kill()
    async with running(tmp_path) as (_, caller):
        assert "charge.expired" in await ended(caller, held)
        async with asyncio.timeout(10):
            while (await caller.http.get(f"/refunds/{refund['id']}")).json()["status"] != "failed":
                await asyncio.sleep(0.1)
        assert (await caller.money(paid))["refunded"] == 0
