"""Examples of the OpenAPI document."""

import json
from typing import Any

_EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "6b0e6a52-1f0c-5d5c-8a3e-6f2b5c1e8a43",
    "source": "/bookings",
    "type": "booking.confirmed",
    "subject": "9c1f5d0e-6a1b-5c59-9d5e-0c9d4e7f2a10",
    "time": "2031-03-01T09:12:44.120934Z",
    "datacontenttype": "application/json",
    "dataschema": "/schemas/booking.confirmed/1",
    "partitionkey": "9c1f5d0e-6a1b-5c59-9d5e-0c9d4e7f2a10",
    "bookingversion": 5,
    "previousversion": 4,
    "data": {
        "kind": "TRIP",
        "reference": "TS-4K7QP-9XW2M",
        "status": "CONFIRMED",
        "previous_status": "PENDING",
        "total": 200000,
        "currency": "USD",
        "changed": ["status", "captured"],
        "trip_option_id": "0b7e8f0e-3c5d-4f6a-8b9c-0d1e2f3a4b5c",
    },
}
EVENT_FEED: dict[str, Any] = {"events": [_EVENT], "next": 4711, "caught_up": True}
EVENT_STREAM = f"id: 4711\nevent: booking.confirmed\ndata: {json.dumps(_EVENT)}\n\n"

SINKS: dict[str, Any] = {
    "sinks": [
        {"name": "planner", "position": 4711, "behind": 0, "deadLetters": 0},
        {
            "name": "rabbitmq",
            "position": 4630,
            "behind": 81,
            "leasedBy": "7-1f0c8f1e2f0b",
            "lastError": "Retryable: ConnectionRefusedError",
            "stalledSince": "2031-03-01T09:10:00Z",
            "deadLetters": 1,
        },
    ]
}
_LETTER: dict[str, Any] = {
    "id": 3,
    "sink": "rabbitmq",
    "position": 4501,
    "eventId": "6b0e6a52-1f0c-5d5c-8a3e-6f2b5c1e8a43",
    "bookingId": "9c1f5d0e-6a1b-5c59-9d5e-0c9d4e7f2a10",
    "type": "booking.confirmed",
    "error": "ValueError: total: not as schema 1 of booking.confirmed says",
    "at": "2031-03-01T09:00:00Z",
}
DEAD_LETTERS: dict[str, Any] = {"deadLetters": [_LETTER], "next": 3}
DEAD_LETTER: dict[str, Any] = {**_LETTER, "replayAskedAt": "2031-03-01T10:00:00Z"}
