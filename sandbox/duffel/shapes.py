"""Flights in Duffel's shapes: places, airlines, slices, segments."""

import datetime as dt
from typing import Any, Final

from sandbox.amadeus.offers import Itinerary
from sandbox.amadeus.schedule import Flight, duration
from sandbox.duffel.messages import new_id
from sandbox.travel import Airline, Airport

Json = dict[str, Any]

ZZ: Final = "ZZ"
"""Duffel Airways: the airline Duffel has made up for tests. It flies nonstop wherever one asks."""


def duffel_airways(origin: Airport) -> Airline:
    """Return Duffel Airways as it flies from an airport: its hub is wherever a journey begins."""
    return Airline(ZZ, "Duffel Airways", origin.code, "320")


def carrier(airline: Airline) -> Json:
    """Write an airline."""
    return {
        "id": f"aln_sandbox_{airline.code.lower()}",
        "iata_code": airline.code,
        "name": airline.name,
        "logo_symbol_url": None,
        "logo_lockup_url": None,
        "conditions_of_carriage_url": None,
    }


def place(airport: Airport) -> Json:
    """Write an airport."""
    return {
        "type": "airport",
        "id": f"arp_{airport.code.lower()}_{airport.country.lower()}",
        "iata_code": airport.code,
        "iata_city_code": airport.city_code,
        "iata_country_code": airport.country,
        "icao_code": None,
        "name": airport.city,
        "city_name": airport.city,
        "time_zone": airport.zone,
        "latitude": airport.latitude,
        "longitude": airport.longitude,
        "city": None,
    }


def slices(offer: Itinerary) -> list[Json]:
    """Write the directions of a journey, with ids of their own."""
    return [
        {
            "id": new_id("sli_"),
            "origin": place(flights[0].origin),
            "origin_type": "airport",
            "destination": place(flights[-1].destination),
            "destination_type": "airport",
            "duration": duration(flights[-1].arrives - flights[0].departs),
            "fare_brand_name": "Flex" if offer.flexible else "Basic",
            "segments": [_segment(flight) for flight in flights],
        }
        for flights in offer.directions
    ]


def _segment(flight: Flight) -> Json:
    airline = carrier(flight.airline)
    return {
        "id": new_id("seg_"),
        "origin": place(flight.origin),
        "origin_terminal": "1",
        "destination": place(flight.destination),
        "destination_terminal": "2",
        "departing_at": flight.origin.local(flight.departs).isoformat(),
        "arriving_at": flight.destination.local(flight.arrives).isoformat(),
        "duration": duration(flight.arrives - flight.departs),
        "distance": f"{flight.km:.1f}",
        "marketing_carrier": airline,
        "marketing_carrier_flight_number": flight.number,
        "operating_carrier": airline,
        "operating_carrier_flight_number": flight.number,
        "aircraft": {
            "id": f"arc_sandbox_{flight.airline.aircraft.lower()}",
            "iata_code": flight.airline.aircraft,
            "name": f"Aircraft {flight.airline.aircraft}",
        },
        "passengers": [],
        "stops": [],
    }


def moved(ways: list[Json], minutes: int) -> list[Json]:
    """Return slices so many minutes later (or earlier), with new ids, as after a change."""
    by = dt.timedelta(minutes=minutes)

    def later(local: str) -> str:
        return (dt.datetime.fromisoformat(local) + by).isoformat()

    return [
        {
            **way,
            "id": new_id("sli_"),
            "segments": [
                {
                    **segment,
                    "id": new_id("seg_"),
                    "departing_at": later(segment["departing_at"]),
                    "arriving_at": later(segment["arriving_at"]),
                }
                for segment in way["segments"]
            ],
        }
        for way in ways
    ]
