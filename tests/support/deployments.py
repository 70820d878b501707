"""A worker deployment, steered with the commands of docs/operating.md."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle

from localworld import temporal_binary
from tests.support.processes import Process
from tests.support.stack import Stack


@dataclass(frozen=True)
class Deployment:
    """The versions of the workers of a stack."""

    stack: Stack
    name: str

    def start_worker(self, build: str) -> Process:
        """Start a worker process of a version."""
        return self.stack.start_worker(WORKER_DEPLOYMENT=self.name, WORKER_BUILD_ID=build)

    async def make_current(self, build: str) -> None:
        """Send new bookings to a version, as soon as the server knows its workers' queues."""
        command = ("worker", "deployment", "set-current-version", "--yes")
        async with asyncio.timeout(30):
            while (await self._temporal(*command, *self._version(build)))[0]:
                await asyncio.sleep(0.3)

    async def describe(self, build: str) -> dict[str, Any]:
        """Return what the server knows of a version."""
        command = ("worker", "deployment", "describe-version", "--output", "json")
        async with asyncio.timeout(30):
            while True:
                code, text = await self._temporal(*command, *self._version(build))
                if code == 0:
                    return dict(json.loads(text))
                # The server keeps versions in workflows: one that goes on as a new run is away.
                assert "Version not found" in text, text
                await asyncio.sleep(0.2)

    async def drainage(self, build: str) -> str:
        """Return ``draining`` or ``drained``, of a version that was current."""
        return str((await self.describe(build))["drainageInfo"]["drainageStatus"])

    async def until_looked_at(self, build: str) -> None:
        """Wait until the server has looked, since it changed its mind, what runs on a version."""
        async with asyncio.timeout(30):
            while True:
                found = (await self.describe(build))["drainageInfo"]
                if found["lastCheckedTime"] != found["lastChangedTime"]:
                    return
                await asyncio.sleep(0.2)

    async def until_drained(self, build: str) -> None:
        """Wait until no workflow is pinned to a version any more."""
        async with asyncio.timeout(30):
            while await self.drainage(build) != "drained":
                await asyncio.sleep(0.2)

    async def move(self, old: str, new: str) -> None:
        """Pin what runs on a version to another one."""
        running = f'TemporalWorkerDeploymentVersion="{self.name}:{old}"'
        code, text = await self._temporal(
            *("workflow", "update-options", "--yes", "--reason", "its workers are gone"),
            *("--query", f'{running} AND ExecutionStatus="Running"'),
            *("--versioning-override-behavior", "pinned"),
            *("--versioning-override-deployment-name", self.name),
            *("--versioning-override-build-id", new),
        )
        assert code == 0, text

    def _version(self, build: str) -> tuple[str, ...]:
        return ("--deployment-name", self.name, "--build-id", build)

    async def _temporal(self, *arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            temporal_binary.obtain(),
            *arguments,
            *("--address", self.stack.settings.temporal.address),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        text, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, text.decode()


async def build_of(handle: WorkflowHandle[Any, Any]) -> str:
    """Return the build id of the version that a workflow's latest run is on."""
    described = (await handle.describe()).raw_description.workflow_execution_info
    return described.versioning_info.deployment_version.build_id


async def workers_of(handle: WorkflowHandle[Any, Any]) -> set[int]:
    """Return the process ids of the workers that did a run's workflow tasks and activities."""
    history = await handle.fetch_history()
    identities = set()
    for event in history.events:
        if event.HasField("workflow_task_completed_event_attributes"):
            identities.add(event.workflow_task_completed_event_attributes.identity)
        if event.HasField("activity_task_started_event_attributes"):
            identities.add(event.activity_task_started_event_attributes.identity)
    return {int(identity.split("@")[0]) for identity in identities}
