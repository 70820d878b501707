"""RateHawk at its emulation, quick to decide."""

from collections.abc import AsyncIterator

import pytest

from models.core.supply import TripComponent
from suppliers.ratehawk import RateHawkSupplier
from tests.suppliers.conftest import LocalWorld
from tests.suppliers.ratehawk.world import quickly, stay


@pytest.fixture
async def hotels(local: LocalWorld) -> AsyncIterator[RateHawkSupplier]:
    supplier = RateHawkSupplier(quickly(local).settings())
    yield supplier
    await supplier.close()


@pytest.fixture
def item(local: LocalWorld) -> TripComponent:
    return stay(local)
