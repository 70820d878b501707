"""The benchmark runs and its figures are what they claim to be. No figure is held to a limit."""

import datetime as dt
import re

import pytest

from benchmarks.critical_path import union
from benchmarks.figures import Report, percentile
from benchmarks.statements import Statements, count
from tests.benchmarks.small_runs import small_run


def at(seconds: float) -> dt.datetime:
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)


def test_calls_side_by_side_are_waited_for_once() -> None:
    assert union([]) == 0
    assert union([(at(5), at(6)), (at(0), at(2)), (at(1), at(3)), (at(1.5), at(1.6))]) == 4


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile(list(range(100)), 0.99) == 99
    assert percentile([7], 0.99) == 7


def test_statements_and_transactions_are_told_apart_in_the_log() -> None:
    found = Statements()
    count(
        "@@worker|7@@ LOG:  statement: BEGIN\n"
        "@@worker|7@@ LOG:  execute <unnamed>: INSERT INTO bookings (id)\n"
        "\tVALUES ($1)\n"
        "@@worker|7@@ DETAIL:  Parameters: $1 = 'x'\n"
        "@@api|8@@ LOG:  execute _pg3_0: SELECT a \n"
        "\tFROM bookings\n"
        "@@worker|7@@ LOG:  execute _pg3_1: UPDATE payments SET x = $1\n"
        "@@worker|7@@ LOG:  statement: COMMIT\n"
        "@@worker|7@@ LOG:  execute _pg3_2: INSERT INTO attempts (x) VALUES ($1)\n"
        "@@|9@@ LOG:  statement: SELECT pg_reload_conf()\n",
        found,
    )
    assert (found.statements, found.control) == (4, 2)
    assert (found.transactions, found.writing) == (3, 2)
    assert found.by_text == {
        "worker: INSERT bookings": 1,
        "api: SELECT bookings": 1,
        "worker: UPDATE payments": 1,
        "worker: INSERT attempts": 1,
    }


@pytest.mark.exhaustive
@pytest.mark.parametrize("concurrency", ["1", "1,2"])
def test_a_small_run_measures_every_way(concurrency: str) -> None:
    options = f"--bookings 2 --rounds 1 --concurrency {concurrency} --latency 0 --tries 1 --json"
    report = Report.model_validate(small_run("bookings", options))

    assert {(cell.way, str(cell.concurrency)) for cell in report.cells} == {
        (way, number) for way in ("plain", "saga", "api") for number in concurrency.split(",")
    }
    assert all(0 < cell.min <= cell.p50 <= cell.p99 for cell in report.cells)
    saga = next(cell for cell in report.cells if (cell.way, cell.concurrency) == ("saga", 1))
    assert saga.supplier_p50 is not None
    assert saga.overhead_p50 is not None
    assert 0 < saga.supplier_p50 < saga.p50
    assert 0 < saga.overhead_p50 < saga.p50
    history = report.history
    assert history.events == sum(history.kinds.values())
    assert history.activities + history.local_activities == len(report.steps)
    assert {step.name for step in report.steps} >= {"open_booking", "book_item", "record"}
    for sql in report.sql:
        begun = sum(
            n for t, n in sql.by_text.items() if re.match("worker: (INSERT|WITH) attempts", t)
        )
        assert begun == sql.by_text["worker: UPDATE attempts"]
        assert 0 < sql.writing_transactions < sql.transactions < sql.statements
