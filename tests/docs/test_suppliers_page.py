"""``docs/suppliers.md``: made from its table, every test it names exists, and adapters agree."""

import re

import pytest

from docs.suppliers import COLUMNS, FILE, TABLE, page
from localworld.places import ROOT
from models.suppliers.listings import BY_NAME
from settings import Settings
from suppliers.registry import create_suppliers

CELLS = [cell for row in TABLE.values() for cell in row.values()]
NAMED = sorted({test for cell in CELLS for test in cell.tests})


def test_the_page_is_made_from_the_table() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert page(text) == text, "run `python -m docs.suppliers`"


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_is_named_exists(named: str) -> None:
    file, function = named.split("::")
    text = (ROOT / f"{file}.py").read_text(encoding="utf-8")
    assert re.search(rf"^(async )?def {function}\(", text, flags=re.MULTILINE)


def test_every_cell_has_a_test() -> None:
    assert set(TABLE) == set(BY_NAME)
    assert all(set(row) == set(COLUMNS) for row in TABLE.values())
    assert all(cell.tests for cell in CELLS)


async def test_the_adapters_say_the_same_of_themselves() -> None:
    for name, supplier in create_suppliers(Settings()).items():
        can, row = supplier.capabilities, TABLE[name]
        assert can.finds is row["look-up"].can, name
        assert can.confirms_later is row["async confirm"].can, name
        # Amadeus' orders are ours at once, though free to undo: nothing is completed there.
        assert can.holds is (row["hold"].can and name != "amadeus"), name
        await supplier.close()
