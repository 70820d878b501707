"""Facts about travellers that several suppliers ask for: where they are reached, and who is who."""

from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers

from models.core.party import called, place
from models.core.people import Document, Traveler
from suppliers.core.offers import invalid
from suppliers.core.protocol import Party


class Who:
    """One of a party, as errors name them."""

    def __init__(self, party: Party, traveler: Traveler) -> None:
        self.number = next(n for n, one in enumerate(party.travelers) if one is traveler)
        """Their place in the request, from 0."""

    def field(self, *names: str) -> str:
        """Return where something of theirs stands in a request."""
        return place(self.number, *names)

    def __str__(self) -> str:
        return called(self.number)


def phone_of(
    party: Party, agency: str, *, provider: str, operation: str, international: bool = False
) -> str:
    """Return the first number at which a supplier reaches the party: the contact's, a traveller's,
    the agency's.

    Args:
        party: who travels.
        agency: the agency's number; may be empty.
        provider: the supplier's name, for the error.
        operation: what is asked of it, for the error.
        international: only numbers with their country code count; they are written as "+…" (E.123).

    Raises:
        InvalidRequest: there is none.
    """
    numbers = [party.contact.phone, *(traveler.phone for traveler in party.travelers), agency]
    for number in numbers:
        if number and not international:
            return number
        if number and number.startswith(("+", "00")):
            return number if number.startswith("+") else f"+{number[2:].lstrip()}"
    form = " with its country code, such as +1 212 555 0100" if international else ""
    words = f"the supplier needs a phone number of the traveller{form}"
    raise invalid(provider, operation, words, "userContact.phone")


def parse_phone(
    number: str, document: Document | None, *, without_area: bool = False
) -> phonenumbers.PhoneNumber:
    """Read a phone number; one without a country code is read as of the document's country.

    Args:
        number: as it was typed in.
        document: tells the country that issued it.
        without_area: take a number that lacks its area code, too.

    Raises:
        ValueError: it has no country code, or too few or too many digits; in words for people.
    """
    country = document.issuance_country.upper() if document is not None else None
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException as error:
        raise ValueError(
            f"the phone number {number!r} needs its country code, as in +34 600 000 000"
        ) from error
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    local = phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE and not (
        without_area and possible == local
    ):
        raise ValueError(f"the phone number {number!r} has too few or too many digits")
    return parsed


@dataclass(frozen=True)
class Reached:
    """Where a supplier that checks phone numbers reaches a traveller."""

    number: phonenumbers.PhoneNumber | None
    """None: nobody gave one that can be used."""
    warning: str | None = None
    """Why it is not the number that was given; for the traveller."""


def reached_at(
    numbers: Iterable[str | None],
    document: Document | None,
    agency: str,
    *,
    without_area: bool = False,
) -> Reached:
    """Return the first number that can be used: one of the party's, else the agency's.

    Args:
        numbers: what the party gave, best first.
        document: tells the country of a number without a country code.
        agency: the agency's number; may be empty.
        without_area: take a number that lacks its area code, too.
    """
    unusable: str | None = None
    for number in filter(None, numbers):
        try:
            return Reached(parse_phone(number, document, without_area=without_area))
        except ValueError as error:
            unusable = unusable or str(error)
    try:
        ours = parse_phone(agency, None) if agency else None
    except ValueError:
        ours = None
    if unusable is None:
        return Reached(ours)
    instead = "our number instead, and we pass on what it tells us" if ours else "none of yours"
    return Reached(
        ours,
        f"{unusable[0].upper()}{unusable[1:]}. It was not used: the airline has {instead}. Please"
        " give us one that can be used.",
    )
