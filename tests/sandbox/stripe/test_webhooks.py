"""Webhooks are really delivered, signed, and again until somebody says 2xx."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe.conftest import Caller
from tests.support.sandbox_client import SandboxClient


class Inbox:
    """An HTTP server that keeps what it is sent."""

    def __init__(self, statuses: list[int]) -> None:
        self.statuses = statuses
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.received.append((headers, body))
        status = self.statuses.pop(0) if self.statuses else 200
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()

    async def wait(self, count: int, booking: str) -> list[dict[str, Any]]:
        async with asyncio.timeout(15):
            while True:
                mine = [
                    (headers, body) for headers, body in self.received if booking.encode() in body
                ]
                if len(mine) >= count:
                    return [{"headers": h, "body": b} for h, b in mine]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def inbox(*statuses: int) -> AsyncIterator[Inbox]:
    box = Inbox([*statuses])
    server = await asyncio.start_server(box.take, "127.0.0.1", 0)
    box.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield box


@asynccontextmanager
async def endpoint(caller: Caller, url: str, *kinds: str) -> AsyncIterator[dict[str, Any]]:
    data = {"url": url} | {f"enabled_events[{n}]": kind for n, kind in enumerate(kinds)}
    made = await caller.post("/webhook_endpoints", data)
    assert made.status_code == 200, made.text
    yield made.json()
    gone = await caller.http.delete(f"/webhook_endpoints/{made.json()['id']}")
    assert gone.json()["deleted"] is True


async def test_events_arrive_signed(caller: Caller) -> None:
    async with (
        inbox() as box,
        endpoint(caller, box.url, "payment_intent.amount_capturable_updated") as made,
    ):
        intent = await caller.intent(confirm="true")
        [delivery] = await box.wait(1, caller.booking)
        event = stripe.Webhook.construct_event(
            delivery["body"],
            delivery["headers"]["stripe-signature"],
            made["secret"],
            api_key="sk_test_x",
        )
    assert event["type"] == "payment_intent.amount_capturable_updated"
    assert event["data"]["object"]["id"] == intent["id"]
    assert event["data"]["object"]["status"] == "requires_capture"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(
            delivery["body"], delivery["headers"]["stripe-signature"], "whsec_other"
        )


async def test_a_refused_event_comes_again(caller: Caller) -> None:
    async with inbox(500, 302) as box, endpoint(caller, box.url, "payment_intent.created"):
        await caller.intent()
        deliveries = await box.wait(3, caller.booking)
    assert len({delivery["body"] for delivery in deliveries}) == 1


async def test_the_whole_story_of_a_payment(caller: Caller) -> None:
    async with inbox() as box, endpoint(caller, box.url, "*"):
        intent = await caller.intent(confirm="true")
        await caller.step(intent, "capture", {"amount_to_capture": "700"})
        await caller.post("/refunds", {"payment_intent": intent["id"]})
        await asyncio.sleep(0.3)
        listed = (await caller.http.get("/events", params={"limit": "100"})).json()["data"]
    mine = [
        event["type"]
        for event in reversed(listed)
        if intent["id"]
        in (event["data"]["object"]["id"], event["data"]["object"].get("payment_intent"))
    ]
    assert mine == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
    ]
    assert len([1 for _, body in box.received if intent["id"].encode() in body]) == len(mine)


async def test_the_secret_is_shown_once(caller: Caller) -> None:
    async with endpoint(caller, "http://127.0.0.1:9/", "*") as made:
        assert made["secret"].startswith("whsec_")
        listed = (await caller.http.get("/webhook_endpoints", params={"limit": "100"})).json()
        shown = next(entry for entry in listed["data"] if entry["id"] == made["id"])
        assert "secret" not in shown


@asynccontextmanager
async def disturbed(caller: Caller, **order: Any) -> AsyncIterator[None]:
    url = f"{caller.url}/_sandbox/stripe/webhooks"
    made = await caller.http.post(url, json=order)
    assert made.status_code == 200, made.text
    assert made.json() == {"duplicate": 1, "shuffle": False, "delay": 0.0, "seed": 0} | order
    try:
        yield
    finally:
        calm = await caller.http.delete(url)
    assert calm.json()["duplicate"] == 1


def order_of(deliveries: list[dict[str, Any]]) -> list[str]:
    return [json.loads(delivery["body"])["id"] for delivery in deliveries]


async def test_events_arrive_several_times_and_mixed(caller: Caller) -> None:
    async with inbox() as box, endpoint(caller, box.url, "*"):
        async with disturbed(caller, duplicate=3, shuffle=True, delay=0.3, seed=7):
            intent = await caller.intent(confirm="true")
            await caller.step(intent, "capture")
            deliveries = await box.wait(15, caller.booking)
        order = order_of(deliveries)
        assert sorted(Counter(order).values()) == [3, 3, 3, 3, 3]
        listed = (await caller.http.get("/events", params={"limit": "100"})).json()["data"]
        mine = [event for event in reversed(listed) if event["id"] in order]
        assert sorted(set(order), key=order.index) != [event["id"] for event in mine]
        assert {event["pending_webhooks"] for event in mine} == {0}


async def test_events_arrive_late(caller: Caller, sandbox: SandboxClient) -> None:
    async with inbox() as box, endpoint(caller, box.url, "payment_intent.created"):
        async with disturbed(caller, delay=0.4):
            await caller.intent()
            await asyncio.sleep(0.2)
            assert not await box.wait(0, caller.booking)
            await box.wait(1, caller.booking)
        async with disturbed(caller, delay=600):
            await sandbox.clear()  # clearing all faults ends this, too
            await caller.intent()
            await box.wait(2, caller.booking)


async def test_a_wrong_disturbance_is_refused(caller: Caller) -> None:
    for order in ({"duplicate": 0}, {"delay": -1}, {"surprise": 1}):
        url = f"{caller.url}/_sandbox/stripe/webhooks"
        assert (await caller.http.post(url, json=order)).status_code == 422


async def test_events_are_listed_by_type(caller: Caller) -> None:
    await caller.in_state("canceled")

    async def kinds(**query: Any) -> set[str]:
        answer = await caller.http.get("/events", params={"limit": "100", **query})
        assert answer.status_code == 200, answer.text
        return {event["type"] for event in answer.json()["data"]}

    two = ["payment_intent.created", "payment_intent.canceled"]
    assert await kinds(type=two[0]) == {two[0]}
    assert await kinds(**{"types[]": two}) == set(two)
    assert {kind.split(".")[0] for kind in await kinds(type="payment_intent.*")} == {
        "payment_intent"
    }
    both = {"type": two[0], "types[]": two[1]}
    assert (await caller.http.get("/events", params=both)).status_code == 400


@pytest.mark.parametrize(
    "data",
    [
        {"url": "http://127.0.0.1/"},
        {"url": "ftp://x/", "enabled_events[]": "*"},
        {"url": "http://127.0.0.1/", "enabled_events[]": "no.such.event"},
    ],
)
async def test_wrong_endpoints_are_refused(caller: Caller, data: dict[str, str]) -> None:
    assert (await caller.post("/webhook_endpoints", data)).status_code == 400


async def test_an_unknown_event_is_missing(caller: Caller) -> None:
    assert (await caller.http.get("/events/evt_no")).status_code == 404
