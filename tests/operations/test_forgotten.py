"""Looking for what suppliers have under a booking's references beside what is on record."""

import datetime as dt
import uuid
from typing import Any, cast

import pytest

from activities.operations.forgotten import MISSES, MOST, ForgottenReservations
from models.core.money import Money
from models.core.supply import Reservation
from suppliers.core.protocol import Supplier

NOW = dt.datetime(2031, 3, 1, 12, tzinfo=dt.UTC)


class Finding:
    """A supplier that has something under the first references, as many as it is told."""

    def __init__(self, has: int) -> None:
        self.has = has
        self.asked: list[str] = []

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:
        self.asked.append(reference)
        if len(self.asked) > self.has:
            return None
        price = Money(amount=1, currency="USD")
        ids: dict[str, Any] = {"supplier_id": "1", "confirmation_code": "C", "provider": "x"}
        return Reservation(reference=reference, price=price, **ids)


@pytest.mark.parametrize(
    ("has", "asked"), [(0, MISSES), (2, 2 + MISSES), (MOST + 1, MOST), (10 * MOST, MOST)]
)
async def test_the_search_ends(has: int, asked: int) -> None:
    """Also at a supplier that finds something under every reference."""
    supplier = Finding(has)
    forgotten = ForgottenReservations({"odd": cast("Supplier", supplier)})
    standing = await forgotten.standing(str(uuid.uuid4()), NOW, known=4)
    assert len(supplier.asked) == len(set(supplier.asked)) == asked
    assert len(standing.live) == min(has, MOST)
