"""Flights of Duffel's emulation, to book."""

from models.core.supply import ItemType, TripComponent
from sandbox import duffel
from sandbox.duffel.ledger import Ledger, ledger_of
from sandbox.world import World
from tests.suppliers.conftest import LocalWorld, component, in_days


def ledger(local: LocalWorld) -> Ledger:
    return ledger_of(local.world)


def flight(
    world: World,
    *,
    origin: str = "JFK",
    destination: str = "CDG",
    adults: int = 2,
    days: int = 40,
    one_way: bool = False,
    currency: str = "USD",
) -> TripComponent:
    """A trip's flight there and back. JFK–CDG can be held and refunded for a penalty."""
    found = duffel.live_offer(
        world,
        origin=origin,
        destination=destination,
        depart=in_days(days),
        return_=None if one_way else in_days(days + 4),
        adults=adults,
        currency=currency,
    )
    found.pop("landed")
    return component(found, ItemType.FLIGHT, "duffel")
