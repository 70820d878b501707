"""Requests to Booking.com (providers.md §4), and our own offer and quote read back."""

import datetime as dt
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from models.core.money import Money
from models.core.supply import Quote, TripComponent
from models.core.terms import CancellationTerms
from models.core.text import Text
from suppliers.core import offers
from suppliers.core.offers import Kept, Offer, invalid
from suppliers.core.protocol import Party
from suppliers.core.travelers import phone_of

NAME = "booking_com"
Timing = Literal["pay_online_later", "pay_online_now"]
TIMINGS: tuple[Timing, ...] = ("pay_online_later", "pay_online_now")
"""How the agency can pay, the better first: later leaves time to cancel at no cost."""


class Stay(Offer):
    """The offer of a trip component: which room, when, for how many."""

    accommodation: int
    name: Text
    product: Text
    checkin: dt.date
    checkout: dt.date
    adults: int = Field(ge=1)
    country: str = Field(default="us", pattern="^[a-z]{2}$")
    """The booker's country: prices were searched for it."""

    @property
    def people(self) -> int:
        """How many stay."""
        return self.adults

    @property
    def booker(self) -> dict[str, str]:
        """Who asks."""
        return {"country": self.country, "platform": "desktop"}


class Priced(Kept):
    """A previewed order: the token that orders it, its price and terms."""

    order_token: str
    timing: Timing
    issued_at: AwareDatetime
    price: Money
    terms: CancellationTerms


def read_offer(item: TripComponent, party: Party, operation: str) -> Stay:
    """Read a component's offer.

    Raises:
        InvalidRequest: it is none, or for another party, currency or dates.
    """
    stay = offers.read_offer(Stay, item, party, provider=NAME, operation=operation)
    if stay.checkin >= stay.checkout:
        raise invalid(NAME, operation, "the hotel offer has no nights")
    return stay


def read_quote(quote: Quote) -> Priced:
    """Read our own quote back; see :func:`suppliers.core.offers.read_quote`."""
    return offers.read_quote(Priced, quote, provider=NAME, price=quote.price, terms=quote.terms)


def phone(party: Party, agency: str, operation: str) -> str:
    """Return the number a hotel can call.

    Raises:
        InvalidRequest: there is none.
    """
    return phone_of(party, agency, provider=NAME, operation=operation)


def hotel(stay: Stay) -> dict[str, Any]:
    """Return the body of ``/accommodations/details``."""
    return {"accommodations": [stay.accommodation], "languages": ["en-gb"]}


def availability(stay: Stay) -> dict[str, Any]:
    """Return the body of ``/accommodations/availability``."""
    return {
        "accommodation": stay.accommodation,
        "booker": stay.booker,
        "checkin": stay.checkin.isoformat(),
        "checkout": stay.checkout.isoformat(),
        "guests": {"number_of_adults": stay.adults, "number_of_rooms": 1},
        "currency": stay.currency,
    }


def preview(stay: Stay) -> dict[str, Any]:
    """Return the body of ``/orders/preview``."""
    return {
        "booker": stay.booker,
        "currency": stay.currency,
        "accommodation": {
            "id": stay.accommodation,
            "checkin": stay.checkin.isoformat(),
            "checkout": stay.checkout.isoformat(),
            "products": [{"id": stay.product, "allocation": {"number_of_adults": stay.adults}}],
        },
    }


def order(
    stay: Stay, priced: Priced, party: Party, reference: str, agency_phone: str
) -> dict[str, Any]:
    """Return the body of ``/orders/create``."""
    return {
        "order_token": priced.order_token,
        "booker": {
            "email": party.contact.email,
            "name": {"first_name": party.lead.first_name, "last_name": party.lead.last_name},
            "telephone": phone(party, agency_phone, "book"),
            "language": "en-gb",
        },
        "accommodation": {
            "label": reference,
            "products": [
                {
                    "id": stay.product,
                    "guests": [
                        {
                            "name": f"{traveler.first_name} {traveler.last_name}",
                            "email": traveler.email or party.contact.email,
                        }
                        for traveler in party.travelers
                    ],
                }
            ],
        },
        "payment": {
            "method": "airplus",
            "timing": priced.timing,
            # 17 characters at most: enough to find the booking from a line of the invoice.
            "airplus": {"dbi": {"accounting_code": reference[:17]}},
        },
    }
