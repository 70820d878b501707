"""Is it what was asked for? An answer about other flights, people or money is no success."""

import datetime as dt
from typing import Any, Final

from models.core.errors import Unavailable, UnknownOutcome
from models.core.money import Money
from models.core.supply import ReservationStatus, TripComponent
from suppliers.core.http import JsonAnswer
from suppliers.duffel.orders import Order
from suppliers.duffel.requests import Priced
from suppliers.duffel.responses import Offer

_SLACK: Final = dt.timedelta(hours=1)
"""How far a trip's times may be off those of the flights."""
_FURTHEST_ZONE: Final = dt.timedelta(hours=14)
"""The same for airports without a zone: nowhere is local time further from UTC."""


def verify_offer(item: TripComponent, wanted: Offer, offer: Offer, answer: JsonAnswer) -> None:
    """Check that an offer priced now is the one in the trip, and can still be booked.

    Raises:
        Unavailable: other flights, days, people or currency; or it has expired.
    """

    def refuse(message: str, code: str) -> Unavailable:
        return answer.failure(Unavailable, message, code=code)

    if offer.id != wanted.id:
        raise refuse(f"Duffel answered offer {offer.id}, not {wanted.id}", "other_offer")
    if offer.flights != wanted.flights:
        raise refuse(f"Duffel has {offer}, not {wanted} as in the trip", "other_flights")
    if sorted(p.id for p in offer.passengers) != sorted(p.id for p in wanted.passengers):
        raise refuse(f"{offer} was priced for other travellers", "other_people")
    if offer.total_currency != item.currency:
        raise refuse(
            f"{offer} is sold in {offer.total_currency}, not in {item.currency}", "other_currency"
        )
    if offer.expires_at <= dt.datetime.now(dt.UTC):
        raise refuse(f"the offer of {offer} has expired", "offer_expired")
    first, last = offer.segments[0], offer.segments[-1]
    for name, utc, local, told in (
        ("leaves", offer.departs, first.departing_at, item.starts_at),
        ("arrives", offer.arrives, last.arriving_at, item.ends_at),
    ):
        slack = _FURTHEST_ZONE if utc is None else _SLACK
        if abs((utc or local.replace(tzinfo=dt.UTC)) - _utc(told)) > slack:
            raise refuse(
                f"{offer} {name} on {local:%d %b %Y %H:%M}, not on {told:%d %b %Y %H:%M}",
                "other_dates",
            )


def verify_order(
    order: Order,
    priced: Priced,
    price: Money,
    body: dict[str, Any],
    reference: str,
    answer: JsonAnswer,
) -> None:
    """Check that what was ordered is what we asked for.

    Raises:
        UnknownOutcome: it is not; something was booked, so that a look-up or a person must see it.
    """
    names = sorted(
        (p["given_name"].casefold(), p["family_name"].casefold()) for p in body["passengers"]
    )
    wanted = ReservationStatus.HELD if priced.hold else ReservationStatus.CONFIRMED
    wrong: list[str] = []
    if (booked := order.price(answer)) != price:
        wrong.append(f"it costs {booked} instead of {price}")
    if order.flights != priced.flights:
        wrong.append(f"it is for {order}")
    if order.names != names:
        wrong.append("its travellers are others")
    if order.reference != reference:
        wrong.append("it does not carry our reference")
    if order.status is not wanted:
        wrong.append(f"it is {order.status}, not {wanted}")
    if wrong:
        raise answer.failure(
            UnknownOutcome,
            f"Duffel made order {order.id} ({order.booking_reference}), but {'; '.join(wrong)}",
            code="unexpected_order",
        )


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
