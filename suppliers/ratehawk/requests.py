"""Requests to RateHawk (providers.md §3), and our own offer and quote read back."""

import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, Field

from models.core.money import Money
from models.core.party import ADULT
from models.core.people import Traveler
from models.core.supply import Quote, TripComponent
from models.core.text import Text
from suppliers.core import offers
from suppliers.core.offers import Kept, invalid
from suppliers.core.protocol import Party
from suppliers.core.stays import StayOffer, read_stay
from suppliers.core.travelers import Who, party_reached_at

NAME = "ratehawk"
LANGUAGE: Final = "en"
_MAX_IDS: Final = 10
"""Forms for one reference at most; the guide's own limit."""
_LONGEST_NAME: Final = 50
_SIGNS_IN_NAMES: Final = " '-,.’"
_GENDERS: Final = {"MALE": "male", "FEMALE": "female"}
_USER_IP: Final = "127.0.0.1"
"""``form`` insists on the user's address, which the saga does not know (†)."""

Hash = Annotated[str, Field(min_length=3, max_length=512, pattern=r"^[\x21-\x7e]+$")]


class Stay(StayOffer):
    """The offer of a trip component: which rate, when, for whom."""

    hid: int = Field(ge=1)
    book_hash: Hash
    match_hash: Hash | None = None
    """The same for the same room, board and terms in every search (†)."""
    room: Text
    free_cancellation_before: AwareDatetime | None = None
    """What the traveller was shown; None when it was shown as not free."""
    residency: str = Field(default="us", pattern="^[a-z]{2}$")
    """The guests' country: prices were searched for it."""

    def searched(self) -> dict[str, Any]:
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


class Asked(Kept):
    """What our quote carries to the booking."""

    book_hash: Hash
    """The prebooked one, ``p-…``."""


def read_offer(item: TripComponent, party: Party, operation: str) -> Stay:
    """Read a component's offer.

    Raises:
        InvalidRequest: it is none, for another party, currency or dates, or a guest's name cannot
            be given.
    """
    stay = read_stay(Stay, item, party, provider=NAME, operation=operation)
    for traveler in party.travelers:
        for field, name in (("firstName", traveler.first_name), ("lastName", traveler.last_name)):
            if len(name) > _LONGEST_NAME or not all(map(_may_be_in_a_name, name)):
                who = Who(party, traveler)
                raise invalid(
                    NAME,
                    operation,
                    f"the hotel cannot take the name of {who}: at most {_LONGEST_NAME} letters,"
                    " spaces, apostrophes, hyphens, commas and full stops",
                    who.field(field),
                )
    return stay


def _may_be_in_a_name(char: str) -> bool:
    """Letters of all scripts with their marks, and a few signs ("Start booking process")."""
    return unicodedata.category(char)[0] in "LM" or char in _SIGNS_IN_NAMES


def read_quote(quote: Quote) -> Asked:
    """Read our own quote back; see :func:`suppliers.core.offers.read_quote`."""
    return offers.read_quote(Asked, quote, provider=NAME)


reached = partial(party_reached_at, provider=NAME)
"""Where the hotel reaches a party; see :func:`suppliers.core.travelers.party_reached_at`."""


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
            "phone": reached(party, agency_phone, "book").written,
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
    guest = {
        "first_name": traveler.first_name,
        "last_name": traveler.last_name,
        # Some hotels insist on it; nobody minds it.
        "gender": _GENDERS.get(traveler.gender, "unknown"),
    }
    age = traveler.age_on(stay.checkin)
    return {**guest, "is_child": True, "age": age} if age < ADULT else guest
