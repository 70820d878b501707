"""Every saved history replays on the current workflows: running bookings survive a deployment.

Those in a folder were recorded by an earlier version, whose workflows may still run.
"""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.support.processes import ROOT
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
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))
