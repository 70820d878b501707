"""What a trip planner finds here: one bookable stay, without asking over HTTP."""

import datetime as dt
from collections.abc import Sequence
from itertools import count
from typing import Any

from sandbox.booking_com.catalogue import property_in, rooms_for
from sandbox.booking_com.ledger import Stay, ledger_of
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

    ``children`` are their ages. Keys: ``title``; ``price`` (minor units of ``currency``, whole
    stay and party); ``currency``; ``starts_at``, ``ends_at`` (UTC); ``offer``: what is needed to
    quote and book it. Draws no fault and writes no log.

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
        Stay(
            property_in(city, rank), rooms[0], checkin, checkout, adults, currency, tuple(children)
        )
        for rank in count()
    )
    stay = next(stay for stay in stays if ledger.left(stay) > 0)
    return {
        "title": f"{stay.hotel.name}, {stay.room.name}",
        "price": stay.price,
        "currency": currency,
        "starts_at": dt.datetime.combine(checkin, _CHECK_IN),
        "ends_at": dt.datetime.combine(checkout, _CHECK_OUT),
        "offer": {
            "accommodation": stay.hotel.id,
            "name": stay.hotel.name,
            "product": stay.product,
            "checkin": checkin.isoformat(),
            "checkout": checkout.isoformat(),
            "adults": adults,
            "children": [*children],
            "currency": currency,
            "country": "us",
        },
    }
