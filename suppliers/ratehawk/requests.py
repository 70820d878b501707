"""What we say to RateHawk (providers.md §3), and our own offer and quote read back."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from models.core.errors import InvalidRequest
from models.core.money import Currency, Money
from models.core.people import Traveler
from models.core.supply import Quote, TripComponent
from models.core.text import Text
from suppliers.core.protocol import Party

NAME = "ratehawk"
LANGUAGE: Final = "en"
_MAX_IDS: Final = 10
"""Forms for one reference at most; the guide's own limit."""
_ADULT: Final = 18
_USER_IP: Final = "127.0.0.1"
"""``form`` insists on the user's address, which the saga does not know (†)."""

Hash = Annotated[str, Field(min_length=3, max_length=512, pattern=r"^[\x21-\x7e]+$")]


class _Ours(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Stay(_Ours):
    """The offer of a trip component: which rate, when, for whom."""

    hid: int = Field(ge=1)
    name: Text
    book_hash: Hash
    match_hash: Hash | None = None
    """The same for the same room, board and terms in every search (†)."""
    room: Text
    checkin: dt.date
    checkout: dt.date
    adults: int = Field(ge=1)
    children: tuple[Annotated[int, Field(ge=0, lt=_ADULT)], ...] = ()
    """Their ages at check-in."""
    currency: Currency
    """The contract's: what the deposit is charged in."""
    free_cancellation_before: AwareDatetime | None = None
    """What the traveller was shown; None when it was shown as not free."""
    residency: str = Field(default="us", pattern="^[a-z]{2}$")
    """The guests' country: prices were searched for it."""

    @property
    def nights(self) -> int:
        """How many."""
        return (self.checkout - self.checkin).days

    @property
    def guests(self) -> int:
        """How many people."""
        return self.adults + len(self.children)

    def asked(self) -> dict[str, Any]:
        """Return the body of ``search/hp``."""
        return {
            "hid": self.hid,
            "checkin": self.checkin.isoformat(),
            "checkout": self.checkout.isoformat(),
            "residency": self.residency,
            "language": LANGUAGE,
            "guests": [{"adults": self.adults, "children": [*self.children]}],
            "currency": self.currency,
        }


class Asked(_Ours):
    """What a quote of ours carries to the booking."""

    book_hash: Hash
    """The prebooked one, ``p-…``."""


def read_offer(item: TripComponent, party: Party, operation: str) -> Stay:
    """Read a component's offer.

    Raises:
        InvalidRequest: it is no offer of ours, or for another party, currency or dates.
    """
    try:
        stay = Stay.model_validate(item.offer)
    except ValidationError as error:
        raise invalid(f"the hotel offer cannot be read: {error}", operation) from error
    if stay.guests != len(party.travelers):
        raise invalid(
            f"the hotel offer is for {stay.guests}, but {len(party.travelers)} travel", operation
        )
    if stay.children and sorted(stay.children) != sorted(_children(stay, party)):
        raise invalid("the hotel offer is for children of other ages", operation)
    if stay.currency != item.currency:
        raise invalid(f"the hotel offer is in {stay.currency}, not {item.currency}", operation)
    if stay.checkin >= stay.checkout:
        raise invalid("the hotel offer has no nights", operation)
    return stay


def read_quote(quote: Quote) -> Asked:
    """Read our own quote back.

    Raises:
        InvalidRequest: it is none of ours.
    """
    try:
        return Asked.model_validate(quote.offer)
    except ValidationError as error:
        raise invalid(f"the quote of {quote.title} cannot be read", "book") from error


def phone(party: Party, agency: str, operation: str) -> str:
    """Return the number a hotel can call.

    Raises:
        InvalidRequest: there is none.
    """
    numbers = [party.contact.phone, *(traveler.phone for traveler in party.travelers), agency]
    for number in numbers:
        if number:
            return number
    raise invalid("the hotel needs a phone number to reach the traveller", operation)


def identities(reference: str) -> Iterator[str]:
    """Return the partner_order_ids that may stand for a reference, in the order of use."""
    yield reference
    for number in range(2, _MAX_IDS + 1):
        yield f"{reference}-r{number}"


def reference_of(partner_order_id: str) -> str:
    """Return the reference that a partner_order_id stands for."""
    return re.sub(r"-r(?:[2-9]|10)\Z", "", partner_order_id)


def form(identity: str, book_hash: str) -> dict[str, Any]:
    """Return the body of ``order/booking/form``."""
    return {
        "partner_order_id": identity,
        "book_hash": book_hash,
        "language": LANGUAGE,
        "user_ip": _USER_IP,
    }


def finish(
    stay: Stay, price: Money, party: Party, identity: str, agency_phone: str
) -> dict[str, Any]:
    """Return the body of ``order/booking/finish``: paid from our deposit, exactly ``price``."""
    return {
        "user": {
            "email": party.contact.email,
            "phone": phone(party, agency_phone, "book"),
        },
        "partner": {"partner_order_id": identity, "comment": reference_of(identity)},
        "language": LANGUAGE,
        "rooms": [{"guests": [_guest(stay, traveler) for traveler in party.travelers]}],
        "payment_type": {
            "type": "deposit",
            "amount": f"{price.to_decimal():f}",
            "currency_code": price.currency,
        },
    }


def info(identity: str) -> dict[str, Any]:
    """Return the body of ``order/info`` about one order."""
    return {
        "ordering": {"ordering_type": "desc", "ordering_by": "created_at"},
        "pagination": {"page_size": "1", "page_number": "1"},
        "search": {"partner_order_ids": [identity]},
        "language": LANGUAGE,
    }


def _guest(stay: Stay, traveler: Traveler) -> dict[str, Any]:
    guest = {"first_name": traveler.first_name, "last_name": traveler.last_name}
    age = _age(traveler, stay.checkin)
    return {**guest, "is_child": True, "age": age} if stay.children and age < _ADULT else guest


def _children(stay: Stay, party: Party) -> list[int]:
    ages = (_age(traveler, stay.checkin) for traveler in party.travelers)
    return [age for age in ages if age < _ADULT]


def _age(traveler: Traveler, day: dt.date) -> int:
    born = traveler.date_of_birth
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def invalid(message: str, operation: str) -> InvalidRequest:
    """Return the error for what is wrong on our side."""
    return InvalidRequest(message, provider=NAME, operation=operation)
