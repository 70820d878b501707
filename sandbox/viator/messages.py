"""Requests as Viator takes them, its errors, and the headers of every answer."""

import datetime as dt
import secrets
import time
from collections import defaultdict, deque
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sandbox.viator.catalogue import stamp
from sandbox.world import Answer

JSON: Final = "application/json;version=2.0"
_WINDOW: Final = 10.0
_LIMIT: Final = 2_000
"""Requests for each endpoint in a rolling window of ten seconds. Told, never enforced here."""


class Body(BaseModel):
    """Any request body: camelCase, unknown fields ignored."""

    model_config = ConfigDict(alias_generator=to_camel, strict=False)


class Pax(Body):
    """So many travellers of an age band."""

    age_band: str = Field(pattern="^(CHILD|ADULT|SENIOR)$")
    number_of_travelers: int = Field(ge=1, le=15)


class Check(Body):
    """``/availability/check`` and ``/bookings/hold``."""

    product_code: str
    product_option_code: str | None = None
    start_time: str | None = None
    travel_date: dt.date
    currency: str = Field(pattern="^[A-Z]{3}$")
    pax_mix: list[Pax] = Field(min_length=1, max_length=3)

    @property
    def travelers(self) -> int:
        """How many come."""
        return sum(pax.number_of_travelers for pax in self.pax_mix)

    @property
    def mix(self) -> tuple[tuple[str, int], ...]:
        """How many come of each age band."""
        return tuple((pax.age_band, pax.number_of_travelers) for pax in self.pax_mix)


class Booker(Body):
    """Who books."""

    first_name: str = Field(min_length=1)
    last_name: str = Field(min_length=1)


class Communication(Body):
    """Where they are reached."""

    phone: str = Field(min_length=4, pattern=r"^\+")
    email: str | None = None


class QuestionAnswer(Body):
    """An answer to a booking question."""

    question: str
    answer: str = Field(min_length=1)
    unit: str | None = None
    traveler_num: int | None = None


class LanguageGuide(Body):
    """The guide that was chosen."""

    type: str
    language: str


class Book(Check):
    """``/bookings/book``."""

    partner_booking_ref: str = Field(min_length=1, max_length=100)
    booking_ref: str | None = None
    booker_info: Booker
    communication: Communication
    booking_question_answers: list[QuestionAnswer] = []
    language_guide: LanguageGuide | None = None


class Status(Body):
    """``/bookings/status``."""

    booking_ref: str | None = None
    partner_booking_ref: str | None = None


class Cancel(Body):
    """``/bookings/{ref}/cancel``."""

    reason_code: str


class Acknowledgement(Body):
    """``/bookings/modified-since/acknowledge``."""

    transaction_refs: list[str]


class Meter:
    """Counts requests for the rate limit headers."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def headers(self, endpoint: str) -> dict[str, str]:
        """Count one request and return the headers of its answer."""
        now, seen = time.monotonic(), self._seen[endpoint]
        while seen and now - seen[0] > _WINDOW:
            seen.popleft()
        seen.append(now)
        return {
            "Content-Type": JSON,
            "X-Unique-ID": secrets.token_hex(16).upper(),
            "RateLimit-Limit": str(_LIMIT),
            "RateLimit-Remaining": str(max(_LIMIT - len(seen), 0)),
            "RateLimit-Reset": "10",
        }


def error(status: int, code: str, message: str, now: dt.datetime) -> Answer:
    """Return an error in the published shape."""
    body: dict[str, Any] = {
        "code": code,
        "message": message,
        "timestamp": stamp(now),
        "trackingId": secrets.token_hex(16).upper(),
    }
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    return Answer(status, body, headers=headers)
