"""The order in which items are booked: one pure function."""

from collections.abc import Sequence
from datetime import datetime

from models.bookings.booking import Item
from models.core.patience import BookingOrder
from models.core.supply import ItemType

NOT_OF_TRIPS = (ItemType.VENUE_SLOT, ItemType.STAY, ItemType.PACKAGE, ItemType.TOUR)
CONTRACT_ORDER = (ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY, *NOT_OF_TRIPS)
"""What other kinds of bookings have is all they have, and they are cancelled as trips are."""


def plan(
    items: Sequence[Item],
    order: BookingOrder = BookingOrder.CONTRACT,
    *,
    now: datetime | None = None,
) -> list[list[Item]]:
    """Return the stages of a trip, every item in one of them; those of a stage are booked together.

    A stage begins when the one before has ended. ``CONTRACT``: flights, then hotels, then
    experiences (contracts.md §1). ``UNDOABLE_FIRST`` needs quotes and the time (``now``, UTC): all
    that is free to undo at once, then what costs a part, then one by one, the dearest last, what
    cannot be undone. Otherwise the trip option's order is kept.

    Raises:
        ValueError: an item's type has no place in the contract's order.
    """
    if order is BookingOrder.CONTRACT or now is None:
        for item in items:
            if item.type not in CONTRACT_ORDER:
                raise ValueError(f"item {item.number} is a {item.type}, which has no place in it")
        stages = [[item for item in items if item.type is kind] for kind in CONTRACT_ORDER]
        return [stage for stage in stages if stage]
    lost = {item.number: _lost(item, now) for item in items}
    free = [item for item in items if lost[item.number] <= 0]
    partly = [item for item in items if 0 < lost[item.number] < item.price]
    final = [item for item in items if item not in free and item not in partly]
    final.sort(key=lambda item: (item.price, item.number))
    return [stage for stage in (free, partly, *([item] for item in final)) if stage]


def _lost(item: Item, now: datetime) -> int:
    """Return what undoing an item costs right after it is booked, minor units."""
    if item.quote is None:
        return item.price
    if item.quote.holdable:
        return 0
    return item.quote.payable.terms.fee_at(now, item.price)
