"""The stage: a database, a sandbox and a worker that nobody else uses, on a loop of its own.

Hypothesis calls plain functions, so the coroutines run on an ``asyncio.Runner`` beside the loop
of the other tests; every connection is made on it.
"""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from localworld.shared import Servers
from tests.api.server import serve
from tests.conftest import migrate
from tests.payments.any_order.stage import SECRET, Stage
from tests.support.environment import changed
from tests.support.processes import Process
from tests.support.stack import create_stack

PATIENCE = {
    "PROVIDER_TIMEOUT_SECONDS": "5",
    "AUTHENTICATION_DEADLINE_SECONDS": "120",
    "INBOX_POLL_SECONDS": "0.1",
    "WATCH_SECONDS": "60",
    # Determinism is what the saga's own tests look after; here it would take the time.
    "WORKFLOW_SANDBOX": "false",
}


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        yield runner


@pytest.fixture(scope="module")
def own_sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    announce: Path = tmp_path_factory.mktemp("money") / "url"
    process = Process("-m", "sandbox", "--port", "0", "--announce-file", str(announce), env={})
    yield process.wait_for(announce)
    process.stop()


@pytest.fixture(scope="module")
def stage(runner: asyncio.Runner, shared_servers: Servers, own_sandbox_url: str) -> Iterator[Stage]:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
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
