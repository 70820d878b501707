"""What a trip planner finds here: bookable experiences, without asking over HTTP."""

import datetime as dt
from itertools import count as counting
from typing import Any

from sandbox.viator.catalogue import BILLING_CURRENCIES, OPTION, START_TIMES, product_in
from sandbox.viator.ledger import Start, ledger_of
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

    Keys as with :func:`sandbox.booking_com.live_offer`; prices are for the whole party. They
    alternate between morning and afternoon. A currency that Viator does not bill in (USD, CAD,
    GBP, AUD, EUR) becomes USD: see ``currency`` of each. Draws no fault and writes no log.

    Raises:
        ValueError: nobody, or more than 15 people.
    """
    if not 1 <= adults <= 15:
        raise ValueError(f"no experience takes a party of {adults}")
    billed = currency if currency in BILLING_CURRENCIES else "USD"
    ledger = ledger_of(world)
    offers: list[dict[str, Any]] = []
    for rank in counting():
        if len(offers) == count:
            break
        product = product_in(city, rank)
        time = START_TIMES[len(offers) % len(START_TIMES)]
        if product.places < adults or ledger.left(product, date, time) < adults:
            continue
        start = Start(product, date, time, adults, billed)
        offers.append(
            {
                "title": product.title,
                "price": start.price,
                "currency": billed,
                "starts_at": start.at,
                "ends_at": start.at + product.duration,
                "offer": {
                    "productCode": product.code,
                    "title": product.title,
                    "productOptionCode": OPTION,
                    "travelDate": date.isoformat(),
                    "startTime": time,
                    "currency": billed,
                    "paxMix": [{"ageBand": "ADULT", "numberOfTravelers": adults}],
                    "languageGuide": {"type": "GUIDE", "language": "en"},
                },
            }
        )
    return offers
