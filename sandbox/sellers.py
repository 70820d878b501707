"""Who sells what in the sandbox: one entry for each emulated supplier.

An emulation is a package with ``router(world)`` and what the trip planner asks it for:
``live_offer`` for flights and stays, ``live_offers`` for experiences.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Final, Literal

from sandbox import amadeus, booking_com, duffel, getyourguide, ratehawk, viator


@dataclass(frozen=True)
class Seller:
    """An emulated supplier."""

    sells: Literal["flight", "hotel", "activity"]
    module: ModuleType
    operations: frozenset[str] = frozenset({"quote", "book", "find", "cancel"})
    """What faults can be armed for; ``complete`` where something held is paid or confirmed."""


SELLERS: Final[dict[str, Seller]] = {
    "amadeus": Seller("flight", amadeus),
    "duffel": Seller("flight", duffel, frozenset({"quote", "book", "complete", "find", "cancel"})),
    "booking_com": Seller("hotel", booking_com),
    "ratehawk": Seller("hotel", ratehawk),
    "viator": Seller("activity", viator, frozenset({"quote", "book", "find", "cancel", "changes"})),
    "getyourguide": Seller(
        "activity", getyourguide, frozenset({"quote", "book", "complete", "find", "cancel"})
    ),
}
"""By the name that trip options and faults use."""


def names(sells: str) -> list[str]:
    """Return who sells flights, stays (``hotel``) or experiences (``activity``)."""
    return [name for name, seller in SELLERS.items() if seller.sells == sells]
