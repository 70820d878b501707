"""What Viator answers (``specs/viator``), read strictly."""

import datetime as dt
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StrictInt

from models.core.errors import AuthConfig, InvalidRequest, Unavailable
from models.core.legs import known_zone
from models.core.money import Money
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Text
from suppliers.core.answers import Amount, CamelMessage, JsonAnswer, Loose, LooseList, Moment
from suppliers.core.bands import Band
from suppliers.core.comparing import FURTHEST_ZONE
from suppliers.viator.requests import LanguageGuide, Outing


class _Error(CamelMessage):
    code: str
    message: str = ""


def error_of(answer: JsonAnswer) -> tuple[str, str]:
    """Return the code and the words of an error answer; the code is empty when it has none."""
    error = answer.peek(_Error)
    if error is None:
        return "", f"Viator answered {answer.status}"
    return error.code, f"Viator: {error.message or error.code}"


def expect_ok(answer: JsonAnswer) -> JsonAnswer:
    """Return the answer if it is a success.

    Raises:
        ProviderError: by the table of providers.md §5.
    """
    if answer.ok:
        return answer
    code, message = error_of(answer)
    if answer.status == 400 and code == "INVALID_HEADER_VALUE":
        raise answer.failure(AuthConfig, message, code=code)
    if answer.status == 400 and code:
        raise answer.failure(InvalidRequest, message, code=code)
    raise answer.by_status(message, code=code or None)


class _PriceObject(CamelMessage):
    recommended_retail_price: Amount


class _TotalPrice(CamelMessage):
    price: _PriceObject


class _LineItem(CamelMessage):
    number_of_travelers: StrictInt


class _Priced(CamelMessage):
    line_items: Loose[list[_LineItem]] = None
    total_price: Loose[_TotalPrice] = None

    @property
    def people(self) -> int | None:
        """How many the price is for, where it says so."""
        return sum(line.number_of_travelers for line in self.line_items or ()) or None

    def retail(self, answer: JsonAnswer, currency: str) -> Money | None:
        """Return what the traveller pays; None where that is not said readably."""
        if self.total_price is None:
            return None
        return answer.stated(self.total_price.price.recommended_retail_price, currency)


class BookableItem(_Priced):
    """One start of a product on a day. Of others than ours nothing needs to be readable."""

    product_option_code: Loose[str] = None
    start_time: Loose[str] = None
    available: Loose[bool] = None
    unavailable_reason: Loose[str] = None

    def is_for(self, outing: Outing) -> bool:
        """Tell whether it is the option and the start of an offer.

        A product without options has the option ``DEFAULT``, or none.
        """
        option, time = self.product_option_code, self.start_time
        return _option(option) == _option(outing.product_option_code) and (
            time is None if outing.start_time is None else _clock(time) == _clock(outing.start_time)
        )


def _option(code: str | None) -> str:
    return code or "DEFAULT"


def _clock(time: str | None) -> str | None:
    # Published as "09:30" and as of format "time", which has seconds.
    return None if time is None else time.removesuffix(":00") if time.count(":") == 2 else time


class Availability(CamelMessage):
    """``/availability/check``."""

    currency: str
    product_code: str
    travel_date: dt.date
    bookable_items: LooseList[BookableItem]


class Hold(_Priced):
    """``/bookings/hold``."""

    booking_ref: Text = Field(min_length=1)
    currency: Loose[str] = None


class _Refundable(CamelMessage):
    day_range_min: StrictInt
    percentage_refundable: StrictInt = Field(ge=0, le=100)
    end_timestamp: Loose[Moment] = None


class Policy(CamelMessage):
    """A cancellation policy: day ranges of a product, timestamps of a booking."""

    type: str
    """``STANDARD``, ``CUSTOM`` or ``ALL_SALES_FINAL``; of others the periods alone count."""
    description: Loose[str] = None
    refund_eligibility: list[_Refundable]

    def terms(self, starts_at: dt.datetime, price: int) -> CancellationTerms:
        """Return the terms for a start (aware, local) at a price (minor units).

        The timestamps (UTC) of a booking are used where there are any; a product's day ranges
        count days where it operates.
        """
        source = f"viator {self.type}: {self.description or ''}"
        ranges = sorted(self.refund_eligibility, key=lambda part: -part.day_range_min)
        if self.type == "ALL_SALES_FINAL" or (not ranges and self.type != "STANDARD"):
            return CancellationTerms.non_refundable(price, source)
        if not ranges:
            day_before = (starts_at - dt.timedelta(days=1)).astimezone(dt.UTC)
            return CancellationTerms.free_until(day_before, price, source)
        steps = [
            FeeStep(
                until=part.end_timestamp
                or (starts_at - dt.timedelta(days=part.day_range_min)).astimezone(dt.UTC),
                fee=kept(price, part.percentage_refundable),
            )
            for part in ranges
        ]
        return CancellationTerms(steps=(*steps, FeeStep(until=None, fee=price)), source=source)


def kept(price: int, percent_refunded: int) -> int:
    """Return what is kept of a price (minor units); a fraction stays with the supplier."""
    return price - price * percent_refunded // 100


class _Operator(CamelMessage):
    name: Text = "Viator"


class _Guide(CamelMessage):
    type: str
    language: str


class _Option(CamelMessage):
    product_option_code: str
    language_guides: LooseList[_Guide] = Field(default_factory=list)


class _AgeBand(CamelMessage):
    age_band: str
    start_age: Loose[StrictInt] = None
    end_age: Loose[StrictInt] = None


class _PricingInfo(CamelMessage):
    age_bands: LooseList[_AgeBand] = Field(default_factory=list)


class _Spot(CamelMessage):
    description: Loose[Text] = None


class _PickUp(CamelMessage):
    additional_info: Loose[Text] = None


class _Duration(CamelMessage):
    fixed_duration_in_minutes: Loose[Annotated[StrictInt, Field(gt=0, le=1440)]] = None


class _Itinerary(CamelMessage):
    duration: Loose[_Duration] = None


class _Logistics(CamelMessage):
    start: LooseList[_Spot] = Field(default_factory=list)
    traveler_pickup: Loose[_PickUp] = None


class Product(CamelMessage):
    """``/products/{code}``, as far as a booking needs it."""

    status: str
    title: Text = ""
    supplier: Loose[_Operator] = None
    time_zone: Loose[str] = None
    booking_questions: list[str] | None = None
    product_options: LooseList[_Option] = Field(default_factory=list)
    language_guides: LooseList[_Guide] = Field(default_factory=list)
    pricing_info: Loose[_PricingInfo] = None
    cancellation_policy: Policy | None = None
    itinerary: Loose[_Itinerary] = None
    logistics: Loose[_Logistics] = None
    """Where it starts (†: not in the published excerpt); its addresses are asked for elsewhere."""

    @property
    def operator(self) -> str:
        """Who delivers it."""
        return (self.supplier or _Operator()).name

    @property
    def lasts(self) -> dt.timedelta | None:
        """How long it takes, where that is fixed and less than days."""
        told = self.itinerary.duration if self.itinerary else None
        minutes = told.fixed_duration_in_minutes if told else None
        return dt.timedelta(minutes=minutes) if minutes else None

    @property
    def meeting_point(self) -> str | None:
        """Where it starts, all points where there are several: which one depends on the option."""
        spots = self.logistics.start if self.logistics else []
        return " · ".join(spot.description for spot in spots if spot.description) or None

    @property
    def pick_up(self) -> str | None:
        """What it says about being fetched."""
        fetched = self.logistics.traveler_pickup if self.logistics else None
        return fetched.additional_info if fetched else None

    def bands(self, outing: Outing) -> list[Band]:
        """Return the age bands of an offer, with the ages of this product."""
        told = self.pricing_info.age_bands if self.pricing_info else []
        known = {band.age_band: (band.start_age, band.end_age) for band in told if band}
        return [
            Band(pax.age_band, pax.number_of_travelers, *known.get(pax.age_band, (None, None)))
            for pax in outing.pax_mix
        ]

    def guide(self, answer: JsonAnswer, outing: Outing) -> LanguageGuide | None:
        """Return the guide to book: the chosen one, else an English or the only one; None: no
        guide is offered. A product that offers guides is not booked without one.

        Raises:
            Unavailable: the chosen one is not offered.
            InvalidRequest: one must be chosen.
        """
        code = outing.product_option_code
        own = [
            guide
            for option in self.product_options
            if option and option.product_option_code == code
            for guide in option.language_guides
        ]
        offered = [
            LanguageGuide(type=guide.type, language=guide.language)
            for guide in own or self.language_guides
            if guide
        ]
        chosen = outing.language_guide
        if chosen is not None:
            if offered and chosen not in offered:
                raise answer.failure(
                    Unavailable, f"{outing.title} is not guided in {chosen.language} any more"
                )
            return chosen
        english = [guide for guide in offered if guide.language == "en"]
        if len(offered) > 1 and not english:
            raise answer.failure(
                InvalidRequest, f"the language of {outing.title} must be chosen", code="guide"
            )
        return next(iter(english or offered), None)

    def starts_at(self, outing: Outing) -> dt.datetime:
        """Return the start (aware, local where it operates).

        What has no start time starts with its day: nobody comes before, and deadlines that are
        counted from it are rather too early than too late. So it is with a time zone that is not
        told, or that nobody knows.
        """
        known = known_zone(self.time_zone)
        zone = dt.timezone(FURTHEST_ZONE) if known is None else ZoneInfo(known)
        time = dt.time.fromisoformat(outing.start_time or "00:00")
        return dt.datetime.combine(outing.travel_date, time, zone)


class _Voucher(CamelMessage):
    url: Text


class Booking(_Priced):
    """``/bookings/book`` and ``/bookings/status``."""

    status: Literal[
        "CONFIRMED", "PENDING", "IN_PROGRESS", "ON_HOLD", "REJECTED", "CANCELED", "FAILED"
    ]
    rejection_reason_code: Loose[str] = None
    booking_ref: Text = Field(min_length=1)
    partner_booking_ref: Loose[str] = None
    currency: Loose[str] = None
    cancellation_policy: Loose[Policy] = None
    voucher_info: Loose[_Voucher] = None
    next_poll_at: Loose[Moment] = None

    @property
    def gone(self) -> bool:
        """Nothing stands."""
        return self.status in ("REJECTED", "CANCELED", "FAILED")

    @property
    def starts_at(self) -> dt.datetime | None:
        """When it starts (UTC), where the policy says so: its last period ends at the start."""
        policy = self.cancellation_policy
        ends = [
            part.end_timestamp
            for part in (policy.refund_eligibility if policy else ())
            if part.day_range_min == 0
        ]
        return ends[0].astimezone(dt.UTC) if ends and ends[0] else None

    def details(self) -> dict[str, Any]:
        """Return what is worth keeping beside the reservation."""
        facts: dict[str, Any] = {}
        if self.voucher_info is not None:
            facts["voucher_url"] = self.voucher_info.url
        if self.next_poll_at is not None:
            facts["next_poll_at"] = self.next_poll_at.isoformat()
        if self.cancellation_policy is not None:
            facts["refundable"] = [
                {"until": part.end_timestamp.isoformat(), "percent": part.percentage_refundable}
                for part in self.cancellation_policy.refund_eligibility
                if part.end_timestamp is not None
            ]
        return facts


class _Refund(CamelMessage):
    refund_percentage: Loose[Amount] = None


class CancelQuote(CamelMessage):
    """``/bookings/{ref}/cancel-quote``."""

    booking_id: str
    status: Literal["CANCELLABLE", "CANCELLED", "NOT_CANCELLABLE"]
    refund_details: Loose[_Refund] = None

    def fee(self, price: Money) -> Money | None:
        """Return what is kept of the price the traveller paid, where the quote says so.

        Viator refunds parts of what it invoiced us; the same part of the traveller's price is kept.
        """
        refund = self.refund_details
        if refund is None or refund.refund_percentage is None:
            return None
        percent = min(max(int(refund.refund_percentage), 0), 100)
        return Money(amount=kept(price.amount, percent), currency=price.currency)


class CancelAnswer(CamelMessage):
    """``/bookings/{ref}/cancel``."""

    booking_id: str
    status: Literal["ACCEPTED", "DECLINED"]
    reason: Loose[str] = None
