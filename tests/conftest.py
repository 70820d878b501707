"""Fixtures: the real servers (shared by all test processes) and a world of one's own on them."""

import asyncio
import gc
import os
import secrets
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import certifi
import pytest

from benchmarks import UNLIMITED
from localworld.keys import payload_key
from localworld.shared import Servers, servers
from tests.support.databases import migrate as migrate
from tests.support.databases import migrated_database
from tests.support.interleaving import Record
from tests.support.processes import ROOT
from tests.support.sandbox_client import SandboxClient, running_sandbox
from tests.support.selection import in_shard
from tests.support.stack import MakeStack, Stack, own_stack_of

_END = "-----END CERTIFICATE-----\n"

# The codec is on in every test. Set here, before xdist starts its processes and they theirs.
os.environ.setdefault("PAYLOAD_KEYS", payload_key())
os.environ.setdefault("TRAVELER_ID_KEY", secrets.token_urlsafe())
os.environ.setdefault("WEBHOOK_MASTER_KEY", secrets.token_urlsafe())
os.environ.setdefault("AUTH_PEPPER", secrets.token_urlsafe())

# The limits on what callers ask for have tests with settings of their own.
for _name, _limit in UNLIMITED.items():
    os.environ.setdefault(_name, _limit)

# Every HTTP client reads what it trusts: 150 certificates in 40 ms of CPU, thousands of times.
# Nothing here speaks TLS, so one of them will do; the programs that tests start inherit it.
_TRUSTED = tempfile.NamedTemporaryFile("w", prefix="tripsaga-", suffix=".pem")  # noqa: SIM115
_TRUSTED.write(Path(certifi.where()).read_text().partition(_END)[0] + _END)
_TRUSTED.flush()
os.environ["SSL_CERT_FILE"] = _TRUSTED.name


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shard", help="of the exhaustive tests run only this shard, such as 3/8")


TOGETHER = {
    "apart": "schemathesis",
    "followed": "following",
    "fragile": "health",
    "paying": "payment service",
    "stage": "money",
}
"""Worlds that only some tests use, by their fixture: these run in one process, on one world.

Else each process would start a world of its own, whose worker and API work to the end of the run.
Not the world that is watched (tests/operations): each round looks at all that is there.
"""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep together the tests that share a world."""
    for name in getattr(item, "fixturenames", ()):
        if name in TOGETHER and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(TOGETHER[name]))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the exhaustive tests that are not in the shard that was asked for."""
    shard = config.getoption("--shard")
    if not shard:
        return
    left_out = [
        item
        for item in items
        if item.get_closest_marker("exhaustive") and not in_shard(item, shard)
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what was collected: thousands of tests, there to the end.

    Looking through all of it takes so long on a busy machine that requests with a second's
    patience time out.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the worker's: looking as often as by default is dear


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
    return migrated_database(shared_servers)


@pytest.fixture(scope="session")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The outside world: a sandbox process of our own."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as url:
        yield url


@pytest.fixture
async def sandbox(sandbox_url: str) -> AsyncIterator[SandboxClient]:
    """The sandbox, without faults left by others."""
    client = SandboxClient(sandbox_url)
    await client.clear()
    yield client
    await client.clear()
    await client.close()


@pytest.fixture(scope="session")
def make_stack(database_url: str, temporal_address: str, sandbox_url: str) -> MakeStack:
    """Makes stacks of a test's own, each with its queue and without a worker."""
    return partial(
        own_stack_of,
        database_url=database_url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
    )


@pytest.fixture(scope="session")
async def world(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A whole world with a worker process."""
    async with make_stack("test") as stack:
        stack.start_worker()
        yield stack


@pytest.fixture
async def stack(world: Stack) -> AsyncIterator[Stack]:
    """The world with one healthy worker and no faults armed."""
    await world.sandbox.clear()
    world.ensure_worker()
    yield world
    await world.sandbox.clear()


@pytest.fixture(scope="module")
def record(database_url: str) -> Iterator[Record]:
    """The database for plays whose every step is under control."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        record = Record(database_url, runner)
        yield record
        runner.run(record.close())
