"""What is wrong with the people of a trip, whichever suppliers it is booked with. No I/O.

What one supplier alone does not take (a fare's ages, a name's length) its adapter says.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from models.core.people import Document, Traveler

ADULT: Final = 18
"""From this age on a hotel's guest is no child."""
ALONE: Final = 12
"""Younger people fly and join tours only with somebody of this age: from it on, fares are adults'
(IATA). Hotels, and airlines with stricter rules, say so themselves."""
OLDEST: Final = 120
"""In years. Whoever would be older is refused: the year of birth must be mistyped."""
DOCUMENTS: Final = frozenset({"PASSPORT", "IDENTITY_CARD", "VISA", "KNOWN_TRAVELER", "REDRESS"})
"""The types of documents that airlines know (Amadeus, Flight Create Orders v1, DocumentType)."""

_CODES: Final = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR
BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ
EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW
GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY
KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV
MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG
TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM
ZW EU UN XK XX
"""
COUNTRIES: Final = frozenset(_CODES.split())
"""ISO 3166-1 alpha-2, and whoever else issues travel documents (ICAO Doc 9303 part 3, section 5):
European Union, United Nations, Kosovo; XX for the stateless."""

_NUMBER: Final = re.compile(r"[A-Za-z0-9]+(?:[ -][A-Za-z0-9]+)*")


class Fault(NamedTuple):
    """One thing that is wrong, and where."""

    field: str
    """As the request names it: ``travelers[1].document.expiryDate``."""
    words: str
    """A sentence for whoever must mend it, without what was sent."""


def place(number: int, *names: str) -> str:
    """Return where something of a traveller stands; ``number`` counts from 0."""
    return ".".join((f"travelers[{number}]", *names))


def called(number: int) -> str:
    """Return what a traveller is called in answers, where names do not belong."""
    return f"traveller {number + 1}"


def expired(document: Document, last_day: dt.date) -> bool:
    """Tell whether a document is not valid until a day; it is valid on its expiry date."""
    return document.expiry_date < last_day


def faults(
    travelers: Sequence[Traveler], *, today: dt.date, first_day: dt.date, last_day: dt.date
) -> list[Fault]:
    """Return everything that is wrong with those who travel; nothing: they may.

    Args:
        travelers: in the request's order.
        today: the latest that it is anywhere on earth.
        first_day: of the trip.
        last_day: of the trip, where it is earliest: documents have to be valid until then.
    """
    found = [
        fault
        for number, traveler in enumerate(travelers)
        for fault in (
            *_person(number, traveler, today),
            *_document(number, traveler.document, last_day),
        )
    ]
    found += _twice(travelers)
    born = [one for one in travelers if one.date_of_birth <= today]
    if born and all(one.age_on(first_day) < ALONE for one in born):
        words = f"Nobody who travels is {ALONE} or older: children do not travel alone."
        found.append(Fault("travelers", words))
    return found


def _person(number: int, traveler: Traveler, today: dt.date) -> Iterator[Fault]:
    who = called(number)
    for name, field, given in (
        ("first name", "firstName", traveler.first_name),
        ("last name", "lastName", traveler.last_name),
    ):
        if not any(unicodedata.category(letter).startswith("L") for letter in given):
            words = f"The {name} of {who} has no letters: give it as in the passport."
            yield Fault(place(number, field), words)
    if traveler.date_of_birth > today:
        words = f"The date of birth of {who} is in the future."
        yield Fault(place(number, "dateOfBirth"), words)
    elif traveler.age_on(today) > OLDEST:
        words = f"The date of birth of {who} is more than {OLDEST} years ago."
        yield Fault(place(number, "dateOfBirth"), words)


def _document(number: int, document: Document | None, last_day: dt.date) -> Iterator[Fault]:
    if document is None:
        return
    whose = f"the document of {called(number)}"
    if document.kind not in DOCUMENTS:
        words = f"The type of {whose} is none of {', '.join(sorted(DOCUMENTS))}."
        yield Fault(place(number, "document", "documentType"), words)
    if not _NUMBER.fullmatch(document.number):
        words = (
            f"The number of {whose} has other signs than A-Z and 0-9; only single spaces and"
            " hyphens may stand between them."
        )
        yield Fault(place(number, "document", "number"), words)
    for field, country in (
        ("issuanceCountry", document.issuance_country),
        ("nationality", document.nationality),
    ):
        if country.upper() not in COUNTRIES:
            words = f"The {field} of {whose} is no ISO 3166-1 code of two letters, such as US."
            yield Fault(place(number, "document", field), words)
    if expired(document, last_day):
        words = f"{whose.capitalize()} is not valid until the end of the trip."
        yield Fault(place(number, "document", "expiryDate"), words)


def _twice(travelers: Sequence[Traveler]) -> Iterator[Fault]:
    people: dict[tuple[object, ...], int] = {}
    documents: dict[tuple[str, ...], int] = {}
    for number, one in enumerate(travelers):
        named = (one.first_name.casefold(), one.last_name.casefold(), one.date_of_birth)
        first = people.setdefault(named, number)
        if first != number:
            words = f"{called(number).capitalize()} is the same person as {called(first)}."
            yield Fault(place(number), words)
        elif one.document is not None:
            plain = re.sub("[ -]", "", one.document.number).upper()
            shown = (one.document.kind, one.document.issuance_country.upper(), plain)
            first = documents.setdefault(shown, number)
            if first != number:
                words = f"{called(number).capitalize()} has the same document as {called(first)}."
                yield Fault(place(number, "document", "number"), words)
