"""The fault table people read is the one the tests hold."""

from tests.support.processes import ROOT
from tests.trips.saga.cells import table


def test_the_documented_table_is_the_tested_one() -> None:
    assert table() in (ROOT / "docs" / "faults.md").read_text()
