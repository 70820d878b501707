"""A return flight of Amadeus' emulation, to book."""

from models.core.supply import ItemType, TripComponent
from sandbox import amadeus
from tests.suppliers.conftest import LocalWorld, component, in_days


def flight(
    local: LocalWorld,
    *,
    origin: str = "JFK",
    destination: str = "LIS",
    adults: int = 2,
    currency: str = "USD",
    days: int = 40,
) -> TripComponent:
    """A return flight, as the planner puts it into a trip."""
    found = amadeus.live_offer(
        local.world,
        origin=origin,
        destination=destination,
        depart=in_days(days),
        return_=in_days(days + 7),
        adults=adults,
        currency=currency,
    )
    return component(found, ItemType.FLIGHT, "amadeus")
