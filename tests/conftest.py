"""Fixtures: the real servers (shared by all test processes) and a world of one's own on them."""

import gc
import os
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from localworld.keys import payload_key
from localworld.shared import Servers, servers
from tests.support.processes import ROOT, Process
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack, create_stack

# The codec is on in every test. Set here, before xdist starts its processes and they theirs.
os.environ.setdefault("PAYLOAD_KEYS", payload_key())
os.environ.setdefault("TRAVELER_ID_KEY", secrets.token_urlsafe())


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what was collected: thousands of tests, there to the end.

    Looking through all of it takes so long on a busy machine that requests with a second's
    patience time out.
    """
    gc.collect()
    gc.freeze()


def migrate(database_url: str, revision: str = "head", *, down: bool = False) -> None:
    """Bring a database up to ``revision``, or back ``down`` to it."""
    config = Config(str(ROOT / "alembic.ini"))
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    (command.downgrade if down else command.upgrade)(config, revision)


@pytest.fixture(scope="session")
def shared_servers() -> Iterator[Servers]:
    """PostgreSQL and Temporal, started once for all processes of the run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"pid{os.getpid()}")
    with servers(ROOT / "var" / "tests" / run[:8]) as running:
        yield running


@pytest.fixture(scope="session")
def temporal_address(shared_servers: Servers) -> str:
    """Where Temporal is."""
    return shared_servers.temporal_address


@pytest.fixture(scope="session")
def empty_database_url(shared_servers: Servers) -> str:
    """A new database without tables."""
    return shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def database_url(shared_servers: Servers) -> str:
    """A new database, migrated."""
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    return url


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The outside world: a sandbox process of our own."""
    announce: Path = tmp_path_factory.mktemp("sandbox") / "url"
    process = Process("-m", "sandbox", "--port", "0", "--announce-file", str(announce), env={})
    yield process.wait_for(announce)
    process.stop()


@pytest.fixture
async def sandbox(sandbox_url: str) -> AsyncIterator[SandboxClient]:
    """The sandbox, without faults left by others."""
    client = SandboxClient(sandbox_url)
    await client.clear()
    yield client
    await client.clear()
    await client.close()


@pytest.fixture(scope="session")
async def world(database_url: str, temporal_address: str, sandbox_url: str) -> AsyncIterator[Stack]:
    """A whole world with a worker process."""
    stack = await create_stack(
        database_url=database_url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
        name=f"test-{uuid.uuid4().hex[:8]}",
    )
    stack.start_worker()
    yield stack
    await stack.close()


@pytest.fixture
async def stack(world: Stack) -> AsyncIterator[Stack]:
    """The world with one healthy worker and no faults armed."""
    await world.sandbox.clear()
    world.ensure_worker()
    yield world
    await world.sandbox.clear()
