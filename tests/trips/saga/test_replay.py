"""Every saved history replays on the current workflows: running bookings survive a deployment.

Those in a folder were recorded by an earlier version, whose workflows may still run. They are
saved decrypted (docs/decisions/0024) and replay through the converter that every process has.
"""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from codec.payloads import EncryptionCodec
from settings import Settings
from temporal import data_converter
from tests.support.histories import decrypted
from tests.support.processes import ROOT
from tests.support.stack import Stack
from worker import WORKFLOWS, workflow_runner

FOLDER = ROOT / "tests" / "histories"
HISTORIES = sorted(FOLDER.glob("**/*.json"))
END_STATES = {"confirmed", "failed", "cancelled", "needs_attention"}


def test_every_end_state_has_a_history() -> None:
    assert {end for end in END_STATES for path in HISTORIES if path.stem.startswith(end)} == (
        END_STATES
    )


@pytest.mark.parametrize("sandboxed", [True, False], ids=["sandboxed", "plain"])
@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: str(path.relative_to(FOLDER)))
async def test_history_replays(path: Path, sandboxed: bool) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(sandboxed=sandboxed),
        data_converter=data_converter(Settings().key_ring, plaintext=True),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))


async def test_a_history_as_temporal_keeps_it_replays(stack: Stack) -> None:
    handle = await stack.start(await stack.request())
    await handle.result()
    ring = stack.settings.key_ring
    kept = await handle.fetch_history()
    assert "ada@example.org" not in kept.to_json()
    encrypted = Replayer(workflows=WORKFLOWS, data_converter=data_converter(ring))
    await encrypted.replay_workflow(kept)
    saved = await decrypted(kept, EncryptionCodec(ring, plaintext=True))
    plain = WorkflowHistory.from_json(handle.id, saved.to_json())
    await Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter).replay_workflow(
        plain
    )
