"""The controls: what may be armed, what is shown, and the process itself."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient

ORDER = {"supplier": "stripe", "operation": "confirm", "kind": "error"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "explode"}, "kind 'explode' is unknown"),
        ({"operation": "book"}, "stripe has no operation 'book'"),
        ({"supplier": "acme"}, "supplier 'acme' is unknown"),
        ({"nth": 0}, "greater than or equal to 1"),
        ({"rate": 1.5}, "less than or equal to 1"),
        ({"rate": 0.5, "nth": 1}, "nth or rate"),
        ({"seconds": -1}, "greater than or equal to 0"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
async def test_a_wrong_order_is_refused_and_says_why(
    sandbox: SandboxClient, change: dict[str, Any], says: str
) -> None:
    answer = await sandbox.http.post("/_sandbox/faults", json=ORDER | change)
    assert answer.status_code == 422
    assert says in answer.text
    assert await sandbox.fired() == 0


async def test_faults_are_listed_and_cleared(sandbox: SandboxClient) -> None:
    reference = {"reference": "test_faults_are_listed"}
    armed = (await sandbox.http.post("/_sandbox/faults", json=ORDER | reference)).json()
    assert armed["fired"] == 0
    listed = (await sandbox.http.get("/_sandbox/faults")).json()
    assert [fault["id"] for fault in listed] == [armed["id"]]
    assert (await sandbox.http.delete(f"/_sandbox/faults/{armed['id']}")).json() == {"cleared": 1}
    assert (await sandbox.http.delete(f"/_sandbox/faults/{armed['id']}")).status_code == 404
    assert (await sandbox.http.get("/_sandbox/faults")).json() == []


async def test_the_page_and_health(sandbox: SandboxClient) -> None:
    page = await sandbox.http.get("/_sandbox")
    assert page.headers["content-type"].startswith("text/html")
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert (await sandbox.http.get("/healthz")).json() == {"status": "ok"}
    catalogue = (await sandbox.http.get("/_sandbox/catalogue")).json()
    assert {"amadeus", "booking_com", "viator", "rates", "stripe"} <= set(catalogue["operations"])


@contextlib.asynccontextmanager
async def running(tmp_path: Path, *arguments: str) -> Any:
    announce = tmp_path / "url"
    announce.unlink(missing_ok=True)
    process = Process("-m", "sandbox", "--announce-file", str(announce), *arguments, env={})
    try:
        async with httpx.AsyncClient(
            base_url=process.wait_for(announce), headers={"Authorization": "Bearer sk_test_x"}
        ) as client:
            yield process, client
    finally:
        if process.running:
            process.kill()


async def create(client: httpx.AsyncClient) -> httpx.Response:
    return await client.post(
        "/stripe/v1/payment_intents",
        data={"amount": "500", "currency": "usd"},
        headers={"Idempotency-Key": "one"},
    )


async def test_latency_holds_every_supplier_up(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, client):
        await client.post("/_sandbox/latency", json={"seconds": 0.4})
        assert (await create(client)).elapsed.total_seconds() > 0.4
        await client.post("/_sandbox/latency", json={"seconds": 0})
        assert (await create(client)).elapsed.total_seconds() < 0.4
        refused = await client.post("/_sandbox/latency", json={"seconds": -1})
        assert refused.status_code == 422


async def test_it_stops_cleanly_while_someone_waits(tmp_path: Path) -> None:
    async with running(tmp_path) as (process, client):
        await client.post("/_sandbox/faults", json=ORDER | {"operation": "create", "kind": "hang"})
        waiting = asyncio.create_task(create(client))
        while not (await client.get("/_sandbox/log")).json():
            await asyncio.sleep(0.02)
        assert await asyncio.to_thread(process.stop, 10) == 0
        with pytest.raises(httpx.TransportError):
            await waiting


async def test_its_world_survives_a_restart(tmp_path: Path) -> None:
    state = ("--state-file", str(tmp_path / "world.sqlite"))
    async with running(tmp_path, *state) as (process, client):
        made = (await create(client)).json()["id"]
        assert await asyncio.to_thread(process.stop, 10) == 0
    async with running(tmp_path, *state) as (_, client):
        assert [p["id"] for p in (await client.get("/_sandbox/state")).json()["payments"]] == [made]
        again = await create(client)
        assert again.json()["id"] == made
        assert again.headers["Idempotent-Replayed"] == "true"
        assert [row["seq"] for row in (await client.get("/_sandbox/log")).json()] == [1, 2]
