"""The benchmark of acknowledgements runs. No figure is held to a limit."""

import json
import subprocess
import sys

import pytest

from benchmarks.webhooks import WebhookReport
from tests.support.processes import ROOT


@pytest.mark.exhaustive  # its stage, orders and figures are those of benchmarks.bookings
def test_a_small_run_measures_every_delivery() -> None:
    options = "--rate 20 --seconds 1 --copies 2 --bookings 1 --json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.webhooks", *options.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = WebhookReport.model_validate(json.loads(done.stdout))
    assert (report.deliveries, report.events) == (20, 10)
    assert 0 < report.p50 <= report.p95 <= report.p99 <= report.max
