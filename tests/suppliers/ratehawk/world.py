"""RateHawk's emulation: how soon it decides, and stays to book there."""

import asyncio
import datetime as dt
from typing import Any

from models.core.supply import ItemType, Reservation, ReservationStatus, TripComponent
from sandbox import ratehawk
from sandbox.ratehawk.catalogue import Stay, hotel_of, rooms_for
from sandbox.ratehawk.ledger import Ledger, ledger_of
from sandbox.ratehawk.offers import offer_of
from suppliers.ratehawk import RateHawkSupplier
from tests.suppliers.conftest import LocalWorld, component, in_days

QUICK = 0.05
"""Seconds after which orders are decided here, and that details lag behind."""


def quickly(local: LocalWorld) -> LocalWorld:
    """Have orders be decided soon."""
    ledger(local).pace.decides_after = ledger(local).pace.info_lag = QUICK
    return local


def ledger(local: LocalWorld) -> Ledger:
    return ledger_of(local.world)


def slowly(local: LocalWorld) -> None:
    """Have nothing be decided and no details be shown until :func:`later`."""
    pace = ledger(local).pace
    pace.decides_after = pace.info_lag = 30
    pace.cut_off = 100


def later(local: LocalWorld) -> None:
    """Put the supplier's clock forward, beyond all that it waits for."""
    local.world.ahead += dt.timedelta(seconds=101)


def stay(local: LocalWorld, days: int = 40, city: str = "Lisbon", **offer: Any) -> TripComponent:
    """A stay of two people and three nights, as the planner finds it."""
    found = ratehawk.live_offer(
        local.world,
        city=city,
        checkin=in_days(days),
        checkout=in_days(days + 3),
        adults=2,
        currency="USD",
    )
    found["offer"] |= offer
    return component(found, ItemType.HOTEL, "ratehawk")


def special(
    local: LocalWorld, hid: int, days: int = 40, children: tuple[int, ...] = (), adults: int = 2
) -> TripComponent:
    """A stay at one hotel."""
    hotel = hotel_of(hid)
    assert hotel is not None
    room = rooms_for(adults + len(children))[0]
    found = Stay(hotel, room, in_days(days), in_days(days + 3), adults, children, "USD")
    return component(offer_of(local.world, found), ItemType.HOTEL, "ratehawk")


async def decided(hotels: RateHawkSupplier, reservation: Reservation) -> Reservation:
    """Look until RateHawk has decided, and shows it."""
    for _ in range(100):
        reservation = await hotels.look(reservation)
        if reservation.status is ReservationStatus.REJECTED:
            return reservation
        if (
            reservation.status is not ReservationStatus.PENDING
            and "order_id" in reservation.details
        ):
            return reservation
        await asyncio.sleep(QUICK / 2)
    raise AssertionError(f"never decided: {reservation}")
