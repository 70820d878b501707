"""Whoever delivers an item: it can be swapped, new before old, and the old one is gone."""

import pytest

from sandbox.sellers import SELLERS
from tests.support.selection import table
from tests.support.stack import Stack
from tests.support.trips import sold_by
from tests.trips.modifying.changes import (
    change,
    confirmed,
    dates,
    judged,
    now,
    offers,
    standing,
    swap,
)


@pytest.mark.parametrize("supplier", table(SELLERS, quick=["duffel"]))
async def test_an_item_is_swapped_at_every_supplier(stack: Stack, supplier: str) -> None:
    kind = SELLERS[supplier].sells.upper()
    booking = await confirmed(stack, **sold_by(supplier))
    (old, *_) = [item for item in booking.items if item.type == kind]
    assert old.supplier == supplier
    (new, *_) = await offers(stack, kind, dates=dates(75, 3), **sold_by(supplier))
    outcome = await change(stack, booking.id, swap(old, new))
    assert outcome.carried_out, outcome.problem
    after = await now(stack, booking.id)
    assert after.due == after.captured - after.refunded
    facts = await judged(stack, booking.id)
    assert new.component_id in standing(facts)
    assert old.component_id not in standing(facts)
    assert not [r for r in facts.reservations if r["live"] and r["reference"] == old.reference]
