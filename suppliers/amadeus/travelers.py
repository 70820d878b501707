"""Travellers as airlines need them: A-Z names, split phone numbers, documents that are valid."""

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import phonenumbers
from anyascii import anyascii

from models.core.errors import InvalidRequest
from models.core.party import DOCUMENTS, expired
from models.core.people import Document, Traveler
from suppliers.amadeus.messages import FlightOffer, Requirements, TravelerPricing
from suppliers.amadeus.responses import NAME
from suppliers.core import offers
from suppliers.core.protocol import Party
from suppliers.core.travelers import Who, reached_at

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
_SENIOR_FROM: Final = 60
_INFANTS: Final = frozenset({"HELD_INFANT", "SEATED_INFANT"})
_STRICTEST_FIRST: Final = ("HELD_INFANT", "SEATED_INFANT", "SENIOR", "CHILD")
"""Types of fares by whom they leave out: who fits one of these may fit another, too."""
FIELDS: Final = {
    "name/firstName": "firstName",
    "name/lastName": "lastName",
    "dateOfBirth": "dateOfBirth",
    "gender": "gender",
    "emailAddress": "email",
    "phones": "phone",
    "contact/emailAddress": "email",
    "contact/phones": "phone",
    "documents": "document",
    "documents/documentType": "document.documentType",
    "documents/number": "document.number",
    "documents/expiryDate": "document.expiryDate",
    "documents/issuanceCountry": "document.issuanceCountry",
    "documents/nationality": "document.nationality",
}
"""What a pointer of Amadeus' errors means in ``travelers`` and ``contacts`` of an order."""


def latin_name(name: str) -> str:
    """Return a name in the letters of a ticket: A-Z, and single spaces.

    As in passports: "Müller" is MUELLER, "O'Brien" OBRIEN, "Jean-Luc" JEAN LUC.
    """
    composed = unicodedata.normalize("NFC", name).upper()
    upper = anyascii(composed.translate(_ICAO)).upper()
    letters = re.sub("[^A-Z -]", "", upper)
    return " ".join(letters.replace("-", " ").split())


@dataclass(frozen=True)
class People:
    """Who is on an order: its ``travelers`` and ``contacts``."""

    travelers: list[dict[str, Any]]
    contacts: list[dict[str, Any]]
    warnings: tuple[str, ...]
    """What the traveller has to know about them."""
    order: tuple[int, ...]
    """The place in the party of each of ``travelers``."""


def order_people(
    party: Party, offer: FlightOffer, needs: Requirements, agency: str, operation: str
) -> People:
    """Return who is on a flight order: each person on the seat priced for their age.

    Args:
        party: who travels.
        offer: as it was priced.
        needs: what the airline wants to know.
        agency: our phone number, given in place of one that cannot be used; may be empty.
        operation: what the order is made for; for errors.

    Raises:
        InvalidRequest: another number or other ages than priced, or something needed is missing.
    """
    form = _Form(party, offer, needs, agency, operation)
    seated = _seated(party.travelers, offer, operation)
    travelers = [form.traveler(seat, person) for seat, person in seated]
    contacts = [form.contact()]
    order = tuple(Who(party, person).number for _, person in seated)
    return People(travelers, contacts, tuple(dict.fromkeys(form.warnings)), order)


def _unfit(operation: str, message: str, field: str = "travelers") -> InvalidRequest:
    return offers.invalid(NAME, operation, message, field)


def _seated(
    travelers: Sequence[Traveler], offer: FlightOffer, operation: str
) -> list[tuple[TravelerPricing, Traveler]]:
    """Put everybody on a seat priced for their age, in the order of the seats."""
    seats = offer.traveler_pricings
    if len(seats) != len(travelers):
        raise _unfit(
            operation, f"the flight is priced for {len(seats)}, but {len(travelers)} people travel"
        )
    _check_laps(seats, operation)
    waiting = list(travelers)
    seated: dict[str, Traveler] = {}
    for seat in sorted(seats, key=_strictness):
        fitting = next((one for one in waiting if _fits(one, seat, offer)), None)
        if fitting is None:
            kind = seat.traveler_type.replace("_", " ").lower()
            raise _unfit(
                operation,
                f"a seat is priced for {kind}, and none of the travellers left is of that age",
            )
        waiting.remove(fitting)
        seated[seat.traveler_id] = fitting
    return [(seat, seated[seat.traveler_id]) for seat in seats]


def _strictness(seat: TravelerPricing) -> int:
    kind = seat.traveler_type
    return _STRICTEST_FIRST.index(kind) if kind in _STRICTEST_FIRST else len(_STRICTEST_FIRST)


def _check_laps(seats: Sequence[TravelerPricing], operation: str) -> None:
    """Make sure that every infant without a seat has the lap of an adult for itself."""
    adults = {seat.traveler_id for seat in seats if seat.traveler_type not in {*_INFANTS, "CHILD"}}
    held = [seat for seat in seats if seat.traveler_type == "HELD_INFANT"]
    laps = [seat.associated_adult_id for seat in held if seat.associated_adult_id is not None]
    if len(held) > len(adults) or len(set(laps)) < len(laps) or not adults.issuperset(laps):
        raise _unfit(operation, "every infant without a seat needs an adult's lap for itself")


def _fits(traveler: Traveler, seat: TravelerPricing, offer: FlightOffer) -> bool:
    """Tell whether a fare is for somebody of this age (FlightOffersPrice v1, ``TravelerType``).

    Ages count when the journey begins; an infant is one until the last flight leaves.
    """
    age = traveler.age_on(offer.departs.date())
    match seat.traveler_type:
        case "CHILD":
            return 0 <= age < _ADULT_FROM
        case "HELD_INFANT" | "SEATED_INFANT":
            last = offer.segments[-1].departure.at.date()
            return age >= 0 and traveler.age_on(last) < _INFANT_UNTIL
        case "SENIOR":
            return age >= _SENIOR_FROM
        case _:
            return age >= _ADULT_FROM


@dataclass
class _Form:
    """Writes the people of an order, and notes what they have to know."""

    party: Party
    offer: FlightOffer
    needs: Requirements
    agency: str
    operation: str
    warnings: list[str] = field(default_factory=list)

    def traveler(self, seat: TravelerPricing, traveler: Traveler) -> dict[str, Any]:
        who = Who(self.party, traveler)
        name = _name(traveler)
        if lacking := [field for field, letters in name.items() if not letters]:
            words = f"the name of {who} cannot be written in the letters A-Z"
            raise _unfit(self.operation, words, who.field(lacking[0]))
        email = traveler.email or self.party.contact.email
        answer: dict[str, Any] = {
            "id": seat.traveler_id,
            "dateOfBirth": traveler.date_of_birth.isoformat(),
            # "UNSPECIFIED" is a value airlines know ("X" in passports), and is sent as such.
            "gender": traveler.gender,
            "name": name,
            "contact": self._contact((traveler.phone, self.party.contact.phone), email, traveler),
        }
        if traveler.document is not None:
            last_day = self.offer.arrives.date()
            answer["documents"] = [_document(traveler.document, who, last_day, self.operation)]
        elif self.needs.document_required(seat.traveler_id):
            words = f"the airline needs a passport or identity card of {who}"
            raise _unfit(self.operation, words, who.field("document"))
        return answer

    def contact(self) -> dict[str, Any]:
        """Where the airline reaches the party."""
        lead, email = self.party.lead, self.party.contact.email
        contact = self._contact((self.party.contact.phone, lead.phone), email, lead)
        return {"addresseeName": _name(lead), **contact}

    def _contact(
        self, numbers: tuple[str | None, ...], email: str, traveler: Traveler
    ) -> dict[str, Any]:
        contact: dict[str, Any] = {"purpose": "STANDARD", "emailAddress": email}
        if not any(numbers) and not self.needs.phone_required:
            return contact
        document = traveler.document or self.party.lead.document
        reached = reached_at(
            [(number, document) for number in numbers], self.agency, without_area=True
        )
        if reached.warning is not None:
            self.warnings.append(reached.warning)
        if reached.number is not None:
            contact["phones"] = [_phone(reached.number)]
        elif self.needs.phone_required:
            who = Who(self.party, traveler)
            words = f"the airline needs a phone number for {who}"
            raise _unfit(self.operation, words, who.field("phone"))
        return contact


def _name(traveler: Traveler) -> dict[str, str]:
    return {
        "firstName": latin_name(traveler.first_name),
        "lastName": latin_name(traveler.last_name),
    }


def _phone(number: phonenumbers.PhoneNumber) -> dict[str, str]:
    landline = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE
    code = str(number.country_code)
    return {
        "deviceType": "LANDLINE" if landline else "MOBILE",
        # The published pattern wants two characters at least: "+1", "34".
        "countryCallingCode": code if len(code) > 1 else f"+{code}",
        "number": phonenumbers.national_significant_number(number),
    }


def _document(document: Document, who: Who, until: dt.date, operation: str) -> dict[str, Any]:
    if document.kind not in DOCUMENTS:
        words = f"airlines do not know the type of document of {who}"
        raise _unfit(operation, words, who.field("document", "documentType"))
    if expired(document, until):
        words = f"the travel document of {who} expires before the journey ends"
        raise _unfit(operation, words, who.field("document", "expiryDate"))
    return {
        "documentType": document.kind,
        "number": document.number,
        "expiryDate": document.expiry_date.isoformat(),
        "issuanceCountry": document.issuance_country.upper(),
        "nationality": document.nationality.upper(),
        "holder": True,
    }
