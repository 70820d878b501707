"""The benchmark of events runs. No figure is held to a limit."""

import pytest

from benchmarks.events import EventsReport
from tests.benchmarks.small_runs import small_run
from tests.support import rabbitmq


@pytest.mark.exhaustive
@pytest.mark.timeout(400)
def test_a_small_run_measures_everything() -> None:
    try:
        rabbitmq.obtain()
    except rabbitmq.NotToBeHad as error:
        pytest.skip(str(error))
    options = "--rate 10 --seconds 2 --idle 1 --rounds 5 --backlog 100 --json"
    report = EventsReport.model_validate(small_run("events", options, seconds=300))
    assert report.transitions == 20
    assert 0 < report.p50 <= report.p95 <= report.p99 <= report.max
    assert 0 < report.webhook_p50 <= report.webhook_p95 <= report.webhook_p99 <= report.webhook_max
    assert report.caught_up >= 100
    assert 0 < report.statements_without <= report.statements_with
