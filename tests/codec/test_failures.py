"""Failures on a real server: what they say can be read with the codec only.

Elsewhere texts were left unencrypted, and failures that could not be decoded stalled workflows
(github.com/temporalio/sdk-python/issues/247, /issues/1191).
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import Replayer, Worker

from codec.keys import KeyRing
from settings import Settings
from temporal import connect, data_converter

FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
SECRET = "passport X1234567 of Ada"
KINDS = ("plain", "application", "caused", "timeout", "heartbeat", "validation")


@activity.defn
async def fail(kind: str) -> None:
    match kind:
        case "plain":
            raise ValueError(SECRET)
        case "application":
            raise ApplicationError("refused", {"why": SECRET}, SECRET, type="Refused")
        case "caused":
            try:
                raise KeyError(SECRET)
            except KeyError as error:
                raise ApplicationError("refused", type="Refused") from error
        case "timeout":
            await asyncio.sleep(60)
        case "heartbeat":
            activity.heartbeat(SECRET)
            await asyncio.sleep(60)
        case "validation":
            int(SECRET)


@workflow.defn(sandboxed=False)
class Fails:
    """Runs the failing activity, says what it saw, and fails with it when asked to."""

    @workflow.run
    async def run(self, kind: str, caught: bool) -> list[str]:
        try:
            await workflow.execute_activity(
                fail,
                kind,
                start_to_close_timeout=timedelta(seconds=1 if kind == "timeout" else 5),
                heartbeat_timeout=timedelta(seconds=1) if kind == "heartbeat" else None,
                retry_policy=RetryPolicy(maximum_attempts=1),
                summary=SECRET,
            )
        except FailureError as error:
            if not caught:
                raise
            return texts_of(error)
        return []


def texts_of(error: BaseException | None) -> list[str]:
    """Everything that an error and its causes say."""
    texts: list[str] = []
    while error is not None:
        details = [*getattr(error, "details", ()), *getattr(error, "last_heartbeat_details", ())]
        texts += [str(error), *map(str, details)]
        error = error.__cause__
    return texts


@pytest.fixture(scope="module")
async def client(temporal_address: str) -> Client:
    return await connect(Settings(temporal={"address": temporal_address}))


@pytest.fixture(scope="module")
async def queue(client: Client) -> AsyncIterator[str]:
    name = f"failures-{uuid.uuid4().hex[:8]}"
    async with Worker(client, task_queue=name, workflows=[Fails], activities=[fail]):
        yield name


async def history(temporal_address: str, handle: WorkflowHandle[Fails, list[str]]) -> History:
    """A workflow's history as Temporal keeps it."""
    other_client = await Client.connect(temporal_address)
    found = await other_client.get_workflow_handle(handle.id).fetch_history()
    return History(events=found.events)


@pytest.mark.parametrize("caught", [True, False], ids=["caught", "passed on"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_can_be_read_with_the_codec_only(
    client: Client, queue: str, temporal_address: str, kind: str, caught: bool
) -> None:
    handle = await client.start_workflow(
        Fails.run,
        args=[kind, caught],
        id=str(uuid.uuid4()),
        task_queue=queue,
        static_summary=SECRET,
        static_details=SECRET,
        memo={"who": SECRET},
    )
    if caught:  # decoded where it matters most: in the worker, which would otherwise stall
        texts = await asyncio.wait_for(handle.result(), 20)
    else:
        with pytest.raises(WorkflowFailureError) as error:
            await asyncio.wait_for(handle.result(), 20)
        texts = texts_of(error.value)
    if kind != "timeout":  # its text is Temporal's own
        assert any(SECRET in text for text in texts), texts
    kept = await history(temporal_address, handle)
    assert b"Fails" in kept.SerializeToString()
    assert SECRET.encode() not in kept.SerializeToString()
    assert b"X1234567" not in kept.SerializeToString()
    description = await handle.describe()
    assert await description.static_summary() == SECRET
    assert await description.static_details() == SECRET
    assert await description.memo() == {"who": SECRET}
    assert SECRET.encode() not in description.raw_description.SerializeToString()


async def test_an_encrypted_history_replays_with_its_key_and_not_without(
    client: Client, queue: str
) -> None:
    handle = await client.start_workflow(
        Fails.run, args=["application", True], id=str(uuid.uuid4()), task_queue=queue
    )
    await asyncio.wait_for(handle.result(), 20)
    recorded = await handle.fetch_history()
    ring = Settings().key_ring
    await Replayer(workflows=[Fails], data_converter=data_converter(ring)).replay_workflow(recorded)
    other = data_converter(KeyRing({"other": bytes(32)}))
    with pytest.raises(RuntimeError, match="UnknownKey"):
        await Replayer(workflows=[Fails], data_converter=other).replay_workflow(recorded)


async def test_a_key_that_was_missing_and_is_added_lets_the_workflow_go_on(
    client: Client, temporal_address: str
) -> None:
    """A lost key fails no booking: its workflow waits for a worker that has it."""
    name = f"failures-{uuid.uuid4().hex[:8]}"
    handle = await client.start_workflow(
        Fails.run,
        args=["plain", True],
        id=str(uuid.uuid4()),
        task_queue=name,
        task_timeout=timedelta(seconds=1),
    )
    other_client = await Client.connect(
        temporal_address, data_converter=data_converter(KeyRing({"other": bytes(32)}))
    )
    async with Worker(other_client, task_queue=name, workflows=[Fails], activities=[fail]):
        async with asyncio.timeout(20):
            while (await handle.fetch_history()).events[-1].event_type != FAILED:
                await asyncio.sleep(0.1)
    async with Worker(client, task_queue=name, workflows=[Fails], activities=[fail]):
        assert SECRET in "".join(await asyncio.wait_for(handle.result(), 30))
