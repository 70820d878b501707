"""A market whose bookings are paid by a real worker, through the sandbox's gateway."""

import pytest

from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books
from tests.marketplace.buying.till import Till
from tests.support.stack import Stack


@pytest.fixture
async def till(stack: Stack, books: Books) -> Till:
    """A provider with a published listing, and a worker."""
    made = Till(stack, books)
    await made.open()
    return made
