"""``docs/money.md``: made from its table, and every test it names exists."""

import re

import pytest

from docs.money import FILE, TABLE, page
from localworld.places import ROOT

NAMED = [test for cells in TABLE.values() for cell in cells for test in cell.tests]


def test_the_page_is_made_from_the_table() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert page(text) == text, "run `python -m docs.money`"


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_a_test_that_is_named_exists(named: str) -> None:
    file, function = named.split("::")
    text = (ROOT / f"{file}.py").read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {function}\(", text, flags=re.MULTILINE)


def test_every_event_has_a_test() -> None:
    assert all(cell.tests for cells in TABLE.values() for cell in cells)
