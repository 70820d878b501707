"""Answers of Amadeus, as far as we rely on them (specs: Flight Offers Price v1, Create Orders v1).

Unknown fields are ignored, wrong types refused. The offer itself is kept and sent back as it came.
"""

import datetime as dt
from itertools import chain
from typing import Annotated, Any

from pydantic import Field, PrivateAttr

from suppliers.core.answers import CamelMessage

Day = Annotated[dt.date, Field(strict=False)]
Local = Annotated[dt.datetime, Field(strict=False)]
"""Wall-clock time at the airport; Amadeus writes no zone."""


class EndPoint(CamelMessage):
    """Where and when a flight leaves or arrives."""

    iata_code: str
    at: Local


class Segment(CamelMessage):
    """One flight."""

    carrier_code: str
    number: str
    departure: EndPoint
    arrival: EndPoint

    def __str__(self) -> str:
        ends = f"{self.departure.iata_code}–{self.arrival.iata_code}"
        return f"{self.carrier_code} {self.number} {ends}"


class Way(CamelMessage):
    """One direction of the journey."""

    segments: Annotated[list[Segment], Field(min_length=1, max_length=9)]


class Price(CamelMessage):
    """What the whole party pays, major units in a string."""

    currency: str
    grand_total: str


class TravelerPricing(CamelMessage):
    """A seat, or a lap, and who it is priced for."""

    traveler_id: str
    traveler_type: str


class FlightOffer(CamelMessage):
    """A flight offer."""

    type: Annotated[str, Field(pattern="^flight-offer$")]
    id: str
    itineraries: Annotated[list[Way], Field(min_length=1, max_length=6)]
    price: Price
    traveler_pricings: Annotated[list[TravelerPricing], Field(min_length=1, max_length=18)]
    validating_airline_codes: list[str] = Field(default_factory=list)
    last_ticketing_date: Day | None = None

    @property
    def segments(self) -> list[Segment]:
        """All flights in order."""
        return list(chain.from_iterable(way.segments for way in self.itineraries))

    @property
    def departs(self) -> dt.datetime:
        """First departure, local time without a zone."""
        return self.segments[0].departure.at.replace(tzinfo=None)

    @property
    def arrives(self) -> dt.datetime:
        """Last arrival, local time without a zone."""
        return self.segments[-1].arrival.at.replace(tzinfo=None)

    @property
    def airline(self) -> str:
        """Code of the airline that sells it."""
        return (self.validating_airline_codes or [self.segments[0].carrier_code])[0]

    def same_flights(self, other: "FlightOffer") -> bool:
        """Tell whether both are the same flights, on the same days and times, in the same order."""
        return self.itineraries == other.itineraries

    def same_people(self, other: "FlightOffer") -> bool:
        """Tell whether both are for the same seats."""
        return self.traveler_pricings == other.traveler_pricings

    def __str__(self) -> str:
        return " · ".join(", ".join(map(str, way.segments)) for way in self.itineraries)


class TravelerNeeds(CamelMessage):
    """What the airline wants to know about one traveller."""

    traveler_id: str
    document_required: bool = False


class Requirements(CamelMessage):
    """What the airline wants to know."""

    mobile_phone_number_required: bool = False
    phone_number_required: bool = False
    traveler_requirements: list[TravelerNeeds] = Field(default_factory=list)

    @property
    def phone_required(self) -> bool:
        """A phone number of some kind is needed."""
        return self.mobile_phone_number_required or self.phone_number_required

    def document_required(self, traveler_id: str) -> bool:
        """Tell whether this traveller must show a travel document."""
        return any(
            one.document_required
            for one in self.traveler_requirements
            if one.traveler_id == traveler_id
        )


class _Text(CamelMessage):
    text: str = ""


class FareNotes(CamelMessage):
    """One rule of a fare; amounts are major units in a string."""

    category: str = ""
    not_applicable: bool = False
    max_penalty_amount: str | None = None
    descriptions: list[_Text] = Field(default_factory=list)


class FareRule(CamelMessage):
    """The detailed rule of one flight's fare."""

    fare_notes: FareNotes | None = None


class _Included(CamelMessage):
    rules: dict[str, FareRule] = Field(default_factory=dict, alias="detailed-fare-rules")


class _Dictionaries(CamelMessage):
    carriers: dict[str, str] = Field(default_factory=dict)


class _PricingData(CamelMessage):
    flight_offers: Annotated[list[FlightOffer], Field(min_length=1, max_length=1)]
    booking_requirements: Requirements = Requirements()


class Pricing(CamelMessage):
    """The answer of Flight Offers Price."""

    data: _PricingData
    included: _Included = _Included()
    dictionaries: _Dictionaries = _Dictionaries()

    @property
    def offer(self) -> FlightOffer:
        """The one offer that was priced."""
        return self.data.flight_offers[0]

    @property
    def rules(self) -> list[FareRule]:
        """Detailed fare rules, one for each flight; may be empty."""
        return [*self.included.rules.values()]


class PricedOffer(CamelMessage):
    """What ``quote`` gives to ``book``: kept in the quote."""

    flight_offer: dict[str, Any]
    """The priced offer, unchanged."""
    provider: str
    requirements: Requirements
    _offer: FlightOffer = PrivateAttr()

    def model_post_init(self, _: Any, /) -> None:
        """Read the offer."""
        self._offer = FlightOffer.model_validate(self.flight_offer)

    @property
    def offer(self) -> FlightOffer:
        """The priced offer, read."""
        return self._offer


class _Record(CamelMessage):
    reference: str


class _Name(CamelMessage):
    first_name: str
    last_name: str


class _OrderTraveler(CamelMessage):
    id: str
    name: _Name


class _Remarks(CamelMessage):
    general: list[_Text] = Field(default_factory=list)


class _Agreement(CamelMessage):
    option: str | None = None
    date_time: str | None = None


class _Ticket(CamelMessage):
    document_status: str = "ISSUED"


class Order(CamelMessage):
    """A flight order as Flight Create Orders answers it."""

    id: Annotated[str, Field(min_length=1)]
    associated_records: Annotated[list[_Record], Field(min_length=1)]
    flight_offers: Annotated[list[FlightOffer], Field(min_length=1, max_length=1)]
    travelers: list[_OrderTraveler]
    remarks: _Remarks = _Remarks()
    ticketing_agreement: _Agreement = _Agreement()
    tickets: list[_Ticket] = Field(default_factory=list)

    @property
    def ticketed(self) -> bool:
        """Whether tickets are issued: then only the consolidator can cancel and refund."""
        return any(ticket.document_status not in ("VOID", "REFUNDED") for ticket in self.tickets)

    @property
    def pnr(self) -> str:
        """The airline's booking reference."""
        return self.associated_records[0].reference

    @property
    def offer(self) -> FlightOffer:
        """The offer that was booked."""
        return self.flight_offers[0]

    def names(self) -> set[tuple[str, str, str]]:
        """Who travels: id, first and last name, upper case."""
        return {
            (one.id, one.name.first_name.upper(), one.name.last_name.upper())
            for one in self.travelers
        }


class OrderAnswer(CamelMessage):
    """The answer of Flight Create Orders."""

    data: Order
