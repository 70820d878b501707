"""What suppliers tell by themselves is really delivered, signed, until somebody says 2xx."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.__main__ import main
from sandbox.announcements import announce, parse, register
from sandbox.world import World
from tests.sandbox.core.test_control import running
from tests.sandbox.stripe.test_webhooks import inbox
from tests.support.sandbox_client import SandboxClient


def sign(body: bytes, secret: str) -> dict[str, str]:
    return {"X-Signed": f"{secret}:{len(body)}"}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


async def test_every_endpoint_is_told_with_its_own_secret(world: World) -> None:
    async with inbox() as one, inbox() as two:
        register(world, "viator", one.url, "first")
        register(world, "viator", one.url, "second")  # replaces the first
        register(world, "viator", two.url, "other")
        announce(world, "viator", {"about": "trip-1"}, sign)
        [told] = await one.wait(1, "trip-1")
        [also] = await two.wait(1, "trip-1")
    assert json.loads(told["body"]) == {"about": "trip-1"}
    assert told["headers"]["x-signed"] == f"second:{len(told['body'])}"
    assert also["headers"]["x-signed"] == f"other:{len(also['body'])}"
    assert told["headers"]["content-type"] == "application/json"
    assert len(one.received) == len(two.received) == 1


async def test_a_document_may_be_made_of_the_secret(world: World) -> None:
    async with inbox() as box:
        register(world, "viator", box.url, "within")
        announce(world, "viator", lambda secret: {"data": "trip-2", "by": secret}, sign)
        [told] = await box.wait(1, "trip-2")
    assert json.loads(told["body"])["by"] == "within"


async def test_it_is_told_again_until_it_is_taken(world: World) -> None:
    async with inbox(500, 503) as box:
        register(world, "viator", box.url, "s")
        announce(world, "viator", {"about": "trip-3"}, sign)
        await box.wait(3, "trip-3")
        await asyncio.sleep(0.3)
        assert len(box.received) == 3


async def test_it_waits_and_ends_with_the_process(world: World) -> None:
    async with inbox() as box:
        register(world, "viator", box.url, "s")
        announce(world, "viator", {"about": "trip-4"}, sign, after=0.3)
        announce(world, "viator", {"about": "never"}, sign, after=60)
        assert box.received == []
        await box.wait(1, "trip-4")
        await asyncio.wait_for(world.close(), 2)
        assert len(box.received) == 1


async def test_who_is_told_is_set_over_http(sandbox: SandboxClient) -> None:
    path = "/_sandbox/booking_com/webhooks"
    body = {"url": "http://one/x", "secret": "s"}
    assert (await sandbox.http.post(path, json=body)).json() == {"urls": ["http://one/x"]}
    await sandbox.http.post(path, json=body | {"url": "http://two/x"})
    assert (await sandbox.http.get(path)).json() == {"urls": ["http://one/x", "http://two/x"]}
    gone = await sandbox.http.delete(path, params={"url": "http://one/x"})
    assert gone.json() == {"cleared": 1}
    assert (await sandbox.http.delete(path)).json() == {"cleared": 1}
    assert (await sandbox.http.get(path)).json() == {"urls": []}
    assert (await sandbox.http.post("/_sandbox/acme/webhooks", json=body)).status_code == 404
    assert (await sandbox.http.post(path, json={"url": "http://one/x"})).status_code == 422


async def test_the_command_line_names_them(tmp_path: Path) -> None:
    option = "viator=http://one/a,secret"
    async with running(tmp_path, "--webhook", option) as (_, client):
        http: httpx.AsyncClient = client
        answer: Any = (await http.get("/_sandbox/viator/webhooks")).json()
    assert answer == {"urls": ["http://one/a"]}


@pytest.mark.parametrize("option", ["viator", "viator=http://one", "=http://one,s", "viator=,s"])
def test_what_is_written_otherwise_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match="supplier=url,secret"):
        list(parse([option]))


@pytest.mark.parametrize("option", ["acme=http://one,secret", "viator=http://one"])
def test_the_process_does_not_begin_with_a_wrong_one(option: str) -> None:
    with pytest.raises(SystemExit, match=r"supplier"):
        main(["--webhook", option])
