"""A market on the real record."""

import pytest

from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books
from tests.marketplace.stock.market import Market


@pytest.fixture
async def market(books: Books) -> Market:
    """An approved provider with a published listing, and nothing for sale yet."""
    made = Market(books)
    await made.open()
    return made
