"""Row x1 of the fault matrix: events coming in."""

import asyncio

import httpx
import pytest
from pydantic import SecretStr

from localworld import ports
from tests.api.server import serve
from tests.support.checker import check
from tests.support.environment import changed
from tests.support.money import Gateway
from tests.support.processes import Process
from tests.support.selection import table
from tests.support.stack import Stack
from tests.webhooks.conftest import STRIPE
from tests.webhooks.desk import paid
from tests.webhooks.rows import Rows


# After: what comes twice is counted, in tests/webhooks/test_receiving.
@pytest.mark.parametrize("point", table(["before", "after"], quick=["before"]))
async def test_x1_F10(stack: Stack, point: str) -> None:
    """The API is killed before or after the event is in the inbox: the gateway sends it again."""
    rows = Rows(stack.settings.database.url)
    booking = await stack.book()
    port = ports.choose(0)
    endpoints = f"{stack.sandbox.url}/stripe/v1/webhook_endpoints"
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk_test_hooks"}) as stripe:
        registered = await stripe.post(
            endpoints,
            data={
                "url": f"http://127.0.0.1:{port}{STRIPE}",
                "enabled_events[]": "charge.dispute.created",
            },
        )
        endpoint = registered.json()
        secret = {"STRIPE_WEBHOOK_SECRET": endpoint["secret"]}
        doomed = Process(
            *("-m", "tests.support.crashing_api", "--port", str(port)),
            env={**stack.env, **secret, "CRASH_AT": point},
        )
        await asyncio.to_thread(doomed.wait_for_line, "Uvicorn running on")
        dispute = await Gateway(stack).dispute(paid(booking))
        await asyncio.to_thread(doomed.wait_until_dead)
        kept = rows("SELECT * FROM webhook_events WHERE payment_id = %s", paid(booking))
        assert len(kept) == (point == "after")
        settings = changed(stack.settings, stripe={"webhook_secret": SecretStr(endpoint["secret"])})
        with serve(settings, port):
            async with asyncio.timeout(30):
                while not (event := _event(rows, paid(booking), deliveries=1 + len(kept))):
                    await asyncio.sleep(0.05)
        (await stripe.delete(f"{endpoints}/{endpoint['id']}")).raise_for_status()
    assert event["type"] == "charge.dispute.created"
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert [found["id"] for found in facts.disputes] == [dispute]


def _event(rows: Rows, payment_id: str, deliveries: int) -> dict[str, object] | None:
    """The event about a payment, once it has come so often, is handled and settled."""
    found = rows(
        "SELECT * FROM webhook_events e WHERE payment_id = %s AND deliveries = %s"
        " AND status = 'done' AND EXISTS (SELECT FROM payments p JOIN disputes d"
        " USING (booking_id) WHERE p.payment_intent_id = e.payment_id)",
        payment_id,
        deliveries,
    )
    return found[0] if found else None
