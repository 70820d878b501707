"""``docs/faults.md`` is made from the money rows, and every test they name exists."""

import os
import re
import subprocess
import sys
from functools import cache

import pytest

from tests.support.processes import ROOT
from tests.trips.faults.money_rows import ENDS, FAULTS, FILE, HERE, ROWS, TABLE, page

pytestmark = pytest.mark.xdist_group("money rows")  # the tests are collected once

MATRIX = {
    "3": "RJ QF RT QF QF DD RT QF QF RS QF RS – CF AU TB",
    "7": "RJ QF RT QF QF DD RT QF QF RS QF RS – – AU TB",
    "c1": "QF QF RT QF QF DD RT QF QF RS QF RS NA – – TB",
    "x1": "ER – – – DD DD WT ER RS RS ER RS – – – TB",
}
"""The rows as they were asked for (reliability.md §2)."""

CELL = re.compile(rf"{HERE}/\w+::test_(?P<row>\w+?)_(?P<fault>F\d+)(_\w+)?(\[.*\])?")


@cache
def existing() -> frozenset[str]:
    """The tests in the files that are named, as pytest finds them: ``file::function[case]``."""
    named = {
        test.split("::")[0] for row in TABLE.values() for c in row.values() for test in c.tests
    }
    ours = {f"{HERE}/{file.stem}" for file in (ROOT / HERE).glob("test_*.py")}
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--collect-only", "-q"),
            *("-p", "no:cacheprovider"),
            *(f"{file}.py" for file in sorted(named | ours)),
        ],
        cwd=ROOT,
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return frozenset(
        line.replace(".py::", "::", 1) for line in answer.stdout.splitlines() if "::" in line
    )


def test_the_page_is_made_from_the_rows() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert page(text) == text, "run `python -m tests.trips.faults.money_rows`"


def test_every_cell_that_can_occur_is_there_with_its_end() -> None:
    for row, ends in MATRIX.items():
        wanted = {f: end for f, end in zip(FAULTS, ends.split(), strict=True) if end != "–"}
        assert {fault: cell.end for fault, cell in TABLE[row].items()} == wanted
    assert TABLE.keys() == ROWS.keys() == MATRIX.keys()
    assert all(cell.tests for row in TABLE.values() for cell in row.values())
    assert {cell.end for row in TABLE.values() for cell in row.values()} == ENDS.keys()


def test_every_test_that_is_named_exists() -> None:
    functions = {test.partition("[")[0] for test in existing()}
    missing = {
        test
        for row in TABLE.values()
        for cell in row.values()
        for test in cell.tests
        if test not in existing() | functions
    }
    assert not missing


def test_every_test_that_is_named_after_a_cell_is_in_it() -> None:
    ours = {found[0].partition("[")[0]: found for test in existing() if (found := CELL.match(test))}
    assert len(ours) > 20
    for function, found in ours.items():
        cell = TABLE[found["row"]][found["fault"]]
        assert function in {test.partition("[")[0] for test in cell.tests}, function
