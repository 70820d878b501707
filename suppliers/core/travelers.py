"""Facts about travellers that several suppliers ask for: where they are reached, and who is who."""

from collections.abc import Iterable
from contextlib import suppress
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
    if number.startswith("00"):
        # What most of the world dials for "+"; some countries dial more than that (0011).
        with suppress(ValueError):
            return parse_phone(f"+{number[2:]}", None, without_area=without_area)
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
    """Where a supplier reaches a traveller."""

    number: phonenumbers.PhoneNumber | None
    """None: nobody gave one that can be used."""
    warning: str | None = None
    """Why it is not the number that was given; for the traveller."""

    @property
    def written(self) -> str:
        """The number that there is, in E.164: "+34600000000"."""
        assert self.number is not None
        return phonenumbers.format_number(self.number, phonenumbers.PhoneNumberFormat.E164)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a quote has to warn of."""
        return (self.warning,) if self.warning else ()


def reached_at(
    numbers: Iterable[tuple[str | None, Document | None]],
    agency: str,
    *,
    without_area: bool = False,
) -> Reached:
    """Return the first number that can be used: one of the party's, else the agency's.

    Args:
        numbers: what the party gave, best first; the document beside each tells the country of a
            number without a country code.
        agency: the agency's number; may be empty.
        without_area: take a number that lacks its area code, too.
    """
    unusable: str | None = None
    for number, document in numbers:
        try:
            if number:
                return Reached(parse_phone(number, document, without_area=without_area))
        except ValueError as error:
            unusable = unusable or str(error)
    try:
        ours = parse_phone(agency, None) if agency else None
    except ValueError:
        ours = None
    if unusable is None:
        return Reached(ours)
    # The same words for all suppliers: a booking repeats none of its warnings.
    instead = "our number instead, and we pass on what they tell us" if ours else "none of yours"
    return Reached(
        ours,
        f"{unusable[0].upper()}{unusable[1:]}. It was not used: those we book with have {instead}."
        " Please give us one that can be used.",
    )


def party_reached_at(party: Party, agency: str, operation: str, *, provider: str) -> Reached:
    """Return the number of a whole party, for suppliers that insist on one.

    It is the contact's, else the first of a traveller's that can be used, else the agency's.

    Args:
        party: who travels.
        agency: the agency's number; may be empty.
        operation: what is asked of the supplier, for the error.
        provider: the supplier's name, for the error.

    Raises:
        InvalidRequest: there is none that can be used.
    """
    lead = party.lead.document
    own = [(one.phone, one.document or lead) for one in party.travelers]
    reached = reached_at([(party.contact.phone, lead), *own], agency)
    if reached.number is None:
        raise invalid(
            provider,
            operation,
            "the supplier needs a phone number of the traveller with its country code, such as"
            " +1 212 555 0100",
            "userContact.phone",
        )
    return reached
