"""Idempotency keys, as providers.md §1 documents them."""

import asyncio
import uuid
from typing import Any

import pytest

from tests.sandbox.stripe.conftest import Caller
from tests.support.sandbox_client import SandboxClient

DATA = {"amount": "1000", "currency": "usd", "capture_method": "manual"}


@pytest.fixture
def key() -> str:
    return str(uuid.uuid4())


async def test_a_repeat_gets_the_first_answer_and_does_nothing(caller: Caller, key: str) -> None:
    data = DATA | {"metadata[booking_id]": caller.booking, "payment_method": "pm_card_visa"}
    first = await caller.post("/payment_intents", data, key)
    await caller.step(first.json(), "confirm")
    again = await caller.post("/payment_intents", data, key)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.headers
    assert await caller.effects() == ["created", "authorised"]


async def test_the_order_of_parameters_makes_no_other_request(caller: Caller, key: str) -> None:
    first = await caller.post("/payment_intents", DATA, key)
    again = await caller.post("/payment_intents", dict(reversed(DATA.items())), key)
    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize("other", [{"amount": "1001"}, {"description": "more"}])
async def test_other_parameters_under_the_same_key_are_refused(
    caller: Caller, key: str, other: dict[str, str]
) -> None:
    await caller.post("/payment_intents", DATA, key)
    answer = await caller.post("/payment_intents", DATA | other, key)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "idempotency_error"


async def test_another_path_under_the_same_key_is_refused(caller: Caller, key: str) -> None:
    await caller.post("/payment_intents", DATA, key)
    answer = await caller.post("/customers", DATA, key)
    assert answer.json()["error"]["type"] == "idempotency_error"


async def test_validation_failures_are_not_kept(caller: Caller, key: str) -> None:
    refused = await caller.post("/payment_intents", DATA | {"amount": "x"}, key)
    assert refused.status_code == 400
    made = await caller.post("/payment_intents", DATA, key)
    assert made.status_code == 200
    assert "Idempotent-Replayed" not in made.headers


async def test_a_decline_is_kept(caller: Caller, key: str) -> None:
    intent = await caller.intent(payment_method="pm_card_visa_chargeDeclined")
    path = f"/payment_intents/{intent['id']}/confirm"
    first = await caller.post(path, key=key)
    again = await caller.post(path, key=key)
    assert (first.status_code, again.status_code) == (402, 402)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()


async def test_a_500_after_the_work_is_kept(
    caller: Caller, sandbox: SandboxClient, key: str
) -> None:
    intent = await caller.in_state("requires_capture")
    await sandbox.arm("stripe", "capture", "commit_then_error", reference=caller.booking)
    path = f"/payment_intents/{intent['id']}/capture"
    answers = [await caller.post(path, key=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert answers[2].headers["Idempotent-Replayed"] == "true"
    assert (await caller.read(intent))["status"] == "succeeded"
    assert (await caller.effects()).count("captured") == 1


async def test_a_500_before_the_work_is_not_kept(
    caller: Caller, sandbox: SandboxClient, key: str
) -> None:
    intent = await caller.in_state("requires_capture")
    await sandbox.arm("stripe", "capture", "error", reference=caller.booking)
    path = f"/payment_intents/{intent['id']}/capture"
    assert (await caller.post(path, key=key)).status_code == 500
    assert (await caller.post(path, key=key)).json()["status"] == "succeeded"


async def test_a_request_delivered_twice_under_a_key_is_done_once(
    caller: Caller, sandbox: SandboxClient, key: str
) -> None:
    intent = await caller.in_state("requires_capture")
    await sandbox.arm("stripe", "capture", "duplicate", reference=caller.booking)
    answer = await caller.post(f"/payment_intents/{intent['id']}/capture", key=key)
    assert answer.json()["status"] == "succeeded"
    assert (await caller.effects()).count("captured") == 1


async def test_concurrent_use_is_a_conflict(
    caller: Caller, sandbox: SandboxClient, key: str
) -> None:
    intent = await caller.in_state("requires_capture")
    await sandbox.arm("stripe", "capture", "slow", seconds=1, reference=caller.booking)
    path = f"/payment_intents/{intent['id']}/capture"

    async def second() -> Any:
        await asyncio.sleep(0.3)
        return await caller.post(path, key=key)

    first, conflict = await asyncio.gather(caller.post(path, key=key), second())
    assert first.status_code == 200
    assert conflict.status_code == 409
    assert conflict.json()["error"]["code"] == "idempotency_key_in_use"
    assert (await caller.post(path, key=key)).status_code == 200


async def test_an_overlong_key_is_refused(caller: Caller) -> None:
    assert (await caller.post("/payment_intents", DATA, "k" * 256)).status_code == 400
