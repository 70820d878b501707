"""Priced offers and orders of Amadeus compared with what was asked for."""

from typing import Any

from models.core.errors import Unavailable
from models.core.money import Money
from models.core.supply import TripComponent
from suppliers.amadeus.messages import FlightOffer, Journey, Order
from suppliers.amadeus.responses import ApiAnswer
from suppliers.core.comparing import expect_as_asked, is_other_time, other_price


def price_of(offer: Journey, answer: ApiAnswer) -> Money:
    """Return what the whole party pays.

    Raises:
        UnknownOutcome, Retryable: it is no amount of money, or none is stated.
    """
    if offer.price is None:
        raise answer.unsettled(
            f"Amadeus states no price.currency or price.grandTotal of {offer}",
            code="malformed_answer",
        )
    return answer.money(offer.price.grand_total, offer.price.currency)


def verify_pricing(
    item: TripComponent,
    in_trip: FlightOffer,
    offer: FlightOffer,
    price: Money,
    answer: ApiAnswer,
) -> None:
    """Check that what was priced is what the trip says.

    Raises:
        Unavailable: other flights, people, currency or times.
    """

    def refuse(message: str, code: str) -> Unavailable:
        return answer.failure(Unavailable, message, code=code)

    if not offer.same_flights(in_trip):
        raise refuse(f"Amadeus has {offer}, not {in_trip} as in the trip", "other_flights")
    if not offer.same_people(in_trip):
        raise refuse(f"{offer} was priced for other travellers", "other_people")
    if price.currency != item.currency:
        raise refuse(
            f"{offer} is sold in {price.currency}, not in {item.currency}", "other_currency"
        )
    for name, local, told in (
        ("leaves", offer.departs, item.starts_at),
        ("arrives", offer.arrives, item.ends_at),
    ):
        if is_other_time(told, local):
            raise refuse(
                f"{offer} {name} on {local:%d %b %Y %H:%M}, not on {told:%d %b %Y %H:%M}",
                "other_dates",
            )


def verify_order(
    order: Order,
    offer: FlightOffer,
    price: Money,
    travelers: list[dict[str, Any]],
    remark: str,
    answer: ApiAnswer,
) -> None:
    """Check that what was ordered is what was asked for.

    Raises:
        UnknownOutcome: it is not; something was booked, so a person must look at it.
    """
    names = {(t["id"], t["name"]["firstName"], t["name"]["lastName"]) for t in travelers}
    remarks = {text.upper() for text in order.texts}
    other_flights = not order.offer.same_flights(offer)
    expect_as_asked(
        answer,
        f"Amadeus made order {order.id} (PNR {order.pnr or 'not stated'})",
        other_price(price_of(order.offer, answer), price),
        f"it is for {order.offer} instead of {offer}" if other_flights else None,
        "its travellers are others" if order.names() != names else None,
        "it has no associatedRecords.reference" if order.pnr is None else None,
        f"it does not carry our remark {remark!r}" if remark.upper() not in remarks else None,
    )
