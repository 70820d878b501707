"""A shop on the real database."""

from collections.abc import AsyncIterator

import pytest

from tests.marketplace.shop import Shop


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    shop = Shop(database_url)
    yield shop
    await shop.engine.dispose()
