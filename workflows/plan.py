"""The order in which items are booked: one pure function."""

from collections.abc import Sequence

from models.booking import Item
from models.trip import ItemType

CONTRACT_ORDER = (ItemType.FLIGHT, ItemType.HOTEL, ItemType.ACTIVITY)


def plan(items: Sequence[Item]) -> list[list[Item]]:
    """Return the stages of a booking: flights, then hotels, then experiences.

    The items of a stage are booked together; a stage begins when the one before has ended
    (contracts.md §1). Within a stage the trip option's order is kept.
    """
    stages = [[item for item in items if item.type is kind] for kind in CONTRACT_ORDER]
    return [stage for stage in stages if stage]
