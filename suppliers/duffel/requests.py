"""Requests to Duffel (providers.md §7), and our own quote read back."""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Final

from anyascii import anyascii
from pydantic import AwareDatetime

from models.core.errors import InvalidRequest
from models.core.money import Money, exponent
from models.core.party import expired
from models.core.people import Document, Traveler
from models.core.supply import Quote, TripComponent
from suppliers.core import offers
from suppliers.core.offers import Kept
from suppliers.core.protocol import Party
from suppliers.core.travelers import Reached, Who, reached_at
from suppliers.duffel.orders import REFERENCE
from suppliers.duffel.responses import Offer, OfferInTrip, OfferPassenger

NAME: Final = "duffel"
_GENDERS: Final = {"MALE": ("m", "mr"), "FEMALE": ("f", "ms")}
"""Duffel's gender and a title that goes with it: it wants both, and knows no others."""
_ADULT_FROM: Final = 18
_INFANT_UNTIL: Final = 2
_LONGEST_NAME: Final = 20
_NAME: Final = re.compile(r"[ '\-A-Za-zÀ-ÖØ-öø-ſ]+")
_NOT_ALLOWED: Final = re.compile("[ÆæĲĳŒœÞþðÐ]")
FIELDS: Final = {
    "given_name": "firstName",
    "family_name": "lastName",
    "born_on": "dateOfBirth",
    "gender": "gender",
    "title": "gender",
    "email": "email",
    "phone_number": "phone",
    "identity_documents": "document",
    "identity_documents/type": "document.documentType",
    "identity_documents/unique_identifier": "document.number",
    "identity_documents/issuing_country_code": "document.issuanceCountry",
    "identity_documents/expires_on": "document.expiryDate",
}
"""What a pointer of Duffel's errors means in ``passengers`` of an order."""


class Priced(Kept):
    """An offer as it was priced for the quote: what ``book`` needs of it."""

    offer_id: str
    hold: bool
    """It can be held: nothing is paid before ``complete``."""
    provider: str
    flights: list[str]
    passengers: list[OfferPassenger]
    departure_day: dt.date
    """The local day on which ages count: departure of the last slice."""
    last_day: dt.date
    """The local day of the last arrival: documents must be valid until then."""
    documents_required: bool
    passports: bool
    """The airline takes passport data."""
    starts_at: AwareDatetime | None
    ends_at: AwareDatetime | None

    @classmethod
    def of(cls, offer: Offer) -> "Priced":
        """Return what has to be kept of an offer."""
        return cls(
            offer_id=offer.id,
            hold=offer.holdable,
            provider=offer.airline,
            flights=offer.flights,
            passengers=offer.passengers,
            departure_day=offer.slices[-1].segments[0].departing_at.date(),
            last_day=offer.segments[-1].arriving_at.date(),
            documents_required=bool(offer.passenger_identity_documents_required),
            passports="passport" in offer.supported_passenger_identity_document_types,
            starts_at=offer.departs,
            ends_at=offer.arrives,
        )


def read_offer(item: TripComponent, operation: str) -> Offer:
    """Read a component's offer: a Duffel offer as the planner found it.

    Raises:
        InvalidRequest: it is none, or its currency is not the component's.
    """
    offer = offers.read_model(OfferInTrip, item, provider=NAME, operation=operation)
    if offer.total_currency != item.currency:
        raise invalid(f"the offer is in {offer.total_currency}, not {item.currency}", operation)
    return offer


def read_quote(quote: Quote) -> Priced:
    """Read our own quote back; see :func:`suppliers.core.offers.read_quote`."""
    return offers.read_quote(Priced, quote, provider=NAME)


def order(priced: Priced, price: Money, people: "People", reference: str) -> dict[str, Any]:
    """Return the body of ``POST /air/orders``: a hold where one can be had, else paid at once."""
    body: dict[str, Any] = {
        "type": "hold" if priced.hold else "instant",
        "selected_offers": [priced.offer_id],
        "passengers": people.passengers,
        "metadata": {REFERENCE: reference},
    }
    if not priced.hold:
        body["payments"] = [payment(price)]
    return body


def payment(price: Money) -> dict[str, str]:
    """Return a payment from our balance at Duffel, to the minor unit."""
    return {"type": "balance", "amount": decimals(price), "currency": price.currency}


def decimals(price: Money) -> str:
    """Write an amount as Duffel does: "30.20"."""
    digits = exponent(price.currency)
    if not digits:
        return str(price.amount)
    units, minor = divmod(price.amount, 10**digits)
    return f"{units}.{minor:0{digits}d}"


# -- travellers ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class People:
    """Who is on an order."""

    passengers: list[dict[str, Any]]
    warnings: tuple[str, ...]
    """What the traveller has to know about them."""
    order: tuple[int, ...]
    """The place in the party of each of ``passengers``."""


def order_people(priced: Priced, party: Party, agency_phone: str, operation: str) -> People:
    """Return who is on an order, each person on the seat for their age.

    Raises:
        InvalidRequest: other people than the offer is for, or something needed is missing.
    """
    if len(priced.passengers) != len(party.travelers):
        raise invalid(
            f"the flight is offered to {len(priced.passengers)},"
            f" but {len(party.travelers)} people travel",
            operation,
            "travelers",
        )
    waiting = list(party.travelers)
    seated: list[tuple[OfferPassenger, Traveler]] = []
    # An age is stricter than a type, and a lap needs its adult: those with an age first.
    for seat in sorted(priced.passengers, key=lambda seat: seat.age is None):
        fitting = next((one for one in waiting if _fits(one, seat, priced.departure_day)), None)
        if fitting is None:
            person = f"somebody aged {seat.age}" if seat.age is not None else f"an {seat.type}"
            raise invalid(
                f"a seat is offered to {person}, and none of the travellers left is",
                operation,
                "travelers",
            )
        waiting.remove(fitting)
        seated.append((seat, fitting))
    lead = party.lead.document
    reached = {
        seat.id: reached_at(
            [(number, person.document or lead) for number in (person.phone, party.contact.phone)],
            agency_phone,
        )
        for seat, person in seated
    }
    written = {
        seat.id: _passenger(seat, person, priced, party, reached[seat.id], operation)
        for seat, person in seated
    }
    names = [f"{one['given_name']} {one['family_name']}".casefold() for one in written.values()]
    if len(set(names)) < len(names):
        words = "airlines at Duffel do not take two travellers of the same name"
        raise invalid(words, operation, "travelers")
    _seat_infants(seated, written, priced.departure_day, operation)
    warnings = [reached[seat.id].warning for seat in priced.passengers]
    numbers = {seat.id: Who(party, person).number for seat, person in seated}
    return People(
        [written[seat.id] for seat in priced.passengers],
        tuple(dict.fromkeys(warning for warning in warnings if warning)),
        tuple(numbers[seat.id] for seat in priced.passengers),
    )


def _fits(traveler: Traveler, seat: OfferPassenger, day: dt.date) -> bool:
    age = traveler.age_on(day)
    if seat.age is not None:
        return age == seat.age
    match seat.type:
        case "infant_without_seat":
            return 0 <= age < _INFANT_UNTIL
        case "child":
            return _INFANT_UNTIL <= age < _ADULT_FROM
        case _:
            return age >= _ADULT_FROM


def _seat_infants(
    seated: list[tuple[OfferPassenger, Traveler]],
    written: dict[str, dict[str, Any]],
    day: dt.date,
    operation: str,
) -> None:
    laps = [seat.id for seat, person in seated if person.age_on(day) >= _ADULT_FROM]
    infants = [
        seat.id
        for seat, person in seated
        if seat.type == "infant_without_seat"
        or (seat.type is None and person.age_on(day) < _INFANT_UNTIL)
    ]
    if len(infants) > len(laps):
        raise invalid("every infant needs an adult's lap", operation, "travelers")
    for infant, adult in zip(infants, laps, strict=False):
        written[adult]["infant_passenger_id"] = infant


def _passenger(
    seat: OfferPassenger,
    traveler: Traveler,
    priced: Priced,
    party: Party,
    reached: Reached,
    operation: str,
) -> dict[str, Any]:
    who = Who(party, traveler)
    if traveler.gender not in _GENDERS:
        words = f"airlines at Duffel need the gender in the passport of {who}, M or F"
        raise invalid(words, operation, who.field("gender"))
    if reached.number is None:
        words = f"the airline needs a phone number of {who}"
        raise invalid(words, operation, who.field("phone"))
    gender, title = _GENDERS[traveler.gender]
    answer: dict[str, Any] = {
        "id": seat.id,
        "title": title,
        "gender": gender,
        "given_name": _airline_name(traveler.first_name, who, "firstName", operation),
        "family_name": _airline_name(traveler.last_name, who, "lastName", operation),
        "born_on": traveler.date_of_birth.isoformat(),
        "email": traveler.email or party.contact.email,
        "phone_number": reached.written,
    }
    document = traveler.document
    if document is not None and priced.passports and _is_passport(document):
        answer["identity_documents"] = [_document(document, who, priced.last_day, operation)]
    elif priced.documents_required:
        words = f"the airline needs a passport of {who}"
        raise invalid(words, operation, who.field("document"))
    return answer


def _airline_name(name: str, who: Who, field: str, operation: str) -> str:
    """Return a name in the letters Duffel takes: Latin-1 and Latin Extended-A, space, - and '.

    Raises:
        InvalidRequest: nothing of it can be written so, or it has more than 20 letters (Duffel's
            reference, "Create an order": ``given_name`` and ``family_name``).
    """
    kept = name.strip()
    if not _NAME.fullmatch(kept) or _NOT_ALLOWED.search(kept):
        kept = " ".join(re.sub("[^A-Za-z' -]", "", anyascii(kept)).split())
    if not kept:
        words = f"the name of {who} cannot be written in Latin letters"
        raise invalid(words, operation, who.field(field))
    if len(kept) > _LONGEST_NAME:
        raise invalid(
            f"a name of {who} has more than the {_LONGEST_NAME} letters that airlines at Duffel"
            " take; shorten it as on an earlier ticket, or leave out middle names",
            operation,
            who.field(field),
        )
    return kept


def _is_passport(document: Document) -> bool:
    return document.kind == "PASSPORT"


def _document(document: Document, who: Who, until: dt.date, operation: str) -> dict[str, str]:
    if expired(document, until):
        words = f"the passport of {who} expires before the journey ends"
        raise invalid(words, operation, who.field("document", "expiryDate"))
    return {
        "type": "passport",
        "unique_identifier": document.number,
        "issuing_country_code": document.issuance_country.upper(),
        "expires_on": document.expiry_date.isoformat(),
    }


def invalid(message: str, operation: str, field: str | None = None) -> InvalidRequest:
    """Return the error for what is wrong on our side, before Duffel was asked."""
    return offers.invalid(NAME, operation, message, field)
