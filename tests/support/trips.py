"""Trip options that the planner would not make by itself, and what is open about a booking."""

from typing import Any

from models.bookings.booking import Booking, OpenCase
from models.bookings.messages import UNSETTLED_CASE
from sandbox.sellers import SELLERS
from sandbox.viator.catalogue import MANUAL, product_of, retail_price


def unsettled(booking: Booking) -> list[OpenCase]:
    """Return the open cases of a booking that ``ResolveCase`` settles."""
    return [case for case in booking.cases if case.kind == UNSETTLED_CASE]


def sold_by(supplier: str) -> dict[str, Any]:
    """Return criteria for a trip in which ``supplier`` sells what it sells; {} for a gateway."""
    seller = SELLERS.get(supplier)
    return {} if seller is None else {"suppliers": {seller.sells: supplier}}


def confirmed_by_hand(trip: dict[str, Any], *, components: int = 1) -> dict[str, Any]:
    """Have the first experiences be ones that their operator confirms by hand: PENDING at first."""
    changed = 0
    for component in trip["components"]:
        if component["supplier"] != "viator" or changed == components:
            continue
        changed += 1
        offer = component["offer"]
        code = offer["productCode"]
        product = product_of(f"{code[:-4]}P{MANUAL}{code[-2:]}")
        assert product is not None
        people = sum(band["numberOfTravelers"] for band in offer["paxMix"])
        price = retail_price(product, people, component["currency"])
        trip["totalPrice"] += price - component["price"]
        offer |= {"productCode": product.code, "title": product.title}
        component |= {"title": product.title, "price": price}
    assert changed == components, "the trip has too few experiences"
    return trip
