"""Offers and orders of Duffel compared with what was asked for."""

import datetime as dt
from typing import Any

from models.core.errors import ProviderError, Unavailable
from models.core.money import Money
from models.core.supply import ReservationStatus, TripComponent
from suppliers.core.answers import JsonAnswer
from suppliers.core.comparing import is_other_time, other_price
from suppliers.duffel.orders import Order
from suppliers.duffel.requests import Priced
from suppliers.duffel.responses import Offer


def verify_offer(item: TripComponent, in_trip: Offer, offer: Offer, answer: JsonAnswer) -> None:
    """Check that an offer priced now is the one in the trip, and can still be booked.

    Raises:
        Unavailable: other flights, days, people or currency; or it has expired.
    """

    def refuse(message: str, code: str) -> Unavailable:
        return answer.failure(Unavailable, message, code=code)

    if offer.id != in_trip.id:
        raise refuse(f"Duffel answered offer {offer.id}, not {in_trip.id}", "other_offer")
    if offer.flights != in_trip.flights:
        raise refuse(f"Duffel has {offer}, not {in_trip} as in the trip", "other_flights")
    if sorted(p.id for p in offer.passengers) != sorted(p.id for p in in_trip.passengers):
        raise refuse(f"{offer} was priced for other travellers", "other_people")
    if offer.total_currency != item.currency:
        raise refuse(
            f"{offer} is sold in {offer.total_currency}, not in {item.currency}", "other_currency"
        )
    if offer.expires_at is not None and offer.expires_at <= dt.datetime.now(dt.UTC):
        raise refuse(f"the offer of {offer} has expired", "offer_expired")
    first, last = offer.segments[0], offer.segments[-1]
    for name, known, local, told in (
        ("leaves", offer.departs, first.departing_at, item.starts_at),
        ("arrives", offer.arrives, last.arriving_at, item.ends_at),
    ):
        if is_other_time(told, local, known):
            raise refuse(
                f"{offer} {name} on {local:%d %b %Y %H:%M}, not on {told:%d %b %Y %H:%M}",
                "other_dates",
            )


def differences(
    order: Order,
    priced: Priced,
    price: Money,
    body: dict[str, Any],
    reference: str,
    answer: JsonAnswer,
) -> list[str]:
    """Say in words how what was ordered differs from what we asked for; empty: it does not."""
    names = sorted(
        (p["given_name"].casefold(), p["family_name"].casefold()) for p in body["passengers"]
    )
    status = ReservationStatus.HELD if priced.hold else ReservationStatus.CONFIRMED
    try:
        other = other_price(order.price(answer), price)
    except ProviderError as error:
        other = str(error)
    found = (
        other,
        f"it is for {order}" if order.flights != priced.flights else None,
        "its passengers are others" if order.names != names else None,
        "its metadata do not have our reference" if order.reference != reference else None,
        "it has no booking_reference" if not order.booking_reference else None,
        f"it is {order.status}, not {status}" if order.status is not status else None,
    )
    return [difference for difference in found if difference]
