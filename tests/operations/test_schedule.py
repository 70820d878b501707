"""The schedule: made once by ``tripsaga migrate``, kept up to date, and it starts rounds."""

import asyncio
import dataclasses
import datetime as dt
import uuid
from pathlib import Path

import pytest
from temporalio.client import (
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleOverlapPolicy,
)
from typer.testing import CliRunner

from cli import app
from commands.schedules import ensure_watching, finding, watch_id
from settings import Settings
from temporal import connect
from tests.support.environment import changed
from tests.support.stack import Stack


@pytest.fixture
def settings(database_url: str, temporal_address: str) -> Settings:
    """Settings of a queue of its own, at which nobody works."""
    return Settings(
        database={"url": database_url},
        temporal={"address": temporal_address},
        task_queue=f"scheduled-{uuid.uuid4().hex[:8]}",
    )


async def handle_of(settings: Settings) -> ScheduleHandle:
    return (await connect(settings)).get_schedule_handle(watch_id(settings))


async def test_migrating_twice_makes_one_schedule(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPSAGA_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("DATABASE_URL", settings.database.url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", settings.temporal.address)
    monkeypatch.setenv("TASK_QUEUE", settings.task_queue)
    outputs = []
    for _ in range(2):
        answer = await asyncio.to_thread(CliRunner().invoke, app, ["migrate"])
        assert answer.exit_code == 0, answer.output
        outputs.append(answer.stdout)
    assert "every 300 s, from now on" in outputs[0]
    assert "every 300 s, as before" in outputs[1]
    client = await connect(settings)
    schedules = [found.id async for found in await client.list_schedules()]
    if schedules:  # the list is of visibility, and may lag behind
        assert schedules.count(watch_id(settings)) <= 1
    handle = await handle_of(settings)
    found = (await handle.describe()).schedule
    assert isinstance(found.action, ScheduleActionStartWorkflow)
    assert found.action.workflow == "WatchMoney"
    assert found.action.task_queue == settings.task_queue
    assert [interval.every for interval in found.spec.intervals] == [dt.timedelta(seconds=300)]
    assert found.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert found.policy.catchup_window == dt.timedelta(minutes=1)
    await handle.delete()


async def test_it_follows_the_settings_and_stays_paused(settings: Settings) -> None:
    client = await connect(settings)
    missing = await finding(client, settings)
    assert (missing.verdict, missing.mend) == ("wrong", "tripsaga migrate")
    assert await ensure_watching(client, settings)
    assert (await finding(client, settings)).verdict == "ok"
    handle = await handle_of(settings)
    await handle.pause(note="the gateway is being moved")
    slower = changed(settings, watch={"seconds": 900.0})
    assert not await ensure_watching(client, slower)
    found = (await handle.describe()).schedule
    assert [interval.every for interval in found.spec.intervals] == [dt.timedelta(seconds=900)]
    assert dataclasses.asdict(found.state)["paused"]
    assert found.state.note == "the gateway is being moved"
    paused = await finding(client, settings)
    assert (paused.verdict, paused.what) == ("warning", "paused: the gateway is being moved")
    await handle.delete()


async def test_triggered_it_makes_a_round(stack: Stack) -> None:
    await ensure_watching(stack.client, stack.settings)
    handle = await handle_of(stack.settings)
    await handle.trigger()
    async with asyncio.timeout(30):
        while not (actions := (await handle.describe()).info.recent_actions):
            await asyncio.sleep(0.1)
    started = actions[-1].action
    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
    workflow = started.workflow_id
    assert workflow.startswith(watch_id(stack.settings))
    summary = await stack.client.get_workflow_handle(workflow).result()
    assert set(summary["checked"]["violations"]) == {"I1", "I2", "I8", "I9", "I10"}
    await handle.delete()
