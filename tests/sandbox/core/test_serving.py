"""Every kind of fault, as a client over TCP meets it, and what the log says of it."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest

from tests.support.sandbox_client import SandboxClient

KEY = {"Authorization": "Bearer sk_test_serving"}


class Calls:
    """A payment intent of our own, confirmed under faults."""

    def __init__(self, sandbox: SandboxClient) -> None:
        self.sandbox = sandbox
        self.booking = str(uuid.uuid4())
        self.intent = ""

    async def create(self) -> None:
        answer = await self.sandbox.http.post(
            "/stripe/v1/payment_intents",
            headers=KEY,
            data={
                "amount": "1000",
                "currency": "usd",
                "capture_method": "manual",
                "payment_method": "pm_card_visa",
                "metadata[booking_id]": self.booking,
            },
        )
        self.intent = answer.json()["id"]

    async def confirm(self, *, timeout: float = 20) -> httpx.Response:
        # A connection of its own: a reset must not be blamed on an idle one.
        async with httpx.AsyncClient(base_url=self.sandbox.url, timeout=timeout) as client:
            return await client.post(
                f"/stripe/v1/payment_intents/{self.intent}/confirm", headers=KEY
            )

    async def status(self) -> str:
        return str((await self.sandbox.payments(self.booking))[0]["status"])

    async def rows(self) -> list[tuple[str, int, str | None]]:
        return [
            (row["effect"], row["status"], row.get("fault"))
            for row in await self.sandbox.log(self.booking)
            if row["operation"] == "confirm"
        ]


@pytest.fixture
async def calls(sandbox: SandboxClient) -> Calls:
    made = Calls(sandbox)
    await made.create()
    return made


async def arm(calls: Calls, kind: str, **more: Any) -> None:
    await calls.sandbox.arm("stripe", "confirm", kind, reference=calls.booking, **more)


async def test_without_a_fault(calls: Calls) -> None:
    assert (await calls.confirm()).status_code == 200
    assert await calls.rows() == [("authorised", 200, None)]


async def test_refuse_does_nothing(calls: Calls) -> None:
    await arm(calls, "refuse")
    answer = await calls.confirm()
    assert answer.status_code == 402
    assert answer.json()["error"]["code"] == "card_declined"
    assert await calls.status() == "requires_payment_method"
    assert await calls.rows() == [("none", 402, "refuse")]


async def test_error_does_nothing(calls: Calls) -> None:
    await arm(calls, "error")
    answer = await calls.confirm()
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "api_error"
    assert await calls.status() == "requires_confirmation"
    assert await calls.rows() == [("none", 500, "error")]
    assert (await calls.confirm()).status_code == 200


async def test_reset_tears_the_connection_down_and_does_nothing(calls: Calls) -> None:
    await arm(calls, "reset")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await calls.confirm()
    assert await calls.status() == "requires_confirmation"
    assert await calls.rows() == [("none", 0, "reset")]


async def test_reset_is_a_reset_on_the_wire(calls: Calls) -> None:
    await arm(calls, "reset")
    url = httpx.URL(calls.sandbox.url)
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(
        f"POST /stripe/v1/payment_intents/{calls.intent}/confirm HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {KEY['Authorization']}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    await writer.drain()
    with pytest.raises(ConnectionResetError):
        assert await reader.read() == b"an answer"
    writer.close()


async def test_hang_does_nothing_and_ends_in_a_reset(calls: Calls) -> None:
    await arm(calls, "hang", seconds=0.6)
    began = time.monotonic()
    with pytest.raises(httpx.TransportError):
        await calls.confirm()
    assert 0.5 < time.monotonic() - began < 5
    assert await calls.status() == "requires_confirmation"
    assert await calls.rows() == [("none", 0, "hang")]


async def test_commit_then_hang_is_done_but_not_answered(calls: Calls) -> None:
    await arm(calls, "commit_then_hang", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        await calls.confirm(timeout=0.5)
    assert await calls.status() == "requires_capture"
    assert await calls.rows() == [("authorised", 0, "commit_then_hang")]


async def test_late_commit_is_done_after_the_client_has_left(calls: Calls) -> None:
    await arm(calls, "late_commit", seconds=1)
    with pytest.raises(httpx.ReadTimeout):
        await calls.confirm(timeout=0.3)
    assert await calls.status() == "requires_confirmation"
    async with asyncio.timeout(10):
        while await calls.status() != "requires_capture":
            await asyncio.sleep(0.05)
    assert await calls.rows() == [("none", 0, "late_commit"), ("authorised", 0, "late_commit")]


async def test_commit_then_error_is_done_and_answered_with_an_error(calls: Calls) -> None:
    await arm(calls, "commit_then_error")
    assert (await calls.confirm()).status_code == 500
    assert await calls.status() == "requires_capture"
    assert await calls.rows() == [("authorised", 500, "commit_then_error")]


async def test_duplicate_is_delivered_twice(calls: Calls) -> None:
    await arm(calls, "duplicate")
    # Without an idempotency key the second delivery finds the intent confirmed.
    assert (await calls.confirm()).status_code == 400
    assert await calls.rows() == [("authorised", 0, "duplicate"), ("none", 400, "duplicate")]


async def test_malformed_is_done_and_answered_with_no_json(calls: Calls) -> None:
    await arm(calls, "malformed")
    answer = await calls.confirm()
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r".+"):
        answer.json()
    assert await calls.status() == "requires_capture"
    assert await calls.rows() == [("authorised", 200, "malformed")]


async def test_authenticate_asks_for_3d_secure(calls: Calls) -> None:
    await arm(calls, "authenticate")
    assert (await calls.confirm()).json()["status"] == "requires_action"
    assert await calls.rows() == [("none", 200, "authenticate")]


async def test_slow_is_late_but_fine(calls: Calls) -> None:
    await arm(calls, "slow", seconds=0.6)
    began = time.monotonic()
    assert (await calls.confirm()).status_code == 200
    assert time.monotonic() - began > 0.5
    assert await calls.rows() == [("authorised", 200, "slow")]


async def test_price_drift_is_not_for_a_gateway(calls: Calls) -> None:
    await arm(calls, "price_drift")
    assert (await calls.confirm()).json()["amount"] == 1000


async def test_a_fault_for_another_reference_does_not_fire(calls: Calls) -> None:
    await calls.sandbox.arm("stripe", "confirm", "error", reference="someone-else")
    assert (await calls.confirm()).status_code == 200
    assert await calls.sandbox.fired() == 0
