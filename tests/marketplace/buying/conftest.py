"""A market whose bookings are paid by a real worker, through the sandbox's gateway."""

import pytest

from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books
from tests.marketplace.buying.shop import Shop
from tests.support.stack import Stack


@pytest.fixture
async def shop(stack: Stack, books: Books) -> Shop:
    """A provider with a published listing, and a worker."""
    made = Shop(stack, books)
    await made.open()
    return made
