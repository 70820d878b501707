"""A world of its own: its sandbox tells the API what suppliers do, its worker follows them."""

import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from localworld import ports
from localworld.shared import Servers
from tests.api.server import Served, serve
from tests.suppliers.following.world import World
from tests.support.databases import migrated_database
from tests.support.sandbox_client import running_sandbox
from tests.support.stack import Stack, create_stack
from tests.webhooks.rows import Rows

SECRET = "whsec_following"


@pytest.fixture(scope="package")
def acting_sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("following")) as url:
        yield url


@pytest.fixture(scope="package")
async def followed(
    shared_servers: Servers, temporal_address: str, acting_sandbox_url: str
) -> AsyncIterator[Stack]:
    """The world that is followed; a booking that is never answered is soon given up."""
    url = migrated_database(shared_servers)
    stack = await create_stack(
        database_url=url,
        temporal_address=temporal_address,
        sandbox_url=acting_sandbox_url,
        name=f"followed-{uuid.uuid4().hex[:8]}",
        SETTLE_SECONDS="1",
        STEP_DEADLINE_SECONDS="5",
        FOLLOW_SECONDS="1",
        FOLLOW_LOOK_SECONDS="1",
        DUFFEL_WEBHOOK_SECRET=SECRET,
        RATEHAWK_WEBHOOK_SECRET=SECRET,
    )
    stack.start_worker()
    yield stack
    await stack.close()


@pytest.fixture
async def world(followed: Stack) -> AsyncIterator[World]:
    """It, with one healthy worker and no faults armed."""
    await followed.sandbox.clear()
    followed.ensure_worker()
    yield World(followed, Rows(followed.settings.database.url))
    await followed.sandbox.clear()


@pytest.fixture(scope="package")
def told(followed: Stack) -> Iterator[Served]:
    """An API that the sandbox's suppliers tell of what they do."""
    port = ports.choose(0)
    path = f"{followed.sandbox.url}/_sandbox"
    with serve(followed.settings, port) as served:
        for supplier in ("duffel", "ratehawk"):
            endpoint = {"url": f"{served.url}/webhooks/{supplier}", "secret": SECRET}
            httpx.post(f"{path}/{supplier}/webhooks", json=endpoint).raise_for_status()
        yield served
        for supplier in ("duffel", "ratehawk"):
            httpx.delete(f"{path}/{supplier}/webhooks").raise_for_status()
