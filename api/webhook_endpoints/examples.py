"""Examples for the description: webhook endpoints."""

from typing import Any

_ID = "0d7b6a52-3c1f-4d5c-8a3e-6f2b5c1e8a43"
WEBHOOK_ENDPOINT: dict[str, Any] = {
    "id": _ID,
    "url": "https://example.com/hooks",
    "types": ["booking.confirmed"],
    "description": "",
    "status": "ACTIVE",
    "created_at": "2031-03-01T09:12:44Z",
}
WEBHOOK_ENDPOINT_DISABLED: dict[str, Any] = {
    **WEBHOOK_ENDPOINT,
    "status": "DISABLED",
    "disabled_reason": "every attempt has failed for 5 days",
    "missing_after": 4711,
    "failing_since": "2031-03-02T10:00:00Z",
    "disabled_at": "2031-03-07T11:12:13Z",
}
WEBHOOK_ENDPOINTS: dict[str, Any] = {"endpoints": [WEBHOOK_ENDPOINT]}
_SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
WEBHOOK_ENDPOINT_MADE: dict[str, Any] = {**WEBHOOK_ENDPOINT, "secret": _SECRET}
WEBHOOK_SECRET_ROTATED: dict[str, Any] = {
    **WEBHOOK_ENDPOINT_MADE,
    "old_secret_until": "2031-03-05T12:00:00Z",
}
WEBHOOK_TESTED: dict[str, Any] = {
    "delivered": True,
    "message_id": "6b0e6a52-1f0c-4d5c-8a3e-6f2b5c1e8a43",
    "status": 204,
    "milliseconds": 87,
}
WEBHOOK_TEST_FAILED: dict[str, Any] = {
    "delivered": False,
    "message_id": "6b0e6a52-1f0c-4d5c-8a3e-6f2b5c1e8a43",
    "error": "example.com does not stand for public addresses only",
    "milliseconds": 3,
}
WEBHOOK_DELIVERY: dict[str, Any] = {
    "position": 4712,
    "event_id": "6b0e6a52-1f0c-5d5c-8a3e-6f2b5c1e8a43",
    "type": "booking.confirmed",
    "booking_id": "9c1f5d0e-6a1b-5c59-9d5e-0c9d4e7f2a10",
    "state": "PENDING",
    "attempts": 1,
    "next_attempt_at": "2031-03-01T09:12:50Z",
    "last_status": 500,
    "last_error": "the receiver answers 500",
    "created_at": "2031-03-01T09:12:45Z",
}
WEBHOOK_DELIVERIES: dict[str, Any] = {"deliveries": [WEBHOOK_DELIVERY], "next_cursor": 4712}
WEBHOOK_DELIVERY_LOG: dict[str, Any] = {
    **WEBHOOK_DELIVERY,
    "log": [
        {
            "attempt": 1,
            "at": "2031-03-01T09:12:45Z",
            "milliseconds": 120,
            "status": 500,
            "error": "the receiver answers 500",
            "answer": "Internal Server Error",
        }
    ],
}
WEBHOOK_RECOVERED: dict[str, Any] = {"deliveries": 12, "through": 4800, "more": False}
