"""Webhooks are really delivered, signed, and again until somebody says 2xx."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe.conftest import Caller


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
