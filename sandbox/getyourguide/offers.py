"""What a trip planner finds here: bookable experiences, without asking over HTTP."""

import datetime as dt
from itertools import count as counting
from typing import Any

from sandbox.getyourguide.catalogue import (
    MOST_PEOPLE,
    PAYMENT_CURRENCIES,
    START_TIMES,
    tour_in,
)
from sandbox.getyourguide.ledger import Start, ledger_of
from sandbox.world import World


def live_offers(
    world: World,
    *,
    city: str,
    date: dt.date,
    adults: int,
    currency: str,
    count: int,
) -> list[dict[str, Any]]:
    """Return ``count`` experiences in ``city`` on ``date`` that have places left.

    Keys as with :func:`sandbox.viator.live_offers`; prices are for the whole party. They alternate
    between morning and afternoon. A currency that GetYourGuide takes no payment in becomes USD:
    see ``currency`` of each. Draws no fault and writes no log.

    Raises:
        ValueError: nobody, or more than 15 people.
    """
    if not 1 <= adults <= MOST_PEOPLE:
        raise ValueError(f"no experience takes a party of {adults}")
    billed = currency if currency in PAYMENT_CURRENCIES else "USD"
    ledger = ledger_of(world)
    offers: list[dict[str, Any]] = []
    for rank in counting():
        if len(offers) == count:
            break
        tour = tour_in(city, rank)
        time = dt.time.fromisoformat(START_TIMES[len(offers) % len(START_TIMES)])
        start = Start(tour, dt.datetime.combine(date, time), adults, billed)
        if ledger.left(tour, start.local) < adults:
            continue
        offers.append(offer_of(start))
    return offers


def offer_of(start: Start) -> dict[str, Any]:
    """Return a start as a planner offers it."""
    return {
        "title": start.tour.title,
        "price": start.price,
        "currency": start.currency,
        "starts_at": start.at,
        "ends_at": start.at + dt.timedelta(hours=start.tour.hours),
        "offer": {
            "tour_id": start.tour.id,
            "title": start.tour.title,
            "option_id": start.tour.option_id,
            "datetime": start.local.isoformat(),
            "currency": start.currency,
            "participants": {"adult": start.people},
        },
    }
