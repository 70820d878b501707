"""Answers of GetYourGuide before a booking (``specs/getyourguide``), read strictly."""

import datetime as dt
import json
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StrictInt, ValidationError

from models.core.errors import InvalidRequest, Unavailable
from models.core.money import Money
from models.core.text import Text
from suppliers.core.answers import Amount, JsonAnswer, LocalTime, Loose, LooseList, Message
from suppliers.core.bands import Band
from suppliers.getyourguide.requests import Category, Outing, Policy

_DAY: Final = 24 * 60
"""In minutes."""


class _Policy(Message):
    cancellable: bool | None = None
    cancellation_fee_unit: str | None = None
    cancellation_fee_value: Amount | None = None
    cancellation_offset_minutes: StrictInt | None = None
    cancellation_policy_text: Loose[str] = None

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
    mandatory: bool | None = None


class _Mandatory(Message):
    mandatory: bool | None = None


class _Questions(Message):
    booking_questions: list[_Question] | None = None
    participant_questions: list[_Question] | None = None
    conduction_language: _Mandatory | None = None
    free_text_question: _Mandatory | None = None


class _Languages(Message):
    language_live: LooseList[str] = Field(default_factory=list)
    language_audio: LooseList[str] = Field(default_factory=list)
    language_booklet: LooseList[str] = Field(default_factory=list)


class Option(Message):
    """An option of a tour."""

    option_id: StrictInt
    tour_id: Loose[StrictInt] = None
    free_sale: Loose[bool] = None
    questions: _Questions | None = None
    cond_language: Loose[_Languages] = None
    meeting_point: Loose[Text] = None
    pick_up: Loose[Text] = None
    duration: Loose[Amount] = None
    duration_unit: Loose[Literal["hour", "minute"]] = None
    """Days, which are published too, tell no time at which it ends."""

    @property
    def lasts(self) -> dt.timedelta | None:
        """How long it takes, where it is less than days."""
        unit = {"hour": 60, "minute": 1}.get(self.duration_unit or "", 0)
        minutes = (self.duration or 0) * unit
        return dt.timedelta(minutes=float(minutes)) if 0 < minutes <= _DAY else None

    def mandatory(self) -> tuple[str, ...]:
        """Return the questions about each traveller that must be answered."""
        asked = self._asked.participant_questions or ()
        return tuple(question.question for question in asked if question.mandatory)

    def language(self) -> tuple[str, str] | None:
        """Return the language to be led in, English where there is a choice; None: no matter."""
        if not (self._asked.conduction_language or _Mandatory()).mandatory:
            return None
        offered = [
            (kind, language)
            for kind in ("language_live", "language_audio", "language_booklet")
            for language in getattr(self.cond_language or _Languages(), kind)
        ]
        return next((one for one in offered if one[1] == "en"), next(iter(offered), None))

    def unanswerable(self) -> str | None:
        """Return what the supplier must know and a trip does not, if anything."""
        asked = self._asked
        for question in asked.booking_questions or ():
            if question.mandatory:
                return question.question.removeprefix("booking_").replace("_", " ")
        if (asked.free_text_question or _Mandatory()).mandatory:
            return "answer to a question of its own"
        if (asked.conduction_language or _Mandatory()).mandatory and self.language() is None:
            return "language"
        return None

    @property
    def _asked(self) -> _Questions:
        return self.questions or _Questions()


class _Options(Message):
    tour_options: list[dict[str, Any]]


class Options(Message):
    """``GET /tours/{id}/options``."""

    data: _Options

    def option(self, answer: JsonAnswer, option_id: int) -> Option | None:
        """Return the option with this id, whatever the others are like; None: there is none.

        Raises:
            Retryable: it lacks what we need.
        """
        for one in self.data.tour_options:
            if one.get("option_id") == option_id:
                try:
                    return Option.model_validate_json(json.dumps(one))
                except ValidationError as error:
                    raise answer.malformed(Option, error) from error
        return None


class _Range(Message):
    min: Loose[StrictInt] = None
    max: Loose[StrictInt] = None


class _Day(Message):
    date: Annotated[dt.date, Field(strict=False)]


class Availability(Message):
    """``GET /tours/{id}/availability``."""

    tour_id: StrictInt
    participants_range: Loose[_Range] = None
    available_dates: LooseList[_Day]

    def takes(self, people: int) -> bool:
        """Tell whether so many people can come."""
        told = self.participants_range or _Range()
        return (told.min or 1) <= people and (told.max is None or people <= told.max)

    def on(self, day: dt.date) -> bool:
        """Tell whether there are starts on a day."""
        return any(one.date == day for one in self.available_dates if one)


class _Price(Message):
    retail_price: Amount
    currency: str


class _Individual(Message):
    category_id: StrictInt
    ticket_category: str
    quantity: StrictInt
    min_age: Loose[StrictInt] = None
    max_age: Loose[StrictInt] = None


class _Prices(Message):
    individuals: list[_Individual] | None = None
    groups: Any = None
    price_summary: _Price


class _Reason(Message):
    reason_group: str


class _Slot(Message):
    """A start. Of others than ours nothing but the time needs to be readable."""

    date_time: LocalTime
    vacancies: Loose[StrictInt] = None
    unavailability_reason: Loose[_Reason] = None
    price_breakdown: Loose[_Prices] = None


class _Slots(Message):
    option_id: StrictInt
    time_slots: LooseList[_Slot] = Field(default_factory=list)


class Breakdown(Message):
    """``POST /tours/{id}/price-breakdown``."""

    tour_options: LooseList[_Slots]

    def priced(
        self, answer: JsonAnswer, outing: Outing
    ) -> tuple[Money, tuple[Category, ...], tuple[Band, ...]]:
        """Return what our start costs, in which categories, and who is meant by each.

        Raises:
            Unavailable: it is sold out, or sold otherwise than by person.
            InvalidRequest: not for such a party, or in another currency.
            Retryable: the answer does not say.
        """
        slots = [
            slot
            for option in self.tour_options
            if option and option.option_id == outing.option_id
            for slot in option.time_slots
            if slot and slot.date_time == outing.datetime
        ]
        if not slots:
            raise answer.failure(Unavailable, f"{outing.title} does not start then any more")
        slot = slots[0]
        reason = slot.unavailability_reason.reason_group if slot.unavailability_reason else None
        if reason == "invalid_request":
            message = f"{outing.title} cannot be booked for such a party"
            raise answer.failure(
                InvalidRequest, message, code=reason, field="travelers", plain=True
            )
        few = slot.vacancies is not None and slot.vacancies < outing.people
        if reason is not None or few:
            message = f"{outing.title} has no places left at this time"
            raise answer.failure(Unavailable, message, code=reason or "not_enough_spots")
        prices = slot.price_breakdown
        if prices is None:
            raise answer.unsettled(f"{outing.title} has no price", code="malformed_answer")
        individuals = prices.individuals or []
        counts = {one.ticket_category: one.quantity for one in individuals}
        if prices.groups or not individuals:
            raise answer.failure(Unavailable, f"{outing.title} is sold to groups only")
        asked = {name: number for name, number in outing.participants.items() if number}
        if counts != asked or len(counts) != len(individuals):
            raise answer.failure(InvalidRequest, f"GetYourGuide priced {counts}, not {asked}")
        summary = prices.price_summary
        if summary.currency != outing.currency:
            raise answer.failure(
                InvalidRequest, f"GetYourGuide priced in {summary.currency}, not {outing.currency}"
            )
        categories = tuple(
            Category(category_id=one.category_id, number_of_participants=one.quantity)
            for one in individuals
        )
        bands = tuple(
            Band(one.ticket_category, one.quantity, one.min_age, one.max_age) for one in individuals
        )
        return answer.money(summary.retail_price, summary.currency), categories, bands
