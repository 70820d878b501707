"""The fault table people read is the one the tests hold."""

from tests.saga.cells import table
from tests.support.processes import ROOT


def test_the_documented_table_is_the_tested_one() -> None:
    assert table() in (ROOT / "docs" / "faults.md").read_text()
