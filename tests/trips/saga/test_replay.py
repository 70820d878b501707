"""Every saved history replays on the current workflows: running bookings survive a deployment."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.support.processes import ROOT
from worker import WORKFLOWS, workflow_runner

FOLDER = ROOT / "tests" / "histories"
HISTORIES = sorted(FOLDER.glob("**/*.json"))
BOOKED = {"confirmed", "failed", "cancelled", "gone_on", "booked_before"}
"""How ``BookTrip`` ends: in one of three states, by going on with a request, or at once."""


def test_every_workflow_has_a_history() -> None:
    started = [json.loads(path.read_text())["events"][0] for path in HISTORIES]
    types = {
        event["workflowExecutionStartedEventAttributes"]["workflowType"]["name"]
        for event in started
    }
    assert types == {workflow.__name__ for workflow in WORKFLOWS}
    booked = [path.stem for path in HISTORIES if path.parent.name == "book_trip"]
    assert {end for end in BOOKED for name in booked if name.startswith(end)} == BOOKED


@pytest.mark.parametrize("sandboxed", [True, False], ids=["sandboxed", "plain"])
@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: str(path.relative_to(FOLDER)))
async def test_history_replays(path: Path, sandboxed: bool) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(sandboxed=sandboxed),
        data_converter=pydantic_data_converter,
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, path.read_text()))
