"""Parts of two worlds do not work together: two databases, one Temporal, one sandbox."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client

from activities.operations.belonging import NotOurWorld, watch_database
from localworld import services
from localworld.health import pollers
from localworld.shared import Servers
from settings import Settings
from tests.commands.conftest import Tripsaga
from tests.support.databases import migrated_database
from tests.support.processes import Process
from tests.support.sandbox_client import running_sandbox


@dataclass(frozen=True)
class World:
    """A task queue at Temporal and a sandbox, both of ``ours``; ``theirs`` is another database."""

    ours: str
    theirs: str
    where: dict[str, str]

    def environment(self, database: str) -> dict[str, str]:
        return {**self.where, "DATABASE_URL": database}


@pytest.fixture(scope="module")
def world(
    shared_servers: Servers, temporal_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        where = {
            "TEMPORAL_ADDRESS": temporal_address,
            "SANDBOX_URL": sandbox,
            "TASK_QUEUE": f"world-{uuid.uuid4().hex[:8]}",
        }
        ours, theirs = migrated_database(shared_servers), migrated_database(shared_servers)
        with psycopg.connect(theirs, autocommit=True) as connection:  # both are of one template
            connection.execute("UPDATE world SET id = gen_random_uuid()")
        yield World(ours, theirs, where)


@pytest.fixture(autouse=True)
def claimed(world: World, tripsaga: Tripsaga) -> None:
    answer = tripsaga("migrate", "--adopt", **world.environment(world.ours))
    assert answer.exit_code == 0, answer.output


def test_who_comes_second_is_refused_until_told_to_take_over(
    world: World, tripsaga: Tripsaga
) -> None:
    again = tripsaga("migrate", **world.environment(world.ours))
    assert again.exit_code == 0, again.output
    refused = tripsaga("migrate", **world.environment(world.theirs))
    assert refused.exit_code == 3
    assert world.where["TASK_QUEUE"] in refused.stderr
    assert "belongs to world" in refused.stderr
    assert tripsaga("migrate", "--adopt", **world.environment(world.theirs)).exit_code == 0
    assert tripsaga("migrate", **world.environment(world.ours)).exit_code == 3


def test_the_doctor_says_so(world: World, tripsaga: Tripsaga) -> None:
    found = {}
    for database in (world.ours, world.theirs):
        report = json.loads(tripsaga("doctor", "--json", **world.environment(database)).stdout)
        found[database] = next(one for one in report["findings"] if one["name"] == "world")
    assert found[world.ours]["verdict"] == "ok"
    assert found[world.theirs]["verdict"] == "wrong"
    assert "Temporal to" in found[world.theirs]["what"]
    assert "the sandbox to" in found[world.theirs]["what"]


def test_faults_are_armed_in_no_other_world(world: World, tripsaga: Tripsaga, var: Path) -> None:
    arm = ("fault", "arm", "viator", "book", "slow", "--json")
    assert tripsaga(*arm, **world.environment(world.ours)).exit_code == 0
    refused = tripsaga(*arm, **world.environment(world.theirs))
    assert refused.exit_code == 3
    assert "belongs to another world" in refused.stderr
    # Named on purpose, and nothing of ours to compare it with.
    nothing = "postgresql://postgres@127.0.0.1:9/none"
    assert tripsaga(*arm, **world.environment(nothing)).exit_code == 0
    # Left over by a world of this checkout that was killed: another has the port now.
    var.mkdir(exist_ok=True)
    left: dict[str, object] = dict.fromkeys(services.Services.__annotations__, "")
    left |= {"sandbox": world.where["SANDBOX_URL"], "database": nothing, "pids": {}}
    services.write(var / "services.json", left)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SANDBOX_URL", "DATABASE_URL"):
            patch.delenv(name)
        refused = tripsaga(*arm)
    assert refused.exit_code == 3
    assert "none runs on this checkout" in refused.stderr


async def asked_by(world: World) -> list[str]:
    client = await Client.connect(world.where["TEMPORAL_ADDRESS"])
    return [one.identity for one in await pollers(client, "default", world.where["TASK_QUEUE"])]


def test_a_worker_of_another_database_takes_no_task(world: World) -> None:
    worker = Process("-m", "worker", env=world.environment(world.theirs))
    assert worker._popen.wait(30) == 1
    assert "belongs to world" in worker.log()
    assert "Traceback" not in worker.log()
    assert asyncio.run(asked_by(world)) == []


def test_a_worker_takes_no_task_before_its_database_answers(world: World) -> None:
    with psycopg.connect(world.theirs, autocommit=True) as connection:
        name = connection.info.dbname
    base = world.ours
    locked(base, name, allowed=False)
    env = {**world.environment(world.theirs), "TASK_QUEUE": f"own-{uuid.uuid4().hex[:8]}"}
    unclaimed = {**env, "SANDBOX_URL": "http://127.0.0.1:9"}
    worker = Process("-m", "worker", env=unclaimed)
    try:
        worker.wait_for_line("no task is taken until the database answers")
        assert "worker is running" not in worker.log()
        locked(base, name, allowed=True)
        worker.wait_for_line("worker is running")
    finally:
        locked(base, name, allowed=True)
        worker.stop()


async def test_a_worker_whose_database_has_gone_ends(world: World) -> None:
    name = psycopg.conninfo.conninfo_to_dict(world.theirs)["dbname"]
    settings, stop = Settings(database={"url": world.theirs}), asyncio.Event()
    watching = asyncio.create_task(watch_database(settings, stop, away_seconds=0.5))
    await asyncio.sleep(1.2)
    assert not watching.done()
    locked(world.ours, str(name), allowed=False)
    try:
        with pytest.raises(NotOurWorld, match="has not answered"):
            await asyncio.wait_for(watching, 10)
    finally:
        locked(world.ours, str(name), allowed=True)
    stop.set()
    await asyncio.wait_for(watch_database(settings, stop, away_seconds=0.5), 10)


def locked(through: str, name: str, *, allowed: bool) -> None:
    """Let nobody connect to a database, and end who is."""
    with psycopg.connect(through, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {allowed}')
        if not allowed:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
