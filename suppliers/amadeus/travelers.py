"""Travellers as airlines need them: A-Z names, split phone numbers, documents that are valid."""

import datetime as dt
import re
import unicodedata
from typing import Any, Final

import phonenumbers
from anyascii import anyascii

from models.core.people import Document, Traveler
from suppliers.amadeus.messages import FlightOffer, Requirements, TravelerPricing
from suppliers.core.protocol import Party
from suppliers.core.travelers import age_on, parse_phone

_ICAO: Final = str.maketrans(
    {
        "Ä": "AE",
        "Å": "AA",
        "Æ": "AE",
        "Ð": "D",
        "Ñ": "N",
        "Ö": "OE",
        "Ø": "OE",
        "Œ": "OE",
        "Þ": "TH",
        "Ü": "UE",
        "ẞ": "SS",
    }
)
"""ICAO Doc 9303 part 3, section 6 A: how passports write these in their machine-readable zone."""

_ADULT_FROM: Final = 12
_INFANT_UNTIL: Final = 2
_DOCUMENTS: Final = {"VISA", "PASSPORT", "IDENTITY_CARD", "KNOWN_TRAVELER", "REDRESS"}
_NATIONAL_NUMBER: Final = re.compile("[0-9]{1,15}")


class UnfitParty(ValueError):
    """These people cannot be booked on this offer; the message says why, in plain words."""


def latin_name(name: str) -> str:
    """Return a name in the letters of a ticket: A-Z, and single spaces.

    As in passports: "Müller" is MUELLER, "O'Brien" OBRIEN, "Jean-Luc" JEAN LUC.
    """
    composed = unicodedata.normalize("NFC", name).upper()
    upper = anyascii(composed.translate(_ICAO)).upper()
    letters = re.sub("[^A-Z -]", "", upper)
    return " ".join(letters.replace("-", " ").split())


def order_travelers(party: Party, offer: FlightOffer, needs: Requirements) -> list[dict[str, Any]]:
    """Return the ``travelers`` of a flight order: each person on the seat priced for their age.

    Raises:
        UnfitParty: another number or other ages than priced, or something needed is missing.
    """
    seats = offer.traveler_pricings
    if len(seats) != len(party.travelers):
        raise UnfitParty(
            f"the flight is priced for {len(seats)}, but {len(party.travelers)} people travel"
        )
    waiting = list(party.travelers)
    seated: list[tuple[TravelerPricing, Traveler]] = []
    for seat in seats:
        fitting = next((one for one in waiting if _fits(one, seat, offer)), None)
        if fitting is None:
            raise UnfitParty(
                f"a seat is priced for {seat.traveler_type.replace('_', ' ').lower()}, and none of"
                f" the travellers left is of that age"
            )
        waiting.remove(fitting)
        seated.append((seat, fitting))
    return [_order_traveler(person, seat, party, offer, needs) for seat, person in seated]


def order_contacts(party: Party) -> list[dict[str, Any]]:
    """Return the ``contacts`` of a flight order: where the airline reaches the party."""
    lead = party.travelers[0]
    contact = _contact(lead, party, email=party.contact.email, number=party.contact.phone)
    return [
        {
            "addresseeName": {
                "firstName": latin_name(lead.first_name),
                "lastName": latin_name(lead.last_name),
            },
            "purpose": "STANDARD",
            **contact,
        }
    ]


def _fits(traveler: Traveler, seat: TravelerPricing, offer: FlightOffer) -> bool:
    leaves = offer.departs.date()
    age = age_on(traveler, leaves)
    match seat.traveler_type:
        case "CHILD":
            return _INFANT_UNTIL <= age < _ADULT_FROM
        case "HELD_INFANT" | "SEATED_INFANT":
            return 0 <= age < _INFANT_UNTIL
        case _:
            return age >= _ADULT_FROM


def _order_traveler(
    traveler: Traveler,
    seat: TravelerPricing,
    party: Party,
    offer: FlightOffer,
    needs: Requirements,
) -> dict[str, Any]:
    who = f"{traveler.first_name} {traveler.last_name}"
    first, last = latin_name(traveler.first_name), latin_name(traveler.last_name)
    if not first or not last:
        raise UnfitParty(f"the name {who!r} cannot be written in the letters A-Z")
    contact = _contact(
        traveler,
        party,
        email=traveler.email or party.contact.email,
        number=traveler.phone or party.contact.phone,
    )
    if needs.phone_required and "phones" not in contact:
        raise UnfitParty(f"the airline needs a phone number for {who}")
    answer: dict[str, Any] = {
        "id": seat.traveler_id,
        "dateOfBirth": traveler.date_of_birth.isoformat(),
        # "UNSPECIFIED" is a value airlines know ("X" in passports), and is sent as such.
        "gender": traveler.gender,
        "name": {"firstName": first, "lastName": last},
        "contact": contact,
    }
    if traveler.document is not None:
        answer["documents"] = [_document(traveler.document, who, offer.arrives.date())]
    elif needs.document_required(seat.traveler_id):
        raise UnfitParty(f"the airline needs a passport or identity card of {who}")
    return answer


def _contact(traveler: Traveler, party: Party, *, email: str, number: str | None) -> dict[str, Any]:
    contact: dict[str, Any] = {"purpose": "STANDARD", "emailAddress": email}
    if number is not None:
        document = traveler.document or party.travelers[0].document
        contact["phones"] = [_phone(number, document)]
    return contact


def _phone(number: str, document: Document | None) -> dict[str, str]:
    try:
        parsed = parse_phone(number, document, without_area=True)
    except ValueError as error:
        raise UnfitParty(str(error)) from error
    national = phonenumbers.national_significant_number(parsed)
    if not _NATIONAL_NUMBER.fullmatch(national):
        raise UnfitParty(f"the phone number {number!r} has too few or too many digits")
    landline = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.FIXED_LINE
    code = str(parsed.country_code)
    return {
        "deviceType": "LANDLINE" if landline else "MOBILE",
        # The published pattern wants two characters at least: "+1", "34".
        "countryCallingCode": code if len(code) > 1 else f"+{code}",
        "number": national,
    }


def _document(document: Document, who: str, until: dt.date) -> dict[str, Any]:
    kind = document.document_type.strip().upper().replace(" ", "_")
    if kind not in _DOCUMENTS:
        raise UnfitParty(f"airlines do not know the document {document.document_type!r} of {who}")
    if document.expiry_date < until:
        raise UnfitParty(
            f"the travel document of {who} expires on {document.expiry_date}, before the journey"
            f" ends"
        )
    return {
        "documentType": kind,
        "number": document.number,
        "expiryDate": document.expiry_date.isoformat(),
        "issuanceCountry": document.issuance_country.upper(),
        "nationality": document.nationality.upper(),
        "holder": True,
    }
