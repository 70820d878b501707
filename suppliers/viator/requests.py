"""Requests to Viator (``specs/viator``), and our own offer and quote read back."""

import datetime as dt
from functools import partial
from typing import Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from models.core.people import Traveler
from models.core.supply import Quote, TripComponent
from models.core.text import Text
from suppliers.core import offers
from suppliers.core.offers import Kept, Offer
from suppliers.core.protocol import Party
from suppliers.core.travelers import Who, party_reached_at

NAME: Final = "viator"


_OPTIONAL: Final = frozenset({"SPECIAL_REQUIREMENTS"})
"""Booking questions that need no answer (``required`` of ``/products/booking-questions``). The
conditional ones depend on questions about transfers that a trip cannot answer either."""
_CAMEL: Final = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class PaxMix(Kept):
    """So many travellers of an age band."""

    model_config = _CAMEL

    age_band: Literal["ADULT", "SENIOR", "YOUTH", "CHILD", "INFANT", "TRAVELER"]
    number_of_travelers: int = Field(ge=1)


class LanguageGuide(Kept):
    """The guide that was chosen."""

    type: str
    language: str


class Outing(Offer):
    """The offer of a trip component: which experience, when, for whom."""

    model_config = _CAMEL

    product_code: Text
    title: Text
    product_option_code: Text | None = None
    """None: the product has no options."""
    travel_date: dt.date
    start_time: str | None = Field(default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    """Local, where the product operates; None: it has no start times (a day ticket)."""
    pax_mix: tuple[PaxMix, ...] = Field(min_length=1)
    language_guide: LanguageGuide | None = None

    @property
    def people(self) -> int:
        """How many come."""
        return sum(pax.number_of_travelers for pax in self.pax_mix)

    def requested(self) -> dict[str, Any]:
        """Return the request of an availability check or a hold."""
        return self.model_dump(
            mode="json", by_alias=True, exclude={"title", "language_guide"}, exclude_none=True
        )


class Asked(Kept):
    """What our quote carries to the booking."""

    questions: tuple[str, ...]
    """Booking questions of the product, by their ids."""
    operator: str
    bands: tuple[str, ...] = ()
    """The age band of each traveller; none in quotes of before, where the mix's order counts."""
    guide: LanguageGuide | None = None
    """Chosen where the offer names none and the product must be told."""


def read_offer(item: TripComponent, party: Party, operation: str) -> Outing:
    """Read a component's offer; see :func:`suppliers.core.offers.read_offer`."""
    return offers.read_offer(Outing, item, party, provider=NAME, operation=operation)


def read_quote(quote: Quote) -> Asked:
    """Read our own quote back; see :func:`suppliers.core.offers.read_quote`."""
    return offers.read_quote(Asked, quote, provider=NAME)


reached = partial(party_reached_at, provider=NAME)
"""Where the operator reaches a party; see :func:`suppliers.core.travelers.party_reached_at`."""


def booking(
    outing: Outing, asked: Asked, party: Party, held: str, reference: str, agency_phone: str
) -> dict[str, Any]:
    """Return the body of ``/bookings/book``.

    Raises:
        InvalidRequest: a question has no answer.
    """
    answers = _answers(outing, asked, party, "book")
    guide = outing.language_guide or asked.guide
    return {
        **outing.requested(),
        "bookingRef": held,
        "partnerBookingRef": reference,
        **({"languageGuide": guide.model_dump()} if guide else {}),
        "bookerInfo": {"firstName": party.lead.first_name, "lastName": party.lead.last_name},
        "bookingQuestionAnswers": answers,
        "communication": {
            "phone": reached(party, agency_phone, "book").written,
            "email": party.contact.email,
        },
    }


def check_questions(outing: Outing, asked: Asked, party: Party) -> None:
    """Make sure that we can answer what must be answered.

    Raises:
        InvalidRequest: a question has no answer.
    """
    _answers(outing, asked, party, "quote")


def _answers(
    outing: Outing, asked: Asked, party: Party, operation: str
) -> list[dict[str, str | int]]:
    bands = asked.bands or tuple(
        pax.age_band for pax in outing.pax_mix for _ in range(pax.number_of_travelers)
    )
    return [
        {
            "question": question,
            "answer": _answer(question, Who(party, traveler), traveler, band, operation),
            "travelerNum": number,
        }
        for number, (traveler, band) in enumerate(zip(party.travelers, bands, strict=True), 1)
        for question in asked.questions
        if question not in _OPTIONAL
    ]


def _answer(question: str, who: Who, traveler: Traveler, band: str, operation: str) -> str:
    document = traveler.document
    match question:
        case "AGEBAND":
            return band
        case "FULL_NAMES_FIRST":
            return traveler.first_name
        case "FULL_NAMES_LAST":
            return traveler.last_name
        case "DATE_OF_BIRTH":
            return traveler.date_of_birth.isoformat()
        case "PASSPORT_PASSPORT_NO" if document:
            return document.number
        case "PASSPORT_EXPIRY" if document:
            return document.expiry_date.isoformat()
        case "PASSPORT_NATIONALITY" if document:
            return document.nationality
    passport = question.startswith("PASSPORT_")
    what = "passport of each traveller" if passport else question.replace("_", " ").lower()
    raise offers.invalid(
        NAME,
        operation,
        f"the operator must know the {what}, and the trip does not say",
        who.field("document") if passport else None,
    )
