"""An API that takes the sandbox's events, and a database whose events no worker handles."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from activities.registry import create_activities
from localworld import ports
from localworld.shared import Servers
from settings import Settings
from tests.api.conftest import NOBODY, client
from tests.api.line import Line
from tests.api.server import Served, add_caller, serve
from tests.conftest import migrate
from tests.support.environment import changed
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack, create_stack
from tests.webhooks.desk import Desk
from tests.webhooks.rows import Rows
from tests.webhooks.signing import NEW, OLD, encoded, signature

STRIPE = "/webhooks/stripe"


@pytest.fixture(scope="session")
def own_database(shared_servers: Servers) -> Rows:
    """A database of which no worker knows: what is in its inbox stays as the test left it."""
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    return Rows(url)


@dataclass
class Door:
    """The API's door for events."""

    http: httpx.AsyncClient
    rows: Rows

    async def knock(self, content: object, header: str | None = None) -> httpx.Response:
        body = content if isinstance(content, bytes) else encoded(content)
        return await self.send(body, signature(body) if header is None else header)

    async def send(self, body: bytes, header: str, path: str = STRIPE) -> httpx.Response:
        headers = {"Content-Type": "application/json", "Stripe-Signature": header.encode()}
        return await self.http.post(path, content=body, headers=headers)  # type: ignore[arg-type]


def door_settings(database_url: str, secrets: str = f"{OLD}, {NEW}") -> Settings:
    return Settings(
        database={"url": database_url},
        temporal={"address": NOBODY},
        stripe={"webhook_secret": secrets},
        payment_service={"webhook_secret": secrets},
    )


@pytest.fixture(scope="session")
def front(own_database: Rows) -> Iterator[Served]:
    """An API on the database without a worker; two secrets open its door."""
    with serve(door_settings(own_database.url)) as served:
        yield served


@pytest.fixture
async def door(front: Served, own_database: Rows) -> AsyncIterator[Door]:
    async with client(front.url) as http:
        yield Door(http, own_database)


@pytest.fixture(scope="session")
def operators_key(own_database: Rows) -> str:
    return add_caller(own_database.url, name="test operator", role="operator")


@contextlib.contextmanager
def registered(settings: Settings, sandbox_url: str) -> Iterator[Served]:
    """An API to which the sandbox sends every event of its Stripe account."""
    port = ports.choose(0)
    endpoints = f"{sandbox_url}/stripe/v1/webhook_endpoints"
    with httpx.Client(headers={"Authorization": "Bearer sk_test_hooks"}) as stripe:
        made = stripe.post(
            endpoints,
            data={"url": f"http://127.0.0.1:{port}{STRIPE}", "enabled_events[]": "*"},
        ).json()
        # Stripe makes the secret, and shows it this once.
        with serve(
            changed(settings, stripe={"webhook_secret": SecretStr(made["secret"])}), port
        ) as served:
            yield served
            stripe.delete(f"{endpoints}/{made['id']}").raise_for_status()


@pytest.fixture(scope="module")
def hooked(world: Stack) -> Iterator[Served]:
    """An API on the world's database that the sandbox tells of every event."""
    with registered(world.settings, world.sandbox.url) as served:
        yield served


@pytest.fixture(scope="module")
def operator_key(world: Stack) -> str:
    return add_caller(world.settings.database.url, name="test operator", role="operator")


@pytest.fixture
def rows(world: Stack) -> Rows:
    """The world's database."""
    return Rows(world.settings.database.url)


@pytest.fixture(scope="session")
async def open_desk(
    own_database: Rows, temporal_address: str, sandbox_url: str
) -> AsyncIterator[Desk]:
    stack = await create_stack(
        database_url=own_database.url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
        name=f"nobody-{uuid.uuid4().hex[:8]}",
        PROVIDER_TIMEOUT_SECONDS="5",
    )
    desk = Desk(stack, own_database, create_activities(stack.settings))
    yield desk
    await desk.close()


@pytest.fixture
async def desk(open_desk: Desk, sandbox: SandboxClient) -> Desk:
    """The desk with an empty inbox and no faults."""
    open_desk.rows("DELETE FROM webhook_events")
    return open_desk


@pytest.fixture
async def database_line(own_database: Rows) -> AsyncIterator[tuple[Line, str]]:
    """A line to the database that can be cut, and the database's URL behind it."""
    parts = conninfo_to_dict(own_database.url)
    socket = f"{parts['host']}/.s.PGSQL.{parts.get('port') or 5432}"
    line = Line(lambda: asyncio.open_unix_connection(socket))
    await line.mend()
    yield line, f"postgresql://postgres@127.0.0.1:{line.port}/{parts['dbname']}?sslmode=disable"
    await line.cut()
