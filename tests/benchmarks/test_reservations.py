"""The benchmark of reservations runs in both worlds. No figure is held to a limit."""

import pytest

from benchmarks.reservations import Report
from tests.benchmarks.small_runs import small_run


@pytest.mark.exhaustive
def test_a_small_run_asks_everything_of_both_worlds() -> None:
    options = "--bookings 2 --rounds 1 --concurrency 1,2 --crowd 2000 --tries 1 --json --quiet"
    report = Report.model_validate(small_run("reservations", options))

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
