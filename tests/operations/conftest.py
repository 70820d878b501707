"""A world of its own whose gateway tells nobody anything: no webhook endpoint is registered."""

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError

from localworld import ports
from localworld.shared import Servers
from models.operations.messages import WatchRequest, WatchSummary
from tests.operations.outside import Outside
from tests.operations.record import Record
from tests.support.databases import migrated_database
from tests.support.sandbox_client import running_sandbox
from tests.support.stack import Stack, create_stack
from workflows.operations.watch_money import WatchMoney


@pytest.fixture(scope="package")
def watched_sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("watched")) as url:
        yield url


@pytest.fixture(scope="package")
async def watched(
    shared_servers: Servers, temporal_address: str, watched_sandbox_url: str
) -> AsyncIterator[Stack]:
    """The world that is watched, with a worker that shows metrics."""
    url = migrated_database(shared_servers)
    stack = await create_stack(
        database_url=url,
        temporal_address=temporal_address,
        sandbox_url=watched_sandbox_url,
        name=f"watched-{uuid.uuid4().hex[:8]}",
        METRICS_ADDRESS=f"127.0.0.1:{ports.choose(0)}",
    )
    stack.start_worker()
    yield stack
    await stack.close()


@pytest.fixture
async def stack(watched: Stack) -> AsyncIterator[Stack]:
    await watched.sandbox.clear()
    watched.ensure_worker()
    yield watched
    await watched.sandbox.clear()


@pytest.fixture
def outside(stack: Stack) -> Outside:
    """What happens at Stripe without a call by this system."""
    return Outside(stack.sandbox)


@pytest.fixture
async def record(stack: Stack) -> AsyncIterator[Record]:
    """The database, for planting and for looking."""
    async with Record(stack.settings.database.url) as record:
        yield record


async def watch(stack: Stack, **options: Any) -> WatchSummary:
    """Make one round now."""
    summary: WatchSummary = await stack.client.execute_workflow(
        WatchMoney.run,
        WatchRequest(**options),
        id=f"watch-{uuid.uuid4()}",
        task_queue=stack.settings.task_queue,
    )
    return summary


async def watch_in_vain(stack: Stack) -> tuple[str, WatchSummary]:
    """Make a round that cannot be made whole; returns why, and what was made of it."""
    with pytest.raises(WorkflowFailureError) as failure:
        await watch(stack)
    cause = failure.value.cause
    assert isinstance(cause, ApplicationError)
    return cause.message, WatchSummary.model_validate(cause.details[0])
