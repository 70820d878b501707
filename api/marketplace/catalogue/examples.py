"""Examples of answers about what providers offer. A test holds them to the schemas."""

from typing import Any

_PROVIDER = "5b8f0a52-3f0e-4a07-9a55-0f3d5f3f7d10"
_LISTING = "0e0f8f52-6f0a-4b4e-8c0f-0b6f8b1f6d11"
_ROOM = "a2a59a4c-8f3f-4d0b-9f0e-7d6c5b4a3921"
_TOUR = "c4a1f7de-0c55-4a53-8a77-2d9a1f0b6e31"

MARKET_LISTING: dict[str, Any] = {
    "id": _LISTING,
    "provider_id": _PROVIDER,
    "title": "Casa Azul",
    "about": "Six rooms around a courtyard.",
    "status": "PUBLISHED",
    "paused_by": None,
    "version": 3,
    "created_at": "2027-01-04T11:00:00Z",
    "address": "Rua do Sol 1, 8150-100",
    "city": "São Brás de Alportel",
    "country": "PT",
    "lat": 37.15,
    "lon": -7.88,
    "time_zone": "Europe/Lisbon",
    "check_in_from": "15:00",
    "check_out_until": "11:00",
    "amenities": ["wifi", "pool"],
    "currency": "EUR",
    "taxes": [{"name": "City tax", "kind": "PER_ADULT_NIGHT", "basis_points": None, "amount": 200}],
    "child_age_max": 12,
    "published_at": "2027-01-06T08:00:00Z",
}
MARKET_RATE_PLAN: dict[str, Any] = {
    "id": "1f0f8f52-6f0a-4b4e-8c0f-0b6f8b1f6d12",
    "room_id": _ROOM,
    "name": "Flexible, with breakfast",
    "board": "BREAKFAST",
    "terms": [
        {
            "hours_before": 48,
            "kept": {"basis_points": 0, "nights": None, "amount": None},
        },
        {
            "hours_before": None,
            "kept": {"basis_points": None, "nights": 1, "amount": None},
        },
    ],
    "no_show": {"basis_points": 10000, "nights": None, "amount": None},
    "price_rule": {
        "basis_points": 11000,
        "included_adults": None,
        "extra_adult": 0,
        "child": 0,
    },
    "min_stay": 2,
    "max_stay": None,
    "book_ahead_min": None,
    "book_ahead_max": None,
    "status": "ACTIVE",
    "version": 1,
}
MARKET_ROOM: dict[str, Any] = {
    "id": _ROOM,
    "listing_id": _LISTING,
    "name": "Double with balcony",
    "room_type": "double",
    "adults_max": 2,
    "children_max": 1,
    "beds": [{"kind": "QUEEN", "count": 1}],
    "base_price": 9000,
    "units_default": 3,
    "status": "ACTIVE",
    "version": 1,
}
MARKET_LISTING_WHOLE: dict[str, Any] = {
    **MARKET_LISTING,
    "rooms": [{**MARKET_ROOM, "rate_plans": [MARKET_RATE_PLAN]}],
}
MARKET_LISTINGS: dict[str, Any] = {
    "listings": [MARKET_LISTING],
    "has_more": False,
    "next_cursor": None,
}
MARKET_NIGHTS_PUT: dict[str, Any] = {"nights": 92, "created": 92, "changed": 0}
MARKET_NIGHTS: dict[str, Any] = {
    "room_id": _ROOM,
    "currency": "EUR",
    "nights": [
        {
            "night": "2027-06-01",
            "units": 3,
            "held": 1,
            "sold": 1,
            "available": 1,
            "price": 12000,
            "own_price": True,
            "closed": False,
            "closed_to_arrival": False,
            "closed_to_departure": False,
            "min_stay": 2,
        }
    ],
}
MARKET_PACKAGE: dict[str, Any] = {
    "id": "7d2c51a8-3a4b-4e1d-9a0a-51a2f0c7b641",
    "provider_id": _PROVIDER,
    "title": "Two nights and a dinner",
    "about": "",
    "status": "DRAFT",
    "paused_by": None,
    "version": 1,
    "created_at": "2027-01-07T11:00:00Z",
    "listing_id": _LISTING,
    "template": "weekend",
    "nights": 2,
    "availability_rule": "SEASONAL",
    "season": {"from": "2027-04-01", "to": "2027-10-01"},
    "weekdays": [5, 6],
    "price_per_person": 18000,
    "terms": [
        {
            "hours_before": None,
            "kept": {"basis_points": 10000, "nights": None, "amount": None},
        }
    ],
}
MARKET_PACKAGE_WHOLE: dict[str, Any] = {
    **MARKET_PACKAGE,
    "currency": "EUR",
    "rooms": [{"room_id": _ROOM, "units": 1}],
}
MARKET_PACKAGES: dict[str, Any] = {
    "packages": [MARKET_PACKAGE],
    "has_more": False,
    "next_cursor": None,
}
MARKET_TOUR: dict[str, Any] = {
    "id": _TOUR,
    "provider_id": _PROVIDER,
    "title": "Old town on foot",
    "about": "",
    "status": "PUBLISHED",
    "paused_by": None,
    "version": 2,
    "created_at": "2027-01-08T11:00:00Z",
    "city": "Lisboa",
    "country": "PT",
    "time_zone": "Europe/Lisbon",
    "start_time": "09:30",
    "days": 1,
    "max_seats": 12,
    "min_seats": 0,
    "price": 4000,
    "currency": "EUR",
    "taxes": [],
    "cutoff_hours": 2,
    "terms": MARKET_PACKAGE["terms"],
}
MARKET_TOUR_WHOLE: dict[str, Any] = {
    **MARKET_TOUR,
    "itinerary": [{"day": 1, "title": "Alfama and Mouraria", "about": ""}],
    "pickups": [
        {
            "name": "Rossio station",
            "address": "",
            "lat": None,
            "lon": None,
            "minutes_before": 15,
        }
    ],
}
MARKET_TOURS: dict[str, Any] = {"tours": [MARKET_TOUR], "has_more": False, "next_cursor": None}
MARKET_DEPARTURES_MADE: dict[str, Any] = {"asked": 26, "created": 26}
MARKET_DEPARTURE: dict[str, Any] = {
    "id": "e1b9c3d4-5a6f-5b7c-8d9e-0f1a2b3c4d51",
    "tour_id": _TOUR,
    "departure_date": "2027-06-05",
    "starts_at": "2027-06-05T08:30:00Z",
    "ends_at": "2027-06-05T23:00:00Z",
    "time_zone": "Europe/Lisbon",
    "seats": 12,
    "held": 2,
    "sold": 5,
    "available": 5,
    "price": 4000,
    "own_price": False,
    "currency": "EUR",
    "status": "CLOSED",
    "version": 2,
}
MARKET_DEPARTURES: dict[str, Any] = {"departures": [MARKET_DEPARTURE]}
MARKET_DEPARTURE_CANCELLED: dict[str, Any] = {
    **MARKET_DEPARTURE,
    "status": "CANCELLED",
    "version": 3,
}
