"""Answers of Amadeus, as far as we rely on them.

Specifications: Flight Offers Price v1, Flight Create Orders v1, Flight Order Management v1.
Unknown fields are ignored; what is not needed is read loosely. The offer itself is kept and sent
back as it came.
"""

import datetime as dt
from itertools import chain
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, PrivateAttr

from models.core.legs import Leg, LegKind, Moment, Place
from models.core.supply import ReservationStatus
from suppliers.core.airports import airport
from suppliers.core.answers import CamelMessage, LocalTime, Loose, LooseList


def _last_day(value: object) -> object:
    if value is None or value == "":
        return None
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return dt.date.min  # a day is stated that cannot be read: taken as past, to rely on nothing


def _yes(value: object) -> bool:
    return value is True or str(value).lower() == "true"


def _word(value: object) -> str | None:
    # Whatever is stated is stated, known or not.
    return None if value in (None, "") else str(value).upper()


LastDay = Annotated[dt.date | None, BeforeValidator(_last_day)]
"""A day until which something holds, whatever time follows it; None where none is stated."""
Flag = Annotated[bool, BeforeValidator(_yes)]
"""Whether something is so; what is not stated is not."""


class EndPoint(CamelMessage):
    """Where and when a flight leaves or arrives."""

    iata_code: str
    at: LocalTime
    terminal: Loose[str] = None

    @property
    def moment(self) -> Moment:
        """Its time; Amadeus names no zone, the airport has one."""
        return Moment.of(self.at, airport(self.iata_code).zone)

    @property
    def place(self) -> Place:
        """The airport."""
        known = airport(self.iata_code)
        return Place(
            name=known.name,
            code=self.iata_code,
            terminal=self.terminal,
            city=known.city,
            country=known.country,
        )


class Segment(CamelMessage):
    """One flight."""

    carrier_code: str
    number: str
    departure: EndPoint
    arrival: EndPoint
    booking_status: Annotated[str | None, BeforeValidator(_word)] = None
    """Of an order, as Flight Order Management shows it; None: not stated."""

    @property
    def flight(self) -> tuple[object, ...]:
        """What makes it this flight on this day, whatever became of it: the terminal may change."""
        ends = ((end.iata_code, end.at) for end in (self.departure, self.arrival))
        return self.carrier_code, self.number, *ends

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
    associated_adult_id: Loose[str] = None
    """Of an infant without a seat: on whose lap."""


class Journey(CamelMessage):
    """What offers and orders have in common: the flights, and what they cost."""

    itineraries: Annotated[list[Way], Field(min_length=1, max_length=6)]
    price: Loose[Price] = None

    @property
    def segments(self) -> list[Segment]:
        """All flights in order."""
        return list(chain.from_iterable(way.segments for way in self.itineraries))

    @property
    def departs(self) -> dt.datetime:
        """First departure, local time without a zone."""
        return self.segments[0].departure.at

    @property
    def arrives(self) -> dt.datetime:
        """Last arrival, local time without a zone."""
        return self.segments[-1].arrival.at

    def same_flights(self, other: "Journey") -> bool:
        """Tell whether both are the same flights, on the same days and times, in the same order."""
        return [[segment.flight for segment in way.segments] for way in self.itineraries] == [
            [segment.flight for segment in way.segments] for way in other.itineraries
        ]

    def __str__(self) -> str:
        return " · ".join(", ".join(map(str, way.segments)) for way in self.itineraries)


class FlightOffer(Journey):
    """A flight offer."""

    traveler_pricings: Annotated[list[TravelerPricing], Field(min_length=1, max_length=18)]
    validating_airline_codes: LooseList[str] = Field(default_factory=list)
    last_ticketing_date: LastDay = None
    instant_ticketing_required: Flag = False
    """It is ticketed when it is booked: it cannot be held, and undoing it is not free."""

    @property
    def airline(self) -> str:
        """Code of the airline that sells it."""
        return (self.validating_airline_codes or [self.segments[0].carrier_code])[0]

    def same_people(self, other: "FlightOffer") -> bool:
        """Tell whether both are for the same seats."""
        return self.traveler_pricings == other.traveler_pricings


class OfferInTrip(FlightOffer):
    """An offer as a planner found it: it is sent to Amadeus, which wants to know what it is."""

    type: Annotated[str, Field(pattern="^flight-offer$")]
    id: str


class TravelerNeeds(CamelMessage):
    """What the airline wants to know about one traveller."""

    traveler_id: str
    document_required: Flag = False


class Requirements(CamelMessage):
    """What the airline wants to know."""

    mobile_phone_number_required: Flag = False
    phone_number_required: Flag = False
    traveler_requirements: LooseList[TravelerNeeds] = Field(default_factory=list)

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
    text: Loose[str] = None


class FareNotes(CamelMessage):
    """One rule of a fare; amounts are major units in a string."""

    category: Loose[str] = None
    not_applicable: Flag = False
    max_penalty_amount: Loose[str] = None
    descriptions: LooseList[_Text] = Field(default_factory=list)


class FareRule(CamelMessage):
    """The detailed rule of one flight's fare."""

    fare_notes: Loose[FareNotes] = None


class _Included(CamelMessage):
    rules: Loose[dict[str, Loose[FareRule]]] = Field(default=None, alias="detailed-fare-rules")


class _Dictionaries(CamelMessage):
    carriers: Loose[dict[str, Loose[str]]] = None


class _PricingData(CamelMessage):
    flight_offers: Annotated[list[FlightOffer], Field(min_length=1, max_length=1)]
    booking_requirements: Loose[Requirements] = None


class Pricing(CamelMessage):
    """The answer of Flight Offers Price."""

    data: _PricingData
    included: Loose[_Included] = None
    dictionaries: Loose[_Dictionaries] = None

    @property
    def offer(self) -> FlightOffer:
        """The one offer that was priced."""
        return self.data.flight_offers[0]

    @property
    def requirements(self) -> Requirements:
        """What the airline wants to know."""
        return self.data.booking_requirements or Requirements()

    @property
    def rules(self) -> list[FareRule]:
        """Detailed fare rules, one for each flight; may be empty. One that cannot be read says
        nothing."""
        rules = (self.included.rules if self.included else None) or {}
        return [rule or FareRule() for rule in rules.values()]

    @property
    def airline(self) -> str:
        """The name of the airline that sells it; its code where no name is given."""
        return self._named(self.offer.airline)

    def legs(self) -> tuple[Leg, ...]:
        """Return one for each flight, in the airports' own times and zones."""
        return tuple(
            Leg(
                kind=LegKind.FLIGHT,
                title=str(flight),
                provider=self._named(flight.carrier_code),
                start=flight.departure.moment,
                end=flight.arrival.moment,
                place=flight.departure.place,
                destination=flight.arrival.place,
            )
            for flight in self.offer.segments
        )

    def _named(self, carrier: str) -> str:
        carriers = (self.dictionaries.carriers if self.dictionaries else None) or {}
        return carriers.get(carrier) or carrier


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
    reference: Annotated[str, Field(min_length=1)]


class _Name(CamelMessage):
    first_name: str
    last_name: str


class _OrderTraveler(CamelMessage):
    id: str
    name: _Name


class _Remarks(CamelMessage):
    general: LooseList[_Text] = Field(default_factory=list)


class Remarked(CamelMessage):
    """An order, as far as it says who ordered it."""

    remarks: Loose[_Remarks] = None

    @property
    def texts(self) -> set[str]:
        """What its remarks say."""
        remarks = self.remarks.general if self.remarks else []
        return {remark.text for remark in remarks if remark.text}


class RemarkedAnswer(CamelMessage):
    """The same, as Flight Order Management answers it."""

    data: Remarked


class _Agreement(CamelMessage):
    date_time: Loose[str] = None


class _Ticket(CamelMessage):
    document_status: Loose[str] = None


_GONE: Final = frozenset({"CANCELLED", "DENIED"})
"""A segment with one of these statuses flies without our travellers."""


class Order(Remarked):
    """A flight order, as it is answered when it is made and shown later."""

    id: Annotated[str, Field(min_length=1)]
    associated_records: LooseList[_Record] = Field(default_factory=list)
    flight_offers: Annotated[list[Journey], Field(min_length=1, max_length=1)]
    travelers: LooseList[_OrderTraveler] = Field(default_factory=list)
    ticketing_agreement: Loose[_Agreement] = None
    tickets: LooseList[_Ticket] = Field(default_factory=list)

    @property
    def ticketed(self) -> bool:
        """Whether tickets are issued: then only the consolidator can cancel and refund."""
        return any(ticket.document_status not in ("VOID", "REFUNDED") for ticket in self.tickets)

    @property
    def pnr(self) -> str | None:
        """The airline's booking reference."""
        return next((record.reference for record in self.associated_records), None)

    @property
    def offer(self) -> Journey:
        """What was booked."""
        return self.flight_offers[0]

    @property
    def cancelled_at(self) -> str | None:
        """When it is cancelled by itself unless it is ticketed: a local day, or day and time."""
        return self.ticketing_agreement.date_time if self.ticketing_agreement else None

    @property
    def not_confirmed(self) -> dict[str, str]:
        """The flights that are not confirmed, and what the airline says of each.

        A status that is not stated is none to worry about: Flight Create Orders states none.
        """
        return {
            str(segment): segment.booking_status
            for segment in self.offer.segments
            if segment.booking_status is not None and segment.booking_status != "CONFIRMED"
        }

    @property
    def status(self) -> ReservationStatus:
        """Where it stands: CONFIRMED only if every flight is, CANCELLED only if none stands.

        Anything else is PENDING, words nobody has published among it: it is not what was booked,
        and may live.
        """
        said = self.not_confirmed
        if not said:
            return ReservationStatus.CONFIRMED
        if len(said) == len(self.offer.segments) and _GONE.issuperset(said.values()):
            return ReservationStatus.CANCELLED
        return ReservationStatus.PENDING

    @property
    def undecided(self) -> bool:
        """Whether the airline may yet confirm it: flights on a waiting list, or asked for."""
        return {"WAITLISTED", "PENDING"}.issuperset(self.not_confirmed.values())

    def names(self) -> set[tuple[str, str, str]]:
        """Who travels: id, first and last name, upper case."""
        return {
            (one.id, one.name.first_name.upper(), one.name.last_name.upper())
            for one in self.travelers
        }


class OrderAnswer(CamelMessage):
    """The answer of Flight Create Orders and of Flight Order Management."""

    data: Order
