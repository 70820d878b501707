"""Answers of GetYourGuide before a booking (``specs/getyourguide``), read strictly."""

import datetime as dt
from typing import Any

from pydantic import StrictInt

from models.core.errors import InvalidRequest, Unavailable
from models.core.money import Money
from models.core.text import Text
from suppliers.core.answers import Amount, JsonAnswer, Message
from suppliers.getyourguide.requests import Category, Outing, Policy


class _Policy(Message):
    cancellable: bool | None = None
    cancellation_fee_unit: str | None = None
    cancellation_fee_value: Amount | None = None
    cancellation_offset_minutes: StrictInt | None = None
    cancellation_policy_text: str | None = None

    def kept(self) -> Policy:
        value = self.cancellation_fee_value
        return Policy(
            cancellable=self.cancellable is True,
            unit=self.cancellation_fee_unit,
            value=None if value is None else str(value),
            offset_minutes=max(self.cancellation_offset_minutes or 0, 0),
            text=self.cancellation_policy_text or "",
        )


class Tour(Message):
    """A tour, as far as a booking needs it."""

    tour_id: StrictInt
    title: Text
    cancellation_policy: _Policy | None = None

    @property
    def policy(self) -> Policy:
        """How it can be cancelled; without a word about it, it cannot."""
        return self.cancellation_policy.kept() if self.cancellation_policy else Policy()


class _Tours(Message):
    tours: list[Tour]


class Tours(Message):
    """``GET /tours/{id}``."""

    data: _Tours


class _Question(Message):
    question: str
    mandatory: bool = False


class _Mandatory(Message):
    mandatory: bool = False


class _Questions(Message):
    booking_questions: tuple[_Question, ...] = ()
    participant_questions: tuple[_Question, ...] = ()
    conduction_language: _Mandatory = _Mandatory()
    free_text_question: _Mandatory = _Mandatory()


class _Languages(Message):
    language_live: tuple[str, ...] = ()
    language_audio: tuple[str, ...] = ()
    language_booklet: tuple[str, ...] = ()


class Option(Message):
    """An option of a tour."""

    option_id: StrictInt
    tour_id: StrictInt | None = None
    title: Text = ""
    free_sale: bool = False
    questions: _Questions = _Questions()
    cond_language: _Languages = _Languages()

    def mandatory(self) -> tuple[str, ...]:
        """Return the questions about each traveller that must be answered."""
        asked = self.questions.participant_questions
        return tuple(question.question for question in asked if question.mandatory)

    def language(self) -> tuple[str, str] | None:
        """Return the language to be led in, English where there is a choice; None: no matter."""
        if not self.questions.conduction_language.mandatory:
            return None
        offered = [
            (kind, language)
            for kind in ("language_live", "language_audio", "language_booklet")
            for language in getattr(self.cond_language, kind)
        ]
        return next((one for one in offered if one[1] == "en"), next(iter(offered), None))

    def unanswerable(self) -> str | None:
        """Return what the supplier must know and a trip does not, if anything."""
        asked = self.questions
        for question in asked.booking_questions:
            if question.mandatory:
                return question.question.removeprefix("booking_").replace("_", " ")
        if asked.free_text_question.mandatory:
            return "answer to a question of its own"
        if asked.conduction_language.mandatory and self.language() is None:
            return "language"
        return None


class _Options(Message):
    tour_options: list[Option]


class Options(Message):
    """``GET /tours/{id}/options``."""

    data: _Options


class _Range(Message):
    min: StrictInt | None = None
    max: StrictInt | None = None


class _Day(Message):
    date: dt.date


class Availability(Message):
    """``GET /tours/{id}/availability``."""

    tour_id: StrictInt
    participants_range: _Range
    available_dates: list[_Day]

    def takes(self, people: int) -> bool:
        """Tell whether so many people can come."""
        least, most = self.participants_range.min or 1, self.participants_range.max
        return least <= people and (most is None or people <= most)


class _Price(Message):
    retail_price: Amount
    currency: str


class _Individual(Message):
    category_id: StrictInt
    ticket_category: str
    quantity: StrictInt


class _Prices(Message):
    individuals: tuple[_Individual, ...] = ()
    groups: tuple[Any, ...] = ()
    price_summary: _Price


class _Reason(Message):
    reason_group: str


class _Slot(Message):
    date_time: dt.datetime
    vacancies: StrictInt
    unavailability_reason: _Reason | None = None
    price_breakdown: _Prices | None = None


class _Slots(Message):
    option_id: StrictInt
    time_slots: list[_Slot]


class Breakdown(Message):
    """``POST /tours/{id}/price-breakdown``."""

    tour_options: list[_Slots]

    def priced(self, answer: JsonAnswer, outing: Outing) -> tuple[Money, tuple[Category, ...]]:
        """Return what our start costs, and in which categories.

        Raises:
            Unavailable: it is sold out, or sold otherwise than by person.
            InvalidRequest: not for such a party, or in another currency.
            Retryable: the answer does not say.
        """
        slots = [
            slot
            for option in self.tour_options
            if option.option_id == outing.option_id
            for slot in option.time_slots
            if slot.date_time.replace(tzinfo=None) == outing.datetime
        ]
        if not slots:
            raise answer.failure(Unavailable, f"{outing.title} does not start then any more")
        slot = slots[0]
        reason = slot.unavailability_reason.reason_group if slot.unavailability_reason else None
        if reason == "invalid_request":
            message = f"{outing.title} cannot be booked for such a party"
            raise answer.failure(InvalidRequest, message, code=reason)
        if reason is not None or slot.vacancies < outing.people:
            message = f"{outing.title} has no places left at this time"
            raise answer.failure(Unavailable, message, code=reason or "not_enough_spots")
        prices = slot.price_breakdown
        if prices is None:
            raise answer.unsettled(f"{outing.title} has no price", code="malformed_answer")
        counts = {one.ticket_category: one.quantity for one in prices.individuals}
        if prices.groups or not prices.individuals:
            raise answer.failure(Unavailable, f"{outing.title} is sold to groups only")
        asked = {name: number for name, number in outing.participants.items() if number}
        if counts != asked or len(counts) != len(prices.individuals):
            raise answer.failure(InvalidRequest, f"GetYourGuide priced {counts}, not {asked}")
        summary = prices.price_summary
        if summary.currency != outing.currency:
            raise answer.failure(
                InvalidRequest, f"GetYourGuide priced in {summary.currency}, not {outing.currency}"
            )
        categories = tuple(
            Category(category_id=one.category_id, number_of_participants=one.quantity)
            for one in prices.individuals
        )
        return answer.money(summary.retail_price, summary.currency), categories
