"""Requests to GetYourGuide (``specs/getyourguide``), and our own offer and quote read back."""

import datetime as dt
from functools import partial
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, Field, NaiveDatetime

from models.core.errors import InvalidRequest
from models.core.money import Money
from models.core.people import Traveler
from models.core.supply import Quote, TripComponent
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Text
from suppliers.core import offers
from suppliers.core.comparing import is_other_time
from suppliers.core.offers import Kept, Offer
from suppliers.core.protocol import Party
from suppliers.core.travelers import Who, party_reached_at

NAME: Final = "getyourguide"
PAYMENT_CURRENCIES: Final = frozenset(
    {"AED", "AUD", "CAD", "CHF", "EUR", "GBP", "NZD", "PLN", "SEK", "USD"}
)
"""What bookings are paid in; searching knows more."""
_LONGEST_NAME: Final = 44
_LONGEST_REFERENCE: Final = 255
_LANGUAGE: Final = "en"


class Outing(Offer):
    """The offer of a trip component: which option, when, for whom."""

    tour_id: int = Field(ge=1)
    title: Text
    option_id: int = Field(ge=1)
    datetime: NaiveDatetime
    """Local, where it takes place."""
    participants: dict[str, Annotated[int, Field(ge=0)]] = Field(min_length=1)
    """How many of each ticket category ("adult")."""
    country: str = Field(default="US", pattern="^[A-Z]{2}$")
    """The booker's, for travellers without a document."""

    @property
    def people(self) -> int:
        """How many come."""
        return sum(self.participants.values())


class Category(Kept):
    """So many people of a price category of the option."""

    category_id: int
    number_of_participants: int


class Policy(Kept):
    """How a tour can be cancelled, as it is kept in a quote."""

    cancellable: bool = False
    """Without a word about it, it is not."""
    unit: str | None = None
    """``percentage`` or ``fixed``."""
    value: str | None = None
    """Per cent, or major units of the currency; None: nothing."""
    offset_minutes: int = 0
    """So long before the start it ends to be cancellable at that fee."""
    text: str = ""

    def terms(self, starts_at: dt.datetime, price: Money) -> CancellationTerms:
        """Return the terms for a start (UTC) at a price.

        Raises:
            ValueError: the fee is none.
        """
        source = f"getyourguide: {self.text}"[:2_000]
        if not self.cancellable:
            return CancellationTerms.non_refundable(price.amount, source)
        until = starts_at - dt.timedelta(minutes=self.offset_minutes)
        steps = (FeeStep(until=until, fee=self._fee(price)), FeeStep(until=None, fee=price.amount))
        return CancellationTerms(steps=steps, source=source)

    def _fee(self, price: Money) -> int:
        if self.value is None or not float(self.value):
            return 0
        if self.unit == "percentage":
            # A fraction stays with the supplier.
            kept = Money.from_decimal(self.value, "USD").amount * price.amount
            return min(-(-kept // 10_000), price.amount)
        if self.unit == "fixed":
            return min(Money.from_decimal(self.value, price.currency).amount, price.amount)
        return price.amount


class Asked(Kept):
    """What our quote carries to booking and completing."""

    option_id: int
    datetime: NaiveDatetime
    categories: tuple[Category, ...] = Field(min_length=1)
    questions: tuple[str, ...]
    """Mandatory questions about each traveller, in the option's words."""
    language: tuple[str, str] | None
    """Type and code of the conduction language, where one must be chosen."""
    free_sale: bool
    country: str
    policy: Policy
    starts_at: AwareDatetime
    seats: tuple[int, ...] = ()
    """The price category of each traveller, by its place in ``categories``; none in quotes of
    before, where their order counts."""

    @property
    def people(self) -> int:
        """How many come."""
        return sum(category.number_of_participants for category in self.categories)


def read_offer(item: TripComponent, party: Party, operation: str) -> Outing:
    """Read a component's offer.

    Raises:
        InvalidRequest: it is none, or for another party, time or currency, or the name it would be
            booked under is too long.
    """
    outing = offers.read_offer(Outing, item, party, provider=NAME, operation=operation)
    if outing.currency not in PAYMENT_CURRENCIES:
        raise _invalid(f"GetYourGuide takes no payment in {outing.currency}", operation)
    if is_other_time(item.starts_at, outing.datetime):
        raise _invalid(f"{outing.title} starts on {outing.datetime}, not as in the trip", operation)
    lead = Who(party, party.lead)
    for field, name in (("firstName", party.lead.first_name), ("lastName", party.lead.last_name)):
        if len(name) > _LONGEST_NAME:
            raise _invalid(
                f"a name of {lead} has more than the {_LONGEST_NAME} letters that GetYourGuide"
                " books under; leave out middle names",
                operation,
                lead.field(field),
            )
    return outing


def read_quote(quote: Quote, operation: str) -> Asked:
    """Read our own quote back; see :func:`suppliers.core.offers.read_quote`."""
    return offers.read_quote(Asked, quote, provider=NAME, operation=operation)


reached = partial(party_reached_at, provider=NAME)
"""Where the operator reaches a party; see :func:`suppliers.core.travelers.party_reached_at`."""


def breakdown(outing: Outing) -> dict[str, Any]:
    """Return the body of ``/tours/{id}/price-breakdown``."""
    return {
        "base_data": {"currency": outing.currency},
        "data": {"date": outing.datetime.date().isoformat(), "participants": outing.participants},
    }


def booking(asked: Asked, price: Money, party: Party, reference: str) -> dict[str, Any]:
    """Return the body of ``POST /bookings``.

    Raises:
        InvalidRequest: the reference is too long, or a question has no answer.
    """
    if len(reference) > _LONGEST_REFERENCE:
        raise _invalid(f"a reference has at most {_LONGEST_REFERENCE} characters", "book")
    categories = [category.model_dump() for category in asked.categories]
    return {
        "base_data": {"cnt_language": _LANGUAGE, "currency": price.currency},
        "data": {
            "booking": {
                "bookable": {
                    "external_reference_id": reference,
                    "option_id": asked.option_id,
                    "datetime": asked.datetime.isoformat(timespec="seconds"),
                    "price": float(price.to_decimal()),
                    "categories": categories,
                    "questions": _answers(asked, party, "book"),
                }
            }
        },
    }


def confirmation(cart: str, asked: Asked, price: Money, party: Party, phone: str) -> dict[str, Any]:
    """Return the body of ``POST /carts``; the partner pays by its collective bill."""
    lead = party.lead
    traveler = {
        "salutation_code": "c",
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "email": party.contact.email,
        "phone_number": phone,
    }
    country = lead.document.nationality.upper() if lead.document else asked.country
    return {
        "base_data": {"cnt_language": _LANGUAGE, "currency": price.currency},
        "data": {
            "shopping_cart": {
                "shopping_cart_hash": cart,
                "billing": {**traveler, "country_code": country},
                "traveler": traveler,
                "payment": {"master_bill": True},
            }
        },
    }


def check_questions(asked: Asked, party: Party) -> None:
    """Make sure that we can answer what must be answered.

    Raises:
        InvalidRequest: a question has no answer.
    """
    _answers(asked, party, "quote")


def _answers(asked: Asked, party: Party, operation: str) -> dict[str, Any]:
    seats = asked.seats or [
        number
        for number, category in enumerate(asked.categories)
        for _ in range(category.number_of_participants)
    ]
    of_travelers = [asked.categories[number].category_id for number in seats]
    if len(of_travelers) != len(party.travelers):
        raise _invalid(f"the quote is for {len(of_travelers)} people", operation, "travelers")
    answers: dict[str, Any] = {}
    if asked.questions:
        answers["participant_questions"] = [
            {
                "category_id": category,
                "participant_answers": dict(
                    _answer(question, Who(party, traveler), traveler, asked, operation)
                    for question in asked.questions
                ),
            }
            for traveler, category in zip(party.travelers, of_travelers, strict=True)
        ]
    if asked.language is not None:
        kind, value = asked.language
        answers["conduction_language"] = {"type": kind, "value": value}
    return answers


def _answer(
    question: str, who: Who, traveler: Traveler, asked: Asked, operation: str
) -> tuple[str, dict[str, str]]:
    """Return a traveller's answer by the name that answers have; it is another than questions'."""
    document = traveler.document
    match question:
        case "traveler_names":
            names = {"first_name": traveler.first_name, "last_name": traveler.last_name}
            return "traveler_name", names
        case "traveler_dates_of_birth":
            return "traveler_date_of_birth", {"value": traveler.date_of_birth.isoformat()}
        case "traveler_ages":
            return "traveler_age", {"value": str(traveler.age_on(asked.datetime.date()))}
        case "traveler_passport_numbers" if document:
            return "traveler_passport_number", {"value": document.number}
        case "traveler_id_numbers" if document:
            return "traveler_id_number", {"value": document.number}
        case "traveler_passport_details" if document:
            facts = f"Country {document.nationality} Expiry {document.expiry_date.isoformat()}"
            return "traveler_passport_details", {"value": f"{document.number} {facts}"}
    what = question.removeprefix("traveler_").replace("_", " ")
    words = f"the supplier asks for the {what} of each traveller"
    document_asked = what.startswith(("passport", "id "))
    raise _invalid(words, operation, who.field("document") if document_asked else None)


def _invalid(message: str, operation: str, field: str | None = None) -> InvalidRequest:
    return offers.invalid(NAME, operation, message, field)
