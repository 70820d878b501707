"""The emulated payment service by plain HTTP: shapes, keys, errors, faults, and its process."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from payments.payment_service.webhooks import verify
from tests.sandbox.stripe.test_webhooks import Inbox, inbox
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient

ROOT = "/payment_service/api/v1/payments"


class Caller:
    """Plain HTTP, as anybody's client would send it."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=10)
        self.booking = str(uuid.uuid4())

    async def post(
        self, path: str, body: Any = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        named = {"Idempotency-Key": key or str(uuid.uuid4()), **headers}
        return await self.http.post(f"{ROOT}{path}", json=body, headers=named)

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(f"{ROOT}{path}", params=query)

    def plan(self, **more: Any) -> dict[str, Any]:
        return {
            "amount": 1000,
            "currency": "EUR",
            "capture_method": "manual",
            "reference": self.booking,
            **more,
        }

    async def intent(self, **more: Any) -> str:
        answer = await self.post("/intents", self.plan(**more))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    async def held(self, method: str = "pm_card_visa") -> str:
        intent = await self.intent()
        answer = await self.post(f"/intents/{intent}/confirm", {"payment_method": method})
        assert answer.status_code == 200, answer.text
        return intent


@pytest.fixture
async def caller(sandbox_url: str) -> AsyncIterator[Caller]:
    made = Caller(sandbox_url)
    yield made
    await made.http.aclose()


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of an error, which has the published shape."""
    error = answer.json()["error"]
    assert set(error) == {"code", "message"}
    assert error["message"]
    return answer.status_code, error["code"]


async def test_the_shape_of_an_intent(caller: Caller) -> None:
    answer = await caller.post("/intents", caller.plan(metadata={"trip": "sample"}))
    assert answer.headers["X-Request-Id"]
    intent = answer.json()
    identifier, secret = intent.pop("id"), intent.pop("client_secret")
    assert secret.startswith(f"{identifier}_secret_")
    assert intent.pop("created_at").endswith("Z")
    assert intent == {
        "status": "requires_payment_method",
        "amount": 1000,
        "amount_captured": 0,
        "amount_refunded": 0,
        "disputed": False,
        "currency": "EUR",
        "capture_method": "manual",
        "reference": caller.booking,
        "hold": 1,
        "metadata": {"trip": "sample"},
        "payment_method": None,
        "transaction_id": None,
        "capture_before": None,
        "next_action": None,
        "decline_code": None,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 0},
        {"amount": "1000"},
        {"amount": 10.5},
        {"currency": "eur"},
        {"currency": None},
        {"capture_method": "later"},
        {"hold": 0},
        {"card": "visa"},
    ],
)
async def test_wrong_plans_are_refused(caller: Caller, change: dict[str, Any]) -> None:
    answer = await caller.post("/intents", caller.plan(**change))
    assert code(answer) == (422, "invalid_request")
    assert next(iter(change)) in answer.text


async def test_errors_have_one_shape(caller: Caller) -> None:
    intent = await caller.intent()
    no_key = await caller.http.post(f"{ROOT}/intents", json=caller.plan())
    assert code(no_key) == (422, "idempotency_key_missing")
    assert code(await caller.post("/intents", "text")) == (422, "invalid_request")
    assert code(await caller.get("/intents/none")) == (404, "not_found")
    for step in ("capture", "cancel", "confirm"):
        assert code(await caller.post(f"/intents/none/{step}", {})) == (404, "not_found")
    assert code(await caller.post("/surprises")) == (404, "no_such_route")
    assert code(await caller.get("/intents", card="x")) == (422, "invalid_request")
    assert code(await caller.get("/intents", limit="0")) == (422, "invalid_request")
    assert code(await caller.get("/intents", after="none")) == (422, "invalid_request")
    wrong = await caller.post(f"/intents/{intent}/capture", {"amount": 1})
    assert code(wrong) == (409, "wrong_state")
    key = await caller.post("/intents", caller.plan(), Authorization="Bearer live_key")
    assert code(key) == (401, "unauthorized")
    good = await caller.post("/intents", caller.plan(), Authorization="Bearer test_key")
    assert good.status_code == 200


async def test_a_key_answers_the_same_again_and_means_one_content(caller: Caller) -> None:
    first = await caller.post("/intents", caller.plan(), key=caller.booking)
    again = await caller.post("/intents", caller.plan(), key=caller.booking)
    assert again.json() == first.json()
    other = await caller.post("/intents", caller.plan(amount=1001), key=caller.booking)
    assert code(other) == (422, "idempotency_key_reused")
    intent = first.json()["id"]
    card = {"payment_method": "pm_card_visa_chargeDeclined"}
    for _ in range(2):
        declined = await caller.post(f"/intents/{intent}/confirm", card, key=f"{intent}:1")
        assert code(declined) == (402, "generic_decline")


async def test_taken_at_once_where_that_was_asked(caller: Caller) -> None:
    """What a service that cannot hold does; this one does it when it is asked to."""
    intent = await caller.intent(capture_method="automatic")
    paid = await caller.post(f"/intents/{intent}/confirm", {"payment_method": "pm_card_visa"})
    assert (paid.json()["status"], paid.json()["amount_captured"]) == ("succeeded", 1000)


async def test_state_and_log_know_its_payments(caller: Caller, sandbox: SandboxClient) -> None:
    intent = await caller.held()
    await caller.post(f"/intents/{intent}/capture", {"amount": 700})
    await caller.post("/refunds", {"intent_id": intent, "amount": 200, "reference": "r"})
    assert await sandbox.payments(caller.booking) == [
        {
            "id": intent,
            "status": "succeeded",
            "amount": 1000,
            "captured": 700,
            "refunded": 200,
            "booking": caller.booking,
            "currency": "EUR",
        }
    ]
    rows = await sandbox.log(caller.booking)
    assert {row["supplier"] for row in rows} == {"payment_service"}
    assert [(row["operation"], row["effect"], row["amount"]) for row in rows] == [
        ("create", "created", 1000),
        ("confirm", "authorised", 1000),
        ("capture", "captured", 700),
        ("refund", "refunded", 200),
    ]
    assert all(row["key"] for row in rows)


async def test_asking_for_what_nobody_made_meets_no_fault(
    caller: Caller, sandbox: SandboxClient
) -> None:
    """Gateways ask so to see whether a route is there; a fault is for a payment."""
    await sandbox.arm("payment_service", "capture", "error")
    assert code(await caller.post("/intents/none/capture", {"amount": 1})) == (404, "not_found")
    assert await sandbox.fired() == 0
    held = await caller.held()
    assert code(await caller.post(f"/intents/{held}/capture", {"amount": 1})) == (500, "internal")
    assert await sandbox.fired() == 1


async def test_the_banks_page(caller: Caller) -> None:
    intent = await caller.intent()
    body = {"payment_method": "pm_card_threeDSecure2Required", "return_url": "http://back.example/"}
    waiting = (await caller.post(f"/intents/{intent}/confirm", body)).json()
    assert waiting["status"] == "requires_action"
    url = waiting["next_action"]["redirect_to_url"]["url"]
    page = await caller.http.get(url)
    assert intent in page.text
    assert "1000 EUR" in page.text
    browser = {"Accept": "text/html"}
    answer = await caller.http.post(url, params={"outcome": "succeed"}, headers=browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "http://back.example/")
    assert (await caller.get(f"/intents/{intent}")).json()["status"] == "requires_capture"
    late = await caller.http.post(url, params={"outcome": "fail"})
    assert code(late) == (409, "wrong_state")
    assert (await caller.http.get(f"{url}x")).status_code == 404
    assert (await caller.http.post(f"{url}x", params={"outcome": "fail"})).status_code == 404


async def test_a_dispute_is_won(caller: Caller, sandbox: SandboxClient) -> None:
    intent = await caller.held("pm_card_createDispute")
    await caller.post(f"/intents/{intent}/capture", {"amount": 600})
    [dispute] = (await caller.get("/disputes", intent_id=intent)).json()["data"]
    assert (dispute["status"], dispute["amount"]) == ("open", 600)
    refund = {"intent_id": intent, "amount": 100, "reference": "r"}
    assert code(await caller.post("/refunds", refund)) == (422, "charge_disputed")
    await caller.http.post(f"/payment_service/_disputes/{dispute['id']}", params={"outcome": "won"})
    [closed] = (await caller.get("/disputes", intent_id=intent)).json()["data"]
    assert closed["status"] == "won"
    assert (await caller.post("/refunds", refund)).status_code == 200
    effects = [row["effect"] for row in await sandbox.log(caller.booking)]
    assert [e for e in effects if e in ("disputed", "reinstated")] == ["disputed", "reinstated"]


# -- webhooks ----------------------------------------------------------------------------------


async def told(box: Inbox, booking: str, count: int) -> list[str]:
    """The types of the events that arrived about a booking, each verified."""
    deliveries = await box.wait(count, booking)
    events = [verify(d["body"], d["headers"], ["shared"]) for d in deliveries]
    assert {event.booking_id for event in events} == {booking}
    assert {event.livemode for event in events} == {False}
    return [event.type for event in events]


@contextlib.asynccontextmanager
async def listening(caller: Caller, *statuses: int) -> AsyncIterator[Inbox]:
    async with inbox(*statuses) as box:
        made = await caller.http.post(
            "/payment_service/_webhooks", json={"url": box.url, "secret": "shared"}
        )
        assert made.status_code == 201
        yield box
        gone = await caller.http.delete("/payment_service/_webhooks", params={"url": box.url})
        assert gone.status_code == 204


async def test_everything_that_happens_is_told_signed(caller: Caller) -> None:
    async with listening(caller) as box:
        intent = await caller.held()
        await caller.post(f"/intents/{intent}/capture", {"amount": 700})
        await caller.post("/refunds", {"intent_id": intent, "amount": 1, "reference": "r"})
        types = await told(box, caller.booking, 4)
    assert sorted(types) == [
        "intent.authorised",
        "intent.captured",
        "intent.created",
        "refund.created",
    ]


async def test_an_event_is_told_again_until_somebody_takes_it(caller: Caller) -> None:
    async with listening(caller, 500) as box:
        await caller.intent()
        assert await told(box, caller.booking, 2) == ["intent.created"] * 2
    first, second = (await box.wait(2, caller.booking))[:2]
    assert first["body"] == second["body"]


# -- the process -------------------------------------------------------------------------------


async def test_its_world_survives_a_restart_and_a_webhook_can_be_named_at_its_start(
    tmp_path: Path,
) -> None:
    state, announce = str(tmp_path / "world.sqlite"), tmp_path / "url"

    async def start(*more: str) -> tuple[Process, Caller]:
        announce.unlink(missing_ok=True)
        arguments = ("--state-file", state, "--announce-file", str(announce), *more)
        process = Process("-m", "sandbox", *arguments, env={})
        return process, Caller(await asyncio.to_thread(process.wait_for, announce))

    process, before = await start()
    key = str(uuid.uuid4())
    intent = (await before.post("/intents", before.plan(), key=key)).json()
    card = {"payment_method": "pm_card_visa"}
    await before.post(f"/intents/{intent['id']}/confirm", card)
    assert await asyncio.to_thread(process.stop) == 0
    await before.http.aclose()
    async with inbox() as box:
        process, after = await start("--payment-service-webhook", box.url, "shared")
        try:
            again = await after.post("/intents", before.plan(), key=key)
            assert again.json()["id"] == intent["id"]
            taken = await after.post(f"/intents/{intent['id']}/capture", {"amount": 1000})
            assert taken.json()["status"] == "succeeded"
            assert await told(box, before.booking, 1) == ["intent.captured"]
        finally:
            await after.http.aclose()
            process.kill()
