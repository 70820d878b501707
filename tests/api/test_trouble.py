"""Database, Temporal or planner down: 503 with Retry-After, nothing half-done, then as before."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.api.conftest import body, client
from tests.api.line import Line
from tests.api.server import Served, add_caller, serve
from tests.suppliers.conftest import Reply, Scripted
from tests.suppliers.conftest import scripted as scripted
from tests.support.environment import changed
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack


@pytest.fixture
async def database_line(database_url: str) -> AsyncIterator[tuple[Line, str]]:
    parts = conninfo_to_dict(database_url)
    host, port = str(parts["host"]), parts.get("port") or 5432

    async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(port))

    line = Line(dial)
    await line.mend()
    user, name = parts.get("user", "postgres"), parts["dbname"]
    yield line, f"postgresql://{user}@127.0.0.1:{line.port}/{name}?sslmode=disable"
    await line.cut()


@pytest.fixture
async def temporal_line(temporal_address: str) -> AsyncIterator[Line]:
    host, _, port = temporal_address.rpartition(":")

    async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(host, int(port))

    line = Line(dial)
    await line.mend()
    yield line
    await line.cut()


@pytest.fixture
async def shaky(
    stack: Stack, database_line: tuple[Line, str], temporal_line: Line
) -> AsyncIterator[Served]:
    """An API whose lines to database and Temporal can be cut."""
    settings = changed(
        stack.settings,
        database={"url": database_line[1]},
        temporal={"address": f"127.0.0.1:{temporal_line.port}"},
    )
    with serve(settings) as served:
        yield served


@pytest.fixture
async def caller(shaky: Served, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(shaky.url, key) as http:
        yield http


def _unavailable(answer: httpx.Response, code: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert int(answer.headers["retry-after"]) >= 1


async def test_the_database_goes_away_and_comes_back(
    caller: httpx.AsyncClient,
    database_line: tuple[Line, str],
    trip: dict[str, Any],
    stack: Stack,
) -> None:
    line, _ = database_line
    assert (await caller.get(f"/booking/{uuid.uuid4()}")).status_code == 404
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    await line.cut()
    _unavailable(
        await caller.post("/booking/book", json=body(trip), headers=headers),
        "DATABASE_UNAVAILABLE",
    )
    _unavailable(await caller.get(f"/booking/{uuid.uuid4()}"), "DATABASE_UNAVAILABLE")
    _unavailable(
        await caller.post("/booking/cancel", json={"bookingId": str(uuid.uuid4())}),
        "DATABASE_UNAVAILABLE",
    )
    ready = await caller.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"]["ok"] is False
    assert ready.json()["checks"]["temporal"]["ok"] is True
    assert (await caller.get("/healthz")).status_code == 200
    with psycopg.connect(stack.settings.database.url) as connection:
        rows = connection.execute(
            "SELECT 1 FROM bookings WHERE idempotency_key = %s", (headers["Idempotency-Key"],)
        ).fetchall()
    assert not rows

    await line.mend()
    answer = await caller.post("/booking/book", json=body(trip), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "CONFIRMED"


async def test_the_database_is_restarted_between_two_requests(
    caller: httpx.AsyncClient, database_line: tuple[Line, str]
) -> None:
    line, _ = database_line
    path = f"/booking/{uuid.uuid4()}"
    assert (await caller.get(path)).status_code == 404

    await line.cut()
    await line.mend()

    # every pooled connection is dead now, and nobody notices
    assert (await caller.get(path)).status_code == 404


async def test_the_database_goes_away_while_a_caller_waits(
    caller: httpx.AsyncClient,
    database_line: tuple[Line, str],
    trip: dict[str, Any],
    sandbox: SandboxClient,
) -> None:
    line, _ = database_line
    await sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.8)
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    payload = body(trip)
    waiting = asyncio.create_task(
        caller.post("/booking/book?wait=3", json=payload, headers=headers)
    )
    async with asyncio.timeout(10):
        while not await sandbox.fired():
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    await line.cut()

    answer = await waiting

    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] in {"VALIDATING", "PROCESSING"}, "the last that was seen"
    again = asyncio.create_task(caller.post("/booking/book", json=payload, headers=headers))
    await line.mend()
    answer = await again
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "CONFIRMED"


async def test_temporal_goes_away_and_comes_back(
    caller: httpx.AsyncClient, temporal_line: Line, trip: dict[str, Any], stack: Stack
) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}

    await temporal_line.cut()
    answer = await caller.post("/booking/book", json=body(trip), headers=headers)
    _unavailable(answer, "TEMPORAL_UNAVAILABLE")
    assert answer.headers["idempotency-key"] == headers["Idempotency-Key"]
    ready = await caller.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["temporal"]["ok"] is False
    assert ready.json()["checks"]["database"]["ok"] is True
    with psycopg.connect(stack.settings.database.url) as connection:
        rows = connection.execute(
            "SELECT 1 FROM bookings WHERE idempotency_key = %s", (headers["Idempotency-Key"],)
        ).fetchall()
    assert not rows

    await temporal_line.mend()
    async with asyncio.timeout(30):
        while True:
            answer = await caller.post("/booking/book", json=body(trip), headers=headers)
            if answer.status_code == 200:
                break
            _unavailable(answer, "TEMPORAL_UNAVAILABLE")
    assert answer.json()["state"] == "CONFIRMED"


async def test_ended_bookings_are_read_while_temporal_is_away(
    caller: httpx.AsyncClient, temporal_line: Line, trip: dict[str, Any]
) -> None:
    booked = (await caller.post("/booking/book", json=body(trip))).json()

    await temporal_line.cut()

    answer = await caller.get(f"/booking/{booked['bookingId']}")
    assert answer.status_code == 200
    assert answer.json()["state"] == "CONFIRMED"
    _unavailable(
        await caller.post("/booking/cancel", json={"bookingId": booked["bookingId"]}),
        "TEMPORAL_UNAVAILABLE",
    )


async def test_a_running_booking_is_answered_by_the_record_when_its_workflow_cannot(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("amadeus", "book", "slow", nth=1, seconds=0.9)
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()
    async with asyncio.timeout(20):
        while (await api.get(taken["statusUrl"])).json().get("state") != "PROCESSING":
            await asyncio.sleep(0.02)
    for worker in stack.workers:
        worker.kill()

    answer = await api.get(taken["statusUrl"])

    assert answer.status_code == 200
    assert answer.json()["state"] == "PROCESSING"


async def test_the_planner_is_away(
    database_url: str, temporal_address: str, key: str, trip: dict[str, Any], stack: Stack
) -> None:
    settings = stack.settings.model_copy(update={"trip_planner_url": "http://127.0.0.1:1"})
    with serve(settings) as served:
        async with client(served.url, key) as http:
            _unavailable(await http.post("/booking/book", json=body(trip)), "PLANNER_UNAVAILABLE")


async def test_the_planner_does_not_know_our_key(
    scripted: Scripted, key: str, stack: Stack, trip: dict[str, Any]
) -> None:
    scripted.say("", Reply(401, {}))
    settings = stack.settings.model_copy(update={"trip_planner_url": scripted.url})
    with serve(settings) as served:
        async with client(served.url, key) as http:
            _unavailable(await http.post("/booking/book", json=body(trip)), "PLANNER_UNAVAILABLE")


async def test_keys_cannot_be_checked(
    shaky: Served, database_line: tuple[Line, str], database_url: str
) -> None:
    unseen = add_caller(database_url, name="unseen")
    await database_line[0].cut()
    async with client(shaky.url, unseen) as http:
        _unavailable(await http.get(f"/booking/{uuid.uuid4()}"), "DATABASE_UNAVAILABLE")
