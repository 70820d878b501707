"""What Duffel says (API v2): flights and offers.

Duffel publishes no OpenAPI document. The shapes are those of its reference
(https://duffel.com/docs/api) and of the types in its JavaScript client; what neither states for
sure is marked †. Unknown fields are ignored, wrong types refused. Orders:
``duffel_orders``; errors: ``duffel_errors``.
"""

import datetime as dt
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BeforeValidator, Field, NaiveDatetime

from models.core.money import Money
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Text
from suppliers.core.answers import JsonAnswer, Message

Id = Annotated[Text, Field(min_length=1, max_length=200)]


def _digits(value: object) -> str:
    # Amounts are strings here; a number would have lost its decimals already.
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


Decimals = Annotated[str, BeforeValidator(_digits)]
"""Major units in a string: "30.20"."""


class Place(Message):
    """An airport; a slice may begin or end at a city, which has no zone of its own."""

    iata_code: Id
    time_zone: str | None = None

    def utc(self, local: dt.datetime) -> dt.datetime | None:
        """Return the UTC time of a wall clock here; None where no zone is stated."""
        try:
            zone = ZoneInfo(self.time_zone or "")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
        return local.replace(tzinfo=zone).astimezone(dt.UTC)


class Carrier(Message):
    """An airline."""

    name: Text
    iata_code: str | None = None


class Segment(Message):
    """One flight; times are those of the airports' walls."""

    origin: Place
    destination: Place
    departing_at: NaiveDatetime
    arriving_at: NaiveDatetime
    marketing_carrier: Carrier
    marketing_carrier_flight_number: Text

    def __str__(self) -> str:
        flight = f"{self.marketing_carrier.iata_code} {self.marketing_carrier_flight_number}"
        return f"{flight} {self.origin.iata_code}–{self.destination.iata_code}"

    @property
    def key(self) -> str:
        """What makes it this flight and no other."""
        return f"{self} {self.departing_at.isoformat()} {self.arriving_at.isoformat()}"


class Slice(Message):
    """One direction of the journey."""

    origin: Place
    destination: Place
    segments: Annotated[list[Segment], Field(min_length=1, max_length=9)]


class Journey(Message):
    """What offers and orders have in common: flights, an airline and a price."""

    slices: Annotated[list[Slice], Field(min_length=1, max_length=9)]
    owner: Carrier
    total_amount: Decimals
    total_currency: str

    @property
    def segments(self) -> list[Segment]:
        """All flights in order."""
        return [segment for way in self.slices for segment in way.segments]

    @property
    def flights(self) -> list[str]:
        """Every flight with its day and times, to compare."""
        return [segment.key for segment in self.segments]

    @property
    def departs(self) -> dt.datetime | None:
        """First departure, UTC."""
        first = self.segments[0]
        return first.origin.utc(first.departing_at)

    @property
    def arrives(self) -> dt.datetime | None:
        """Last arrival, UTC."""
        last = self.segments[-1]
        return last.destination.utc(last.arriving_at)

    def price(self, answer: JsonAnswer) -> Money:
        """Return what the whole party pays.

        Raises:
            UnknownOutcome, Retryable: it is no amount of money.
        """
        return answer.money(self.total_amount, self.total_currency)

    def __str__(self) -> str:
        return " · ".join(", ".join(map(str, way.segments)) for way in self.slices)


class OfferPassenger(Message):
    """Somebody an offer has a seat for: a type, or an age on the last slice's day."""

    id: Id
    type: str | None = None
    age: int | None = None


class PaymentRequirements(Message):
    """Whether an offer can be held, and how long."""

    requires_instant_payment: bool
    price_guarantee_expires_at: AwareDatetime | None = None
    payment_required_by: AwareDatetime | None = None


class Condition(Message):
    """Whether something is allowed before departure, and what it costs the whole party."""

    allowed: bool
    penalty_amount: Decimals | None = None
    penalty_currency: str | None = None


class Conditions(Message):
    """Of the whole journey; None: the airline does not say."""

    refund_before_departure: Condition | None = None


class Offer(Journey):
    """An offer, as searched for and as priced now."""

    id: Id
    passengers: Annotated[list[OfferPassenger], Field(min_length=1, max_length=9)]
    expires_at: AwareDatetime
    payment_requirements: PaymentRequirements
    conditions: Conditions | None = None
    passenger_identity_documents_required: bool = False
    supported_passenger_identity_document_types: tuple[str, ...] = ()

    def terms(self, price: Money, departs: dt.datetime) -> CancellationTerms:
        """Return what the airline keeps of a paid order, until departure (UTC) and after it.

        What is not stated, and a penalty in another currency, count as everything: the safe
        reading until the quote of the cancellation says otherwise.
        """
        refund = self.conditions.refund_before_departure if self.conditions else None
        if refund is None:
            return CancellationTerms.non_refundable(price.amount, "duffel: refunds not stated")
        if not refund.allowed:
            return CancellationTerms.non_refundable(price.amount, "duffel: not refundable")
        source = "duffel: refundable before departure"
        if refund.penalty_amount is None or refund.penalty_currency != price.currency:
            return CancellationTerms.non_refundable(price.amount, f"{source}, penalty not known")
        try:
            penalty = Money.from_decimal(refund.penalty_amount, price.currency)
        except ValueError:
            return CancellationTerms.non_refundable(price.amount, f"{source}, penalty not known")
        return CancellationTerms(
            steps=(
                FeeStep(until=departs, fee=min(penalty.amount, price.amount)),
                FeeStep(until=None, fee=price.amount),
            ),
            source=f"{source} for {penalty}",
        )


class OfferAnswer(Message):
    """``GET /air/offers/{id}``."""

    data: Offer
