"""The benchmark of reservations runs in both worlds. No figure is held to a limit."""

import json
import os
import subprocess
import sys

import pytest

from benchmarks.reservations import Report
from tests.support.processes import ROOT


@pytest.mark.exhaustive
def test_a_small_run_asks_everything_of_both_worlds() -> None:
    options = "--bookings 2 --rounds 1 --concurrency 1,2 --crowd 2000 --tries 1 --json --quiet"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reservations", *options.split()],
        cwd=ROOT,
        # A setting of the machine must not reach the benchmark's own world.
        env={**os.environ, "TASK_QUEUE": "nobody-serves-this", "DATABASE_URL": "postgresql://no"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = Report.model_validate(json.loads(done.stdout))

    assert {(cell.way, cell.concurrency) for cell in report.cells} == {
        (f"{kind}, {world}", at_once)
        for world in ("empty", "full")
        for kind, at_once in [
            ("reserve", 1),
            ("reserve", 2),
            ("check", 1),
            ("inventory", 1),
            ("read", 1),
        ]
    }
    assert all(0 < cell.min <= cell.p50 <= cell.p99 for cell in report.cells)
    assert report.above_inventory.keys() == {"empty", "full"}
    assert report.crowd == 2_000
    ratios = report.full_by_empty
    assert all(one["p50"] > 0 and one["per_second"] > 0 for one in ratios.values())
    assert ratios["reserve, 1 at once"]["statements"] > 0
    assert {step.name for step in report.steps} >= {"open_reservation", "record"}
    assert report.history.events == sum(report.history.kinds.values())
    assert [0 < sql.writing_transactions < sql.statements for sql in report.sql] == [True, True]
