"""What a trip planner finds here: one bookable stay, without asking over HTTP."""

import datetime as dt
from collections.abc import Sequence
from itertools import count
from typing import Any

from sandbox.ratehawk.catalogue import Stay, free_before, hotel_in, rooms_for
from sandbox.ratehawk.ledger import ledger_of
from sandbox.world import World

_CHECK_IN = dt.time(15, tzinfo=dt.UTC)
_CHECK_OUT = dt.time(11, tzinfo=dt.UTC)


def live_offer(
    world: World,
    *,
    city: str,
    checkin: dt.date,
    checkout: dt.date,
    adults: int,
    currency: str,
    children: Sequence[int] = (),
) -> dict[str, Any]:
    """Return the first stay in ``city`` that is not sold out, as a planner writes it.

    ``children`` are their ages. Keys as with :func:`sandbox.booking_com.live_offer`. Draws no
    fault and writes no log.

    Raises:
        ValueError: no nights, nobody or more than 20 people, or no such currency.
    """
    if checkout <= checkin:
        raise ValueError("a stay needs at least one night")
    guests = adults + len(children)
    rooms = rooms_for(guests)
    if adults < 1 or not rooms:
        raise ValueError(f"no room sleeps {guests}")
    ledger = ledger_of(world)
    stays = (
        Stay(hotel_in(city, rank), rooms[0], checkin, checkout, adults, tuple(children), currency)
        for rank in count()
    )
    return offer_of(world, next(stay for stay in stays if ledger.left(stay) > 0))


def offer_of(world: World, stay: Stay) -> dict[str, Any]:
    """Return a stay as a planner writes it, at the price of now."""
    book_hash, price = ledger_of(world).show(stay)
    free = free_before(stay, price)
    return {
        "title": f"{stay.hotel.name}, {stay.room.name}",
        "price": price,
        "currency": stay.currency,
        "starts_at": dt.datetime.combine(stay.checkin, _CHECK_IN),
        "ends_at": dt.datetime.combine(stay.checkout, _CHECK_OUT),
        "offer": {
            "hid": stay.hotel.hid,
            "name": stay.hotel.name,
            "book_hash": book_hash,
            "match_hash": stay.match_hash,
            "room": stay.room.name,
            "checkin": stay.checkin.isoformat(),
            "checkout": stay.checkout.isoformat(),
            "adults": stay.adults,
            "children": [*stay.children],
            "currency": stay.currency,
            "free_cancellation_before": free.isoformat() if free else None,
            "residency": "us",
        },
    }
