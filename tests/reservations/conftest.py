"""A venue on the real record."""

import pytest

from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books
from tests.reservations.books import Diary


@pytest.fixture
async def diary(books: Books) -> Diary:
    """A venue without limits; tests give it some."""
    made = Diary(books)
    await made.open_venue()
    return made
