"""The stage: a database, a sandbox and a worker that nobody else uses, on a loop of its own.

Hypothesis calls plain functions, so the coroutines run on an ``asyncio.Runner`` beside the loop
of the other tests; every connection is made on it.
"""

import asyncio
import uuid
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from localworld.shared import Servers
from tests.api.server import serve
from tests.payments.any_order.stage import SECRET, Stage
from tests.support.databases import migrated_database
from tests.support.environment import changed
from tests.support.sandbox_client import running_sandbox
from tests.support.stack import create_stack

PATIENCE = {
    "PROVIDER_TIMEOUT_SECONDS": "5",
    "AUTHENTICATION_DEADLINE_SECONDS": "120",
    "INBOX_POLL_SECONDS": "0.2",
    "WATCH_SECONDS": "60",
    # Determinism is what the saga's own tests look after; here it would take the time.
    "WORKFLOW_SANDBOX": "false",
}


@pytest.fixture(scope="package")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="package")
def own_sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_sandbox(tmp_path_factory.mktemp("money")) as url:
        yield url


@pytest.fixture(scope="package")
def stage(runner: asyncio.Runner, shared_servers: Servers, own_sandbox_url: str) -> Iterator[Stage]:
    url = migrated_database(shared_servers)
    stack = runner.run(
        create_stack(
            database_url=url,
            temporal_address=shared_servers.temporal_address,
            sandbox_url=own_sandbox_url,
            name=f"money-{uuid.uuid4().hex[:8]}",
            **PATIENCE,
        )
    )
    stack.start_worker()
    settings = changed(stack.settings, stripe={"webhook_secret": SecretStr(SECRET)})
    with serve(settings) as api:
        stage = runner.run(Stage.open(stack, api))
        yield stage
        runner.run(stage.close())
    runner.run(stack.close())
