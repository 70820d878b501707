"""A market on the real record."""

from collections.abc import AsyncIterator

import pytest

from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch_url as scratch_url
from tests.marketplace.stock.market import Market


@pytest.fixture
async def books(scratch_url: str) -> AsyncIterator[Books]:
    """A record that no worker looks after: what is overdue stays so until a test sweeps."""
    made = Books(scratch_url)
    yield made
    await made.engine.dispose()


@pytest.fixture
async def market(books: Books) -> Market:
    """An approved provider with a published listing, and nothing for sale yet."""
    made = Market(books)
    await made.open()
    return made
