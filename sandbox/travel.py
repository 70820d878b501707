"""Made-up travel shared by the sandbox: airports, airlines, distances, people.

Places and airlines carry the names that everyone knows; flights, prices and people are invented.
"""

import datetime as dt
import math
import zlib
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Airport:
    """An airport and the city it serves."""

    code: str
    city_code: str
    city: str
    country: str
    """ISO 3166-1 alpha-2."""
    zone: str
    """IANA time zone."""
    latitude: float
    longitude: float

    def utc(self, local: dt.datetime) -> dt.datetime:
        """Return the UTC time of a local wall-clock time without a zone."""
        return local.replace(tzinfo=ZoneInfo(self.zone)).astimezone(dt.UTC)

    def local(self, moment: dt.datetime) -> dt.datetime:
        """Return the local wall-clock time, without a zone, of an aware time."""
        return moment.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)


@dataclass(frozen=True)
class Airline:
    """An airline and where its flights meet."""

    code: str
    name: str
    hub: str
    aircraft: str
    """IATA aircraft type code."""


AIRPORTS: Final[dict[str, Airport]] = {
    airport.code: airport
    for airport in (
        Airport("AMS", "AMS", "Amsterdam", "NL", "Europe/Amsterdam", 52.31, 4.77),
        Airport("ATH", "ATH", "Athens", "GR", "Europe/Athens", 37.94, 23.94),
        Airport("ATL", "ATL", "Atlanta", "US", "America/New_York", 33.64, -84.43),
        Airport("BCN", "BCN", "Barcelona", "ES", "Europe/Madrid", 41.30, 2.08),
        Airport("BER", "BER", "Berlin", "DE", "Europe/Berlin", 52.36, 13.50),
        Airport("BKK", "BKK", "Bangkok", "TH", "Asia/Bangkok", 13.69, 100.75),
        Airport("BOS", "BOS", "Boston", "US", "America/New_York", 42.36, -71.01),
        Airport("CDG", "PAR", "Paris", "FR", "Europe/Paris", 49.01, 2.55),
        Airport("CPH", "CPH", "Copenhagen", "DK", "Europe/Copenhagen", 55.62, 12.65),
        Airport("CPT", "CPT", "Cape Town", "ZA", "Africa/Johannesburg", -33.97, 18.60),
        Airport("DUB", "DUB", "Dublin", "IE", "Europe/Dublin", 53.42, -6.27),
        Airport("DXB", "DXB", "Dubai", "AE", "Asia/Dubai", 25.25, 55.36),
        Airport("FCO", "ROM", "Rome", "IT", "Europe/Rome", 41.80, 12.25),
        Airport("FRA", "FRA", "Frankfurt", "DE", "Europe/Berlin", 50.03, 8.57),
        Airport("GRU", "SAO", "São Paulo", "BR", "America/Sao_Paulo", -23.43, -46.47),
        Airport("HND", "TYO", "Tokyo", "JP", "Asia/Tokyo", 35.55, 139.78),
        Airport("IST", "IST", "Istanbul", "TR", "Europe/Istanbul", 41.26, 28.74),
        Airport("JFK", "NYC", "New York", "US", "America/New_York", 40.64, -73.78),
        Airport("KEF", "REK", "Reykjavik", "IS", "Atlantic/Reykjavik", 63.99, -22.62),
        Airport("LAX", "LAX", "Los Angeles", "US", "America/Los_Angeles", 33.94, -118.41),
        Airport("LHR", "LON", "London", "GB", "Europe/London", 51.47, -0.45),
        Airport("LIS", "LIS", "Lisbon", "PT", "Europe/Lisbon", 38.77, -9.13),
        Airport("MAD", "MAD", "Madrid", "ES", "Europe/Madrid", 40.47, -3.56),
        Airport("MEX", "MEX", "Mexico City", "MX", "America/Mexico_City", 19.44, -99.07),
        Airport("MIA", "MIA", "Miami", "US", "America/New_York", 25.79, -80.29),
        Airport("MUC", "MUC", "Munich", "DE", "Europe/Berlin", 48.35, 11.79),
        Airport("ORD", "CHI", "Chicago", "US", "America/Chicago", 41.98, -87.90),
        Airport("OSL", "OSL", "Oslo", "NO", "Europe/Oslo", 60.19, 11.10),
        Airport("PRG", "PRG", "Prague", "CZ", "Europe/Prague", 50.10, 14.26),
        Airport("RAK", "RAK", "Marrakesh", "MA", "Africa/Casablanca", 31.61, -8.04),
        Airport("SEA", "SEA", "Seattle", "US", "America/Los_Angeles", 47.45, -122.31),
        Airport("SFO", "SFO", "San Francisco", "US", "America/Los_Angeles", 37.62, -122.38),
        Airport("SIN", "SIN", "Singapore", "SG", "Asia/Singapore", 1.36, 103.99),
        Airport("SYD", "SYD", "Sydney", "AU", "Australia/Sydney", -33.95, 151.18),
        Airport("VIE", "VIE", "Vienna", "AT", "Europe/Vienna", 48.11, 16.57),
        Airport("YYZ", "YTO", "Toronto", "CA", "America/Toronto", 43.68, -79.63),
        Airport("ZRH", "ZRH", "Zurich", "CH", "Europe/Zurich", 47.46, 8.55),
    )
}

AIRLINES: Final[dict[str, Airline]] = {
    airline.code: airline
    for airline in (
        Airline("AC", "Air Canada", "YYZ", "789"),
        Airline("AF", "Air France", "CDG", "359"),
        Airline("BA", "British Airways", "LHR", "788"),
        Airline("DL", "Delta Air Lines", "JFK", "333"),
        Airline("EK", "Emirates", "DXB", "388"),
        Airline("IB", "Iberia", "MAD", "359"),
        Airline("JL", "Japan Airlines", "HND", "789"),
        Airline("KL", "KLM", "AMS", "772"),
        Airline("LH", "Lufthansa", "FRA", "359"),
        Airline("LX", "SWISS", "ZRH", "333"),
        Airline("SQ", "Singapore Airlines", "SIN", "359"),
        Airline("TK", "Turkish Airlines", "IST", "77W"),
        Airline("TP", "TAP Air Portugal", "LIS", "339"),
        Airline("UA", "United Airlines", "ORD", "789"),
    )
}


def airport_for(code: str) -> Airport | None:
    """Return the airport with this IATA code, or the one serving the city with this code."""
    if code in AIRPORTS:
        return AIRPORTS[code]
    return next((airport for airport in AIRPORTS.values() if airport.city_code == code), None)


def kilometres(start: Airport, end: Airport) -> float:
    """Return the great-circle distance."""
    a, b = math.radians(start.latitude), math.radians(end.latitude)
    half_height = math.sin((b - a) / 2) ** 2
    half_width = math.sin(math.radians(end.longitude - start.longitude) / 2) ** 2
    return 12_742 * math.asin(math.sqrt(half_height + math.cos(a) * math.cos(b) * half_width))


def dice(*parts: object) -> int:
    """Return a number that is the same for the same parts, on any machine and any day."""
    return zlib.crc32("/".join(map(str, parts)).encode())


_PEOPLE: Final = (
    ("Ana", "Roe", "FEMALE"),
    ("Noah", "Lindqvist", "MALE"),
    ("Mei", "Tanaka", "FEMALE"),
    ("Luís", "Carvalho", "MALE"),
    ("Zoë", "Müller", "FEMALE"),
    ("Sean", "O'Brien", "MALE"),
    ("Łucja", "Nowak", "FEMALE"),
    ("Jean-Luc", "Petit", "UNSPECIFIED"),
    ("Ioana", "Popescu", "FEMALE"),
)


def people(count: int, *, country: str, today: dt.date, passports: bool) -> list[dict[str, object]]:
    """Return ``count`` invented adults as a trip option writes travellers (contracts.md §1).

    Names with letters beyond A-Z are among them on purpose. Passports are valid for years from
    ``today`` and issued in ``country``; they are given for journeys abroad only.
    """
    travelers: list[dict[str, object]] = []
    for number in range(count):
        first, last, gender = _PEOPLE[number % len(_PEOPLE)]
        traveler: dict[str, object] = {
            "firstName": first,
            "lastName": last,
            "dateOfBirth": dt.date(1990 - 3 * number % 40, 1 + 5 * number % 12, 15).isoformat(),
            "gender": gender,
            "email": f"traveler{number + 1}@example.com",
            "phone": f"+1202555{100 + number:04d}",
        }
        if passports:
            traveler["document"] = {
                "documentType": "PASSPORT",
                "number": f"X{dice(first, last, number) % 10**8:08d}",
                "expiryDate": dt.date(today.year + 6, 6, 30).isoformat(),
                "issuanceCountry": country,
                "nationality": country,
            }
        travelers.append(traveler)
    return travelers
