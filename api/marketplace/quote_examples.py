"""Examples of quotes and searches, as the OpenAPI document shows them. A test holds them to the
schemas.
"""

from typing import Any

_LISTING = "6c1ab1c6-2f0e-5a55-9c3f-8d8a5d0b7e11"
_ROOM = "b7d1f6c2-9a54-5e0d-8b1f-2f7c7a3f4d10"
_PLAN: dict[str, Any] = {
    "id": "0f1d7d0a-3d1c-5a0e-8a4e-0a7f6f2f9b42",
    "name": "Flexible",
    "board": "BREAKFAST",
}
_TOUR = "e2b8a1d4-71c3-5f7e-a0b9-6d2f4c8e9a33"
_DEPARTURE = "a4c0e9f2-5b6d-5c8e-9f10-3e7d1b2c4a55"
_NEXT = "AQAAI5AAAKLkXyv5SbFXhZyfkWHkKm1wsQ9XbE2vQ5w"

_PRICE: dict[str, Any] = {
    "total": 41700,
    "currency": "USD",
    "lines": [
        {"kind": "NIGHT", "amount": 13000, "date": "2027-03-12", "room": 1, "room_id": _ROOM},
        {"kind": "NIGHT", "amount": 13000, "date": "2027-03-13", "room": 1, "room_id": _ROOM},
        {"kind": "NIGHT", "amount": 13000, "date": "2027-03-14", "room": 1, "room_id": _ROOM},
        {"kind": "TAX", "amount": 2700, "name": "city tax"},
    ],
}
_TERMS: dict[str, Any] = {
    "cancellation": [
        {"until": "2027-03-10T13:00:00Z", "until_local": "2027-03-10 18:00", "fee": 0},
        {"until": None, "fee": 41700},
    ],
    "no_show_fee": 41700,
    "guarantee": "PREPAID",
}

STAY_QUOTE: dict[str, Any] = {
    "id": "74335e8d-53bc-4e3d-9829-277cf0d59969",
    "status": "QUOTE",
    "product_type": "STAY",
    "product_id": _LISTING,
    "provider": {"id": "870023ba-1142-47b0-ae52-912b776baddf", "display_name": "Margalla Stays"},
    "package": None,
    "listing": {
        "id": _LISTING,
        "title": "Guest house at the hills",
        "address": "12 Khayaban-e-Iqbal",
        "city": "Islamabad",
        "country": "PK",
        "time_zone": "Asia/Karachi",
        "check_in_from": "14:00",
        "check_out_until": "11:00",
    },
    "check_in": "2027-03-12",
    "check_out": "2027-03-15",
    "nights": 3,
    "starts_at": "2027-03-12T09:00:00Z",
    "ends_at": "2027-03-15T06:00:00Z",
    "rooms": [
        {
            "room_id": _ROOM,
            "name": "Family room",
            "adults": 2,
            "children": [5],
            "rate_plan": _PLAN,
        }
    ],
    "price": _PRICE,
    "terms": _TERMS,
    "units_left": 3,
    "created_at": "2027-03-01T09:12:44.120934Z",
    "expires_at": "2027-03-01T09:27:44.120934Z",
    "snapshot_sha256": "4f83792fc0b3879531971be45f3a7d1368e36fc94410bafa4a1f8d546b2f18cd",
    "booking_id": None,
}

TOUR_QUOTE: dict[str, Any] = {
    "id": "d641f79a-489e-4775-a669-cb18cc7ea2c0",
    "status": "QUOTE",
    "product_type": "TOUR_PACKAGE",
    "product_id": _DEPARTURE,
    "provider": {"id": "e789d333-e164-4a61-b017-e02adde6a6c1", "display_name": "Karakoram Walks"},
    "package": None,
    "starts_at": "2027-05-02T03:00:00Z",
    "ends_at": "2027-05-06T12:00:00Z",
    "departure": {
        "id": _DEPARTURE,
        "tour_id": _TOUR,
        "title": "Fairy Meadows",
        "city": "Gilgit",
        "country": "PK",
        "time_zone": "Asia/Karachi",
        "days": 5,
        "date": "2027-05-02",
        "starts_at": "2027-05-02T03:00:00Z",
        "ends_at": "2027-05-06T12:00:00Z",
    },
    "travelers": 2,
    "price": {
        "total": 90000,
        "currency": "USD",
        "lines": [{"kind": "SEATS", "amount": 90000, "count": 2}],
    },
    "terms": {
        "cancellation": [{"until": None, "fee": 90000}],
        "no_show_fee": 90000,
        "guarantee": "PREPAID",
    },
    "units_left": 6,
    "created_at": "2027-03-01T09:12:44.120934Z",
    "expires_at": "2027-03-01T09:27:44.120934Z",
    "snapshot_sha256": "1ee89c002eaf9d801f80281ecdb9d1d48a391971c2358c0e0f6c3f5b0f0f7a11",
    "booking_id": None,
}

_FOUND: dict[str, Any] = {
    "id": _LISTING,
    "title": "Guest house at the hills",
    "address": "12 Khayaban-e-Iqbal",
    "city": "Islamabad",
    "country": "PK",
    "time_zone": "Asia/Karachi",
}
_OFFER: dict[str, Any] = {
    "room": {
        "id": _ROOM,
        "name": "Family room",
        "room_type": "FAMILY",
        "adults_max": 2,
        "children_max": 2,
    },
    "rate_plan": _PLAN,
    "rooms": [{"room_id": _ROOM, "adults": 2, "children": [5]}],
    "price": _PRICE,
    "per_night": 13900,
    "terms": _TERMS,
    "units_left": 3,
}

STAYS: dict[str, Any] = {
    "stays": [
        {
            "listing": {**_FOUND, "lat": 33.73, "lon": 73.08, "amenities": ["wifi"]},
            "offer": _OFFER,
        }
    ],
    "has_more": True,
    "next_cursor": _NEXT,
}

OFFERS: dict[str, Any] = {
    "listing": _FOUND,
    "check_in": "2027-03-12",
    "check_out": "2027-03-15",
    "nights": 3,
    "offers": [_OFFER],
}

PACKAGES: dict[str, Any] = {
    "packages": [
        {
            "id": "5783ae63-8204-4024-bd91-69effad65dec",
            "title": "Two days of quiet",
            "description": "Breakfast, and a walk in the hills.",
            "template": "WELLNESS",
            "nights": 2,
            "availability_rule": "WEEKEND_ONLY",
            "weekdays": None,
            "season_from": None,
            "season_until": None,
            "listing_id": _LISTING,
            "listing_title": "Guest house at the hills",
            "city": "Islamabad",
            "country": "PK",
            "time_zone": "Asia/Karachi",
            "rooms": [{"room_id": _ROOM, "adults": 2, "children": []}],
            "room_name": "Family room",
            "price_per_person": 12000,
            "total": 25800,
            "currency": "USD",
            "units_left": 3,
        }
    ],
    "has_more": False,
    "next_cursor": None,
}

_LEAVES: dict[str, Any] = {
    "id": _DEPARTURE,
    "date": "2027-05-02",
    "starts_at": "2027-05-02T03:00:00Z",
    "ends_at": "2027-05-06T12:00:00Z",
    "total": 90000,
    "currency": "USD",
    "seats_left": 12,
}

TOURS: dict[str, Any] = {
    "tours": [
        {
            "id": _TOUR,
            "title": "Fairy Meadows",
            "description": "Up to the base camp, and back.",
            "city": "Gilgit",
            "country": "PK",
            "time_zone": "Asia/Karachi",
            "days": 5,
            "cutoff_hours": 24,
            "departure": _LEAVES,
        }
    ],
    "has_more": False,
    "next_cursor": None,
}

DEPARTURES: dict[str, Any] = {"departures": [_LEAVES], "has_more": False, "next_cursor": None}
