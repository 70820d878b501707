"""Requests to Booking.com (providers.md §4), and our own offer and quote read back."""

from functools import partial
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from models.core.money import Money
from models.core.supply import PropertyCharge, Quote, TripComponent
from models.core.terms import CancellationTerms
from models.core.text import Text
from suppliers.core import offers
from suppliers.core.offers import Kept, invalid
from suppliers.core.protocol import Party
from suppliers.core.stays import StayOffer, read_stay
from suppliers.core.travelers import party_reached_at

NAME = "booking_com"
Timing = Literal["pay_online_later", "pay_online_now"]
TIMINGS: tuple[Timing, ...] = ("pay_online_later", "pay_online_now")
"""How the agency can pay, the better first: later leaves time to cancel at no cost."""


class Stay(StayOffer):
    """The offer of a trip component: which room, when, for whom."""

    accommodation: int
    product: Text
    country: str = Field(default="us", pattern="^[a-z]{2}$")
    """The booker's country: prices were searched for it."""

    @property
    def allocation(self) -> dict[str, Any]:
        """Who sleeps in the room."""
        return {"number_of_adults": self.adults, "children": [*self.children]}

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
    """What Booking.com collects of us; see ``pay_at_property``."""
    terms: CancellationTerms
    pay_at_property: tuple[PropertyCharge, ...] = ()


class Ordered(Kept):
    """What our quote carries to the booking."""

    needs_address: bool = False
    """The hotel wants the booker's address with the order."""


def read_offer(item: TripComponent, party: Party, operation: str) -> Stay:
    """Read a component's offer.

    Raises:
        InvalidRequest: it is none, or for another party, currency or dates.
    """
    return read_stay(Stay, item, party, provider=NAME, operation=operation)


def address(party: Party, stay: Stay, operation: str) -> dict[str, str]:
    """Return the booker's address, for hotels that insist on it.

    Raises:
        InvalidRequest: none was given.
    """
    given = party.address
    if given is None:
        raise invalid(
            NAME,
            operation,
            f"{stay.name} needs the address of who books: give paymentInfo.billingDetails.address",
            "paymentInfo.billingDetails.address",
        )
    lines = (given.line1, given.line2)
    told = {
        "country": given.country.lower(),
        "city": given.city,
        "address_line": ", ".join(filter(None, lines)),
        "post_code": given.postal_code,
    }
    return {name: value for name, value in told.items() if value}


def read_quote(quote: Quote) -> tuple[Priced, Ordered]:
    """Read our own quote back; see :func:`suppliers.core.offers.read_quote`."""
    priced = offers.read_quote(Priced, quote, provider=NAME, price=quote.price, terms=quote.terms)
    return priced, offers.read_quote(Ordered, quote, provider=NAME)


reached = partial(party_reached_at, provider=NAME)
"""Where the hotel reaches a party; see :func:`suppliers.core.travelers.party_reached_at`."""


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
        "guests": {**stay.allocation, "number_of_rooms": 1},
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
            "products": [{"id": stay.product, "allocation": stay.allocation}],
        },
    }


def order(
    stay: Stay,
    priced: Priced,
    party: Party,
    reference: str,
    agency_phone: str,
    *,
    needs_address: bool,
) -> dict[str, Any]:
    """Return the body of ``/orders/create``."""
    addressed = {"address": address(party, stay, "book")} if needs_address else {}
    return {
        "order_token": priced.order_token,
        "booker": {
            "email": party.contact.email,
            "name": {"first_name": party.lead.first_name, "last_name": party.lead.last_name},
            "telephone": reached(party, agency_phone, "book").written,
            "language": "en-gb",
            **addressed,
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
