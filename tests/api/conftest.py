"""Servers and clients: one API with everything behind it, one whose Temporal is away."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from settings import Settings
from tests.api.server import Served, add_caller, serve
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack

CONTRACT = {
    "success",
    "bookingId",
    "bookingReference",
    "state",
    "confirmations",
    "payment",
    "warnings",
}
"""The fields of a successful answer (contracts.md §1)."""

NOBODY = "127.0.0.1:1"
"""An address at which nothing listens."""


def client(url: str, key: str | None = None) -> httpx.AsyncClient:
    headers = {"X-API-Key": key} if key else {}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=60)


@pytest.fixture(scope="session")
def key(database_url: str) -> str:
    return add_caller(database_url)


@pytest.fixture(scope="session")
def other_key(database_url: str) -> str:
    return add_caller(database_url, name="other planner")


@pytest.fixture(scope="session")
def trusted_key(database_url: str) -> str:
    """Of a caller that may send whole trips."""
    return add_trusted(database_url)


def add_trusted(database_url: str) -> str:
    """Have a caller that may send whole trips; returns its key."""
    key = add_caller(database_url, name="hands trips in")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE callers SET may_hand_in_trips = true WHERE name = 'hands trips in'"
        )
    return key


@pytest.fixture(scope="session")
def operator_key(database_url: str) -> str:
    return add_caller(database_url, name="test operator", role="operator")


@pytest.fixture(scope="session")
def lonely(database_url: str, sandbox_url: str) -> Iterator[Served]:
    """An API with database and planner, whose Temporal is away."""
    with serve(
        Settings(
            database={"url": database_url},
            temporal={"address": NOBODY},
            sandbox_url=sandbox_url,
            provider_timeout_seconds=2,
        )
    ) as served:
        yield served


@pytest.fixture
async def alone(lonely: Served, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the API whose Temporal is away."""
    async with client(lonely.url, key) as http:
        yield http


@pytest.fixture
async def operator(lonely: Served, operator_key: str) -> AsyncIterator[httpx.AsyncClient]:
    """An operator of the API whose Temporal is away."""
    async with client(lonely.url, operator_key) as http:
        yield http


@pytest.fixture(scope="session")
def whole(world: Stack) -> Iterator[Served]:
    """An API with everything behind it."""
    with serve(world.settings) as served:
        yield served


@pytest.fixture
async def api(whole: Served, stack: Stack, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the API with everything behind it, a healthy worker and no faults."""
    async with client(whole.url, key) as http:
        yield http


@pytest.fixture
async def trusted(
    whole: Served, stack: Stack, trusted_key: str
) -> AsyncIterator[httpx.AsyncClient]:
    async with client(whole.url, trusted_key) as http:
        yield http


def body(trip: dict[str, Any], /, **changes: Any) -> dict[str, Any]:
    """A request to book ``trip``."""
    payment = {
        "paymentMethodId": changes.pop("method", "pm_card_visa"),
        "billingDetails": {"name": "Ada Moreno", "email": "ada@example.com"},
        "amount": trip["totalPrice"],
        "currency": trip["currency"],
    }
    return {
        "tripOptionId": trip["tripOptionId"],
        "paymentInfo": {**payment, **changes.pop("payment", {})},
        "userContact": {"email": "ada@example.com", "phone": "+12125550123"},
        **changes,
    }


def handing_in(trip: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A request to book ``trip``, sent whole and changed."""
    asked = body(trip, trip={**trip, **changes})
    del asked["tripOptionId"]
    return asked


@pytest.fixture
async def trip(sandbox: SandboxClient) -> dict[str, Any]:
    """A fresh trip option."""
    return await sandbox.trip()


async def read_events(
    api: httpx.AsyncClient, url: str, last: str | None = None, *, seconds: float = 30
) -> list[tuple[str, str, Any]]:
    """Read a stream to its end: kind, id and data of every event."""
    found: list[tuple[str, str, Any]] = []
    headers = {"Last-Event-ID": last} if last is not None else {}
    async with asyncio.timeout(seconds), api.stream("GET", url, headers=headers) as stream:
        assert stream.status_code == 200, await stream.aread()
        assert stream.headers["content-type"].startswith("text/event-stream")
        kind = number = ""
        async for line in stream.aiter_lines():
            if line.startswith("event:"):
                kind = line[6:].strip()
            elif line.startswith("id:"):
                number = line[3:].strip()
            elif line.startswith("data:"):
                found.append((kind, number, json.loads(line[5:])))
    return found
