"""What Duffel says (API v2): flights and offers.

Duffel publishes no OpenAPI document. The shapes are those of its reference
(https://duffel.com/docs/api) and of the types in its JavaScript client; what neither states for
sure is marked †. Unknown fields are ignored, what is not needed is read loosely. Orders are in
``orders``, errors in ``errors``.
"""

import datetime as dt
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field

from models.core.legs import Leg, LegKind
from models.core.legs import Moment as LegMoment
from models.core.legs import Place as LegPlace
from models.core.money import Money
from models.core.terms import CancellationTerms, FeeStep
from models.core.text import Text
from suppliers.core.answers import JsonAnswer, LocalTime, Loose, LooseList, Message, Moment

Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,200}$")]
"""One of Duffel's ids; it goes into paths, and is no path itself."""


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
    name: Loose[Text] = None
    city_name: Loose[Text] = None
    iata_country_code: Loose[Text] = None
    time_zone: Loose[str] = None

    def moment(self, local: dt.datetime) -> LegMoment:
        """Return a wall clock's time here."""
        return LegMoment.of(local, self.time_zone)

    def place(self, terminal: str | None) -> LegPlace:
        """Return the airport as a traveller looks for it."""
        return LegPlace(
            name=self.name or self.iata_code,
            code=self.iata_code,
            terminal=terminal,
            city=self.city_name,
            country=self.iata_country_code,
        )

    def utc(self, local: dt.datetime) -> dt.datetime | None:
        """Return the UTC time of a wall clock here; None where no zone is stated."""
        try:
            zone = ZoneInfo(self.time_zone or "")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None
        return local.replace(tzinfo=zone).astimezone(dt.UTC)


class Carrier(Message):
    """An airline."""

    name: Loose[Text] = None
    iata_code: str | None = None

    def __str__(self) -> str:
        return self.name or self.iata_code or "the airline"


class Segment(Message):
    """One flight; times are those of the airports' walls."""

    origin: Place
    destination: Place
    departing_at: LocalTime
    arriving_at: LocalTime
    origin_terminal: Loose[Text] = None
    destination_terminal: Loose[Text] = None
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

    segments: Annotated[list[Segment], Field(min_length=1, max_length=9)]


Slices = Annotated[list[Slice], Field(min_length=1, max_length=9)]


class Journey(Message):
    """What offers and orders have in common: flights, an airline and a price."""

    slices: Loose[Slices] = None
    owner: Loose[Carrier] = None
    total_amount: Loose[Decimals] = None
    total_currency: Loose[str] = None

    @property
    def segments(self) -> list[Segment]:
        """All flights in order."""
        return [segment for way in self.slices or [] for segment in way.segments]

    @property
    def flights(self) -> list[str]:
        """Every flight with its day and times, to compare."""
        return [segment.key for segment in self.segments]

    @property
    def legs(self) -> tuple[Leg, ...]:
        """One for each flight, in the airports' own times and zones."""
        return tuple(
            Leg(
                kind=LegKind.FLIGHT,
                title=str(flight),
                provider=str(flight.marketing_carrier),
                start=flight.origin.moment(flight.departing_at),
                end=flight.destination.moment(flight.arriving_at),
                place=flight.origin.place(flight.origin_terminal),
                destination=flight.destination.place(flight.destination_terminal),
            )
            for flight in self.segments
        )

    @property
    def airline(self) -> str:
        """Who sells it."""
        carriers = [self.owner, *(segment.marketing_carrier for segment in self.segments)]
        return next((str(carrier) for carrier in carriers if carrier), "the airline")

    @property
    def departs(self) -> dt.datetime | None:
        """First departure, UTC."""
        first = next(iter(self.segments), None)
        return first.origin.utc(first.departing_at) if first else None

    @property
    def arrives(self) -> dt.datetime | None:
        """Last arrival, UTC."""
        last = next(reversed(self.segments), None)
        return last.destination.utc(last.arriving_at) if last else None

    def price(self, answer: JsonAnswer) -> Money:
        """Return what the whole party pays.

        Raises:
            UnknownOutcome, Retryable: it is no amount of money, or none is stated.
        """
        if self.total_amount is None or self.total_currency is None:
            raise answer.unsettled(
                f"Duffel states no total_amount or total_currency of {self}",
                code="malformed_answer",
            )
        return answer.money(self.total_amount, self.total_currency)

    def __str__(self) -> str:
        ways = [", ".join(map(str, way.segments)) for way in self.slices or []]
        return " · ".join(ways) or "flights it does not name"


class OfferPassenger(Message):
    """Somebody an offer has a seat for: a type, or an age on the last slice's day."""

    id: Id
    type: Loose[str] = None
    age: Loose[int] = None


class PaymentRequirements(Message):
    """Whether an offer can be held."""

    requires_instant_payment: bool


class Condition(Message):
    """Whether something is allowed before departure, and what it costs the whole party."""

    allowed: bool
    penalty_amount: Loose[Decimals] = None
    penalty_currency: Loose[str] = None


class Conditions(Message):
    """Of the whole journey; None: the airline does not say."""

    refund_before_departure: Loose[Condition] = None


class Offer(Journey):
    """An offer, as searched for and as priced now."""

    id: Id
    slices: Slices
    passengers: Annotated[list[OfferPassenger], Field(min_length=1, max_length=9)]
    expires_at: Loose[Moment] = None
    payment_requirements: Loose[PaymentRequirements] = None
    conditions: Loose[Conditions] = None
    passenger_identity_documents_required: Loose[bool] = None
    supported_passenger_identity_document_types: LooseList[str] = Field(default_factory=list)

    @property
    def holdable(self) -> bool:
        """It can be held, as far as Duffel says."""
        needs = self.payment_requirements
        return needs is not None and not needs.requires_instant_payment

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


class OfferInTrip(Offer):
    """An offer as a planner found it: whole, or it is none."""

    owner: Carrier
    total_amount: Decimals
    total_currency: str
    expires_at: Moment
    payment_requirements: PaymentRequirements


class OfferAnswer(Message):
    """``GET /air/offers/{id}``."""

    data: Offer
