"""What we say to Booking.com (providers.md §4), and our own offer and quote read back."""

import datetime as dt
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from models.core.errors import InvalidRequest
from models.core.money import Currency, Money
from models.core.supply import Quote, TripComponent
from models.core.terms import CancellationTerms
from models.core.text import Text
from suppliers.core.protocol import Party

NAME = "booking_com"
Timing = Literal["pay_online_later", "pay_online_now"]
TIMINGS: tuple[Timing, ...] = ("pay_online_later", "pay_online_now")
"""How the agency can pay, the better first: later leaves time to cancel at no cost."""


class Stay(BaseModel):
    """The offer of a trip component: which room, when, for how many."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    accommodation: int
    name: Text
    product: Text
    checkin: dt.date
    checkout: dt.date
    adults: int = Field(ge=1)
    currency: Currency
    country: str = Field(default="us", pattern="^[a-z]{2}$")
    """The booker's country: prices were searched for it."""

    @property
    def booker(self) -> dict[str, str]:
        """Who asks."""
        return {"country": self.country, "platform": "desktop"}


class Priced(BaseModel):
    """A previewed order: the token that orders it, its price and terms."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    order_token: str
    timing: Timing
    issued_at: AwareDatetime
    price: Money
    terms: CancellationTerms


def read_offer(item: TripComponent, party: Party, operation: str) -> Stay:
    """Read a component's offer.

    Raises:
        InvalidRequest: it is no offer of ours, or for another party, currency or dates.
    """
    try:
        stay = Stay.model_validate(item.offer)
    except ValidationError as error:
        raise _invalid(f"the hotel offer cannot be read: {error}", operation) from error
    if stay.adults != len(party.travelers):
        raise _invalid(
            f"the hotel offer is for {stay.adults}, but {len(party.travelers)} travel", operation
        )
    if stay.currency != item.currency:
        raise _invalid(f"the hotel offer is in {stay.currency}, not {item.currency}", operation)
    if stay.checkin >= stay.checkout:
        raise _invalid("the hotel offer has no nights", operation)
    return stay


def read_quote(quote: Quote, stay: Stay) -> Priced:
    """Read our own quote back.

    Raises:
        InvalidRequest: it is none of ours.
    """
    try:
        return Priced.model_validate({**quote.offer, "price": quote.price, "terms": quote.terms})
    except ValidationError as error:
        raise _invalid(f"the quote of {stay.name} cannot be read", "book") from error


def phone(party: Party, agency: str, operation: str) -> str:
    """Return the number a hotel can call.

    Raises:
        InvalidRequest: there is none.
    """
    numbers = [party.contact.phone, *(traveler.phone for traveler in party.travelers), agency]
    for number in numbers:
        if number:
            return number
    raise _invalid("the hotel needs a phone number to reach the traveller", operation)


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


def as_lenient(
    new: CancellationTerms, old: CancellationTerms, price: Money, now: dt.datetime
) -> bool:
    """Tell whether ``new`` never keeps more than ``old``, from now on."""
    moments = [now, *(s.until for t in (new, old) for s in t.steps if s.until and s.until > now)]
    return all(new.fee_at(m, price.amount) <= old.fee_at(m, price.amount) for m in moments)


def _invalid(message: str, operation: str) -> InvalidRequest:
    return InvalidRequest(message, provider=NAME, operation=operation)
