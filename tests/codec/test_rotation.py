"""The rotation that docs/operating.md describes, on a real server, up to the last step."""

import base64
import uuid

from pydantic import SecretStr
from temporalio.client import Client, ScheduleActionStartWorkflow

from commands.schedules import ensure_watching, watch_id
from settings import Settings
from temporal import connect

OLD, NEW = (f"{name}:{base64.b64encode(bytes([n]) * 32).decode()}" for n, name in enumerate("on"))


async def test_migrating_writes_a_schedules_arguments_with_the_new_key(
    temporal_address: str,
) -> None:
    """Schedules have no end: they would hold an old key for ever."""
    queue = f"rotation-{uuid.uuid4().hex[:8]}"
    other_client = await Client.connect(temporal_address)
    seen = []
    for keys in (OLD, f"{OLD},{NEW}", f"{NEW},{OLD}", NEW):
        settings = Settings(
            temporal={"address": temporal_address}, task_queue=queue, payload_keys=SecretStr(keys)
        )
        await ensure_watching(await connect(settings), settings)
        handle = other_client.get_schedule_handle(watch_id(settings))
        action = (await handle.describe()).schedule.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        seen.append(action.args[0].metadata["key-id"])
    assert seen == [b"o", b"o", b"n", b"n"]
    await other_client.get_schedule_handle(watch_id(settings)).delete()
