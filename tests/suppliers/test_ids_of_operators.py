"""The id that an operator gives: used, or the answer says that it was not and what is held."""

from collections.abc import AsyncIterator

import pytest
from temporalio.testing import ActivityEnvironment

from activities.registry import create_activities
from activities.suppliers.items import ItemActivities
from models.bookings.booking import Booking, Item
from models.core.supply import ItemType, Reservation
from models.suppliers.messages import CancelledItem, ItemCall
from tests.support.checker import gather
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed


@pytest.fixture
async def items(stack: Stack) -> AsyncIterator[ItemActivities]:
    activities = create_activities(stack.settings)
    yield activities.items
    await activities.close()


@pytest.fixture
async def booking(stack: Stack) -> Booking:
    return await confirmed(stack)


def item_of(booking: Booking, kind: ItemType = ItemType.HOTEL) -> tuple[Item, Reservation]:
    item = next(item for item in booking.items if item.type is kind)
    assert item.reservation is not None
    return item, item.reservation


async def cancel(
    items: ItemActivities, booking: Booking, item: Item, supplier_id: str | None, key: str
) -> CancelledItem:
    call = ItemCall(
        booking_id=booking.id, item=item.number, key=f"{booking.id}:{key}", supplier_id=supplier_id
    )
    answer: CancelledItem = await ActivityEnvironment().run(items.cancel_item, call)
    return answer


async def live(stack: Stack, booking: Booking, reservation: Reservation) -> bool:
    facts = await gather(stack.sandbox, stack.settings.database.url, booking.id)
    (found,) = [row for row in facts.reservations if row["id"] == reservation.supplier_id]
    return bool(found["live"])


async def test_an_id_that_does_not_fit_cancels_nothing_and_is_told(
    stack: Stack, items: ItemActivities, booking: Booking
) -> None:
    item, reservation = item_of(booking)
    answer = await cancel(items, booking, item, "another-order", "one")
    assert answer.refused is not None
    assert "another-order was not used" in answer.refused.message
    assert f"is {reservation.supplier_id} at {item.supplier}" in answer.refused.message
    assert await live(stack, booking, reservation)


@pytest.mark.parametrize("kind", [ItemType.FLIGHT, ItemType.HOTEL])
async def test_an_id_that_fits_is_used(
    stack: Stack, items: ItemActivities, booking: Booking, kind: ItemType
) -> None:
    """The id in the supplier's back office, or what the traveller shows."""
    item, reservation = item_of(booking, kind)
    rows = await stack.sandbox.reservations(item.reference)
    (office,) = [row["id"] for row in rows]
    for number, named in enumerate((reservation.confirmation_code, office)):
        answer = await cancel(items, booking, item, named, f"round-{number}")
        assert answer.refused is None
        assert not await live(stack, booking, reservation)


async def test_what_is_known_and_gone_is_settled_whoever_names_it(
    items: ItemActivities, booking: Booking
) -> None:
    """An answer "cancelled already" is doubted only about an id that nobody but a person knew."""
    item, reservation = item_of(booking)
    assert (await cancel(items, booking, item, None, "one")).refused is None
    assert (await cancel(items, booking, item, reservation.supplier_id, "two")).refused is None
