"""Examples of answers, as the OpenAPI document shows them. A test holds them to the schemas."""

from typing import Any

_ID = "2f1c4f3e-7a61-5b0e-8f0c-6a4b1d9e3c55"
_URL = f"/api/v1/bookings/{_ID}"

RESERVATION: dict[str, Any] = {
    "id": _ID,
    "booking_reference": "TS-7Q2MD-K4X9P",
    "version": 5,
    "status": "CONFIRMED",
    "attention": False,
    "guest": {"id": "g-17", "name": "Ada Okafor", "email": "ada@example.com", "phone": None},
    "venue": {
        "id": "kantine",
        "type": "RESTAURANT",
        "name": "Kantine",
        "time_zone": "Europe/Berlin",
    },
    "date": "2027-03-14",
    "time": "19:30",
    "utc_offset": "+01:00",
    "starts_at": "2027-03-14T18:30:00Z",
    "ends_at": "2027-03-14T20:15:00Z",
    "duration_minutes": 105,
    "party_size": 4,
    "resource_id": None,
    "assigned_resource_id": "table-7",
    "notes": "high chair",
    "price_snapshot": {
        "total": 4000,
        "currency": "EUR",
        "lines": [
            {"description": "Cover charge", "quantity": 4, "unit_amount": 1000, "amount": 4000}
        ],
        "deposit": 2000,
        "no_show_fee": 2000,
        "terms": [
            {"until": "2027-03-13T18:30:00Z", "fee": 0},
            {"until": None, "fee": 2000},
        ],
        "sha256": "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184",
    },
    "payment": {
        "status": "succeeded",
        "amount": 2000,
        "captured": 2000,
        "refunded": 0,
        "waits_until": None,
        "client_secret": None,
        "next_action": None,
        "note": None,
    },
    "inventory_reference": "INV-7F3K2",
    "hold_expires_at": None,
    "cancellation": None,
    "failure": None,
    "message": "The place is reserved. 20.00 EUR was taken from your card.",
    "created_at": "2027-03-01T09:12:44.120934Z",
    "updated_at": "2027-03-01T09:12:44.512201Z",
    "confirmed_at": "2027-03-01T09:12:44.512201Z",
    "checked_in_at": None,
    "completed_at": None,
    "cancelled_at": None,
    "no_show_at": None,
    "expired_at": None,
    "history": [
        {
            "from": None,
            "to": "PENDING",
            "at": "2027-03-01T09:12:44.120934Z",
            "who": "caller dinner-app",
            "why": "booked",
        },
        {
            "from": "PENDING",
            "to": "CONFIRMED",
            "at": "2027-03-01T09:12:44.512201Z",
            "who": "saga",
            "why": "the place is reserved",
        },
    ],
}

_PENDING: dict[str, Any] = {
    **RESERVATION,
    "version": 4,
    "status": "PENDING",
    "inventory_reference": "INV-7F3K2",
    "hold_expires_at": "2027-03-01T09:27:44.120934Z",
    "confirmed_at": None,
    "history": RESERVATION["history"][:1],
}

RESERVATION_WAITS: dict[str, Any] = {
    **_PENDING,
    "payment": {
        **RESERVATION["payment"],
        "status": "failed",
        "captured": 0,
        "waits_until": "2027-03-01T09:27:14.120934Z",
    },
    "failure": {
        "code": "PAYMENT_DECLINED",
        "message": "Your card was declined.",
        "money": "Your card was not charged.",
        "next_step": "Send another card and the reservation goes on; it waits until 09:27 UTC on"
        " 1 March.",
    },
    "message": "The place is held until the payment is approved, or another card is sent."
    " Your card was not charged.",
}

RESERVATION_HELD: dict[str, Any] = {
    **_PENDING,
    "payment": {**RESERVATION["payment"], "status": "authorised", "captured": 0},
    "message": "The place is held until the venue approves the reservation, or does not."
    " 20.00 EUR is set aside on your card and has not been taken.",
}

RESERVATION_TAKEN: dict[str, Any] = {
    "id": _ID,
    "booking_reference": "TS-7Q2MD-K4X9P",
    "status": "PENDING",
    "status_url": _URL,
}

RESERVATION_FAILED: dict[str, Any] = {
    **_PENDING,
    "status": "CANCELLED",
    "assigned_resource_id": None,
    "inventory_reference": None,
    "hold_expires_at": None,
    "payment": {**RESERVATION["payment"], "status": "released", "captured": 0},
    "failure": {
        "code": "SUPPLIER_DOWN",
        "message": "The venue's system did not answer.",
        "money": "Your card was not charged.",
        "next_step": "Nothing is wrong with your request. Please reserve again in a few minutes.",
    },
    "message": "The reservation could not be had; nothing is reserved. Your card was not charged.",
}

RESERVATION_CHECKED_IN: dict[str, Any] = {
    **RESERVATION,
    "version": 6,
    "status": "CHECKED_IN",
    "checked_in_at": "2027-03-14T18:27:00Z",
    "message": "The guest has come. 20.00 EUR was taken from your card.",
}

RESERVATION_CANCELLED: dict[str, Any] = {
    **RESERVATION,
    "version": 6,
    "status": "CANCELLED",
    "cancellation": {"by": "GUEST", "reason": "ill", "fee": 0, "refund": 2000},
    "cancelled_at": "2027-03-02T10:00:00Z",
    "payment": {**RESERVATION["payment"], "status": "refunded", "refunded": 2000},
    "message": "The reservation was cancelled. 20.00 EUR is being refunded: everything that was"
    " taken. Banks usually show it within 5 to 10 days.",
}

RESERVATION_CANCEL_QUOTE: dict[str, Any] = {
    "dry_run": True,
    "id": _ID,
    "status": "CONFIRMED",
    "fee": 0,
    "refund": 2000,
    "currency": "EUR",
    "valid_until": "2027-03-13T18:30:00Z",
}

RESERVATIONS: dict[str, Any] = {
    "bookings": [
        {
            "id": _ID,
            "booking_reference": "TS-7Q2MD-K4X9P",
            "version": 5,
            "status": "CONFIRMED",
            "attention": False,
            "guest_id": "g-17",
            "guest_name": "Ada Okafor",
            "venue_id": "kantine",
            "venue_name": "Kantine",
            "date": "2027-03-14",
            "time": "19:30",
            "utc_offset": "+01:00",
            "time_zone": "Europe/Berlin",
            "starts_at": "2027-03-14T18:30:00Z",
            "ends_at": "2027-03-14T20:15:00Z",
            "party_size": 4,
            "resource_id": None,
            "total": 2000,
            "currency": "EUR",
            "created_at": "2027-03-01T09:12:44.120934Z",
        }
    ],
    "has_more": False,
    "next_cursor": None,
}

RESERVATIONS_COUNTED: dict[str, Any] = {**RESERVATIONS, "count": 1, "count_exceeded": False}
"""With ``count=true``."""

VENUE: dict[str, Any] = {
    "id": "kantine",
    "type": "RESTAURANT",
    "name": "Kantine",
    "time_zone": "Europe/Berlin",
    "policy": {
        "slot_minutes": 15,
        "turn_minutes": [{"up_to": 2, "minutes": 90}, {"up_to": 500, "minutes": 120}],
        "buffer_before_minutes": 0,
        "buffer_after_minutes": 15,
        "min_party": 1,
        "max_party": 12,
        "book_ahead_min_minutes": 30,
        "book_ahead_max_days": 90,
        "approval": "instant",
        "pending_minutes": None,
        "check_in_from_minutes": 60,
        "check_in": "tracked",
        "no_show_grace_minutes": 30,
        "capacity_mode": "COVERS",
        "covers": 40,
        "pacing": {"parties": 4, "covers": None},
    },
    "version": 3,
}

AVAILABILITY: dict[str, Any] = {
    "available": False,
    "checked_at": "2027-03-01T09:12:44Z",
    "reason": "guest",
    "time_zone": "Europe/Berlin",
    "starts_at": "2027-03-14T18:30:00Z",
    "ends_at": "2027-03-14T20:15:00Z",
    "turn_minutes": 105,
    "approval": "instant",
    "capacity": {"total": 40, "free": 12, "unit": "covers"},
    "pacing": {"starts_free": 2, "covers_free": None},
    "deposit": {"amount": 2000, "currency": "EUR"},
    "conflicts": [
        {
            "kind": "GUEST",
            "venue_id": "kantine",
            "booking_reference": "TS-7Q2MD-K4X9P",
            "starts_at": "2027-03-14T18:30:00Z",
            "ends_at": "2027-03-14T20:15:00Z",
        }
    ],
    "alternatives": [{"date": "2027-03-14", "time": "20:30", "utc_offset": "+01:00", "free": 12}],
}
