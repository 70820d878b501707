"""Examples of answers about providers. A test holds them to the schemas."""

from typing import Any

_PROVIDER: dict[str, Any] = {
    "id": "5b8f0a52-3f0e-4a07-9a55-0f3d5f3f7d10",
    "provider_type": "HOTEL_MANAGER",
    "display_name": "Casa Azul",
    "country": "PT",
    "verification_status": "SUBMITTED",
    "version": 3,
    "created_at": "2027-01-04T09:00:00Z",
    "submitted_at": "2027-01-04T10:30:00Z",
    "approved_at": None,
    "rejected_at": None,
    "suspended_at": None,
}
_BUSINESS = {
    "step": "business",
    "legal_name": "Casa Azul Lda",
    "display_name": "Casa Azul",
    "country": "PT",
    "registration_number": "509 123 456",
    "tax_id": "",
}
_STEPS = ("business", "contact", "address", "property", "payout", "terms")
MARKET_PROVIDER_BEGUN: dict[str, Any] = {
    **_PROVIDER,
    "verification_status": "IN_PROGRESS",
    "version": 2,
    "submitted_at": None,
    "role": "OWNER",
    "steps": [
        {"step": "business", "completed_at": "2027-01-04T09:05:00Z", "data": _BUSINESS},
        *({"step": step, "completed_at": None, "data": None} for step in _STEPS[1:]),
    ],
    "steps_missing": list(_STEPS[1:]),
}
MARKET_PROVIDER: dict[str, Any] = {
    **_PROVIDER,
    "role": "OWNER",
    "steps": [
        {"step": "business", "completed_at": "2027-01-04T09:05:00Z", "data": _BUSINESS},
        {
            "step": "payout",
            "completed_at": "2027-01-04T10:20:00Z",
            "data": {
                "step": "payout",
                "gateway": "stripe",
                "account_id": "acct_1",
                "currency": "EUR",
            },
        },
    ],
    "steps_missing": [],
}
MARKET_PROVIDERS: dict[str, Any] = {"providers": [{**_PROVIDER, "role": "OWNER"}]}
MARKET_PROVIDERS_SUBMITTED: dict[str, Any] = {
    "providers": [_PROVIDER],
    "has_more": False,
    "next_cursor": None,
}
MARKET_PROVIDER_HISTORY: dict[str, Any] = {
    "history": [
        {
            "version": 1,
            "from_status": None,
            "to_status": "NOT_STARTED",
            "who": "provider",
            "why": "the profile was made",
            "at": "2027-01-04T09:00:00Z",
        },
        {
            "version": 4,
            "from_status": "SUBMITTED",
            "to_status": "UNDER_REVIEW",
            "who": "house",
            "why": "looked at today",
            "at": "2027-01-05T08:00:00Z",
        },
    ]
}
MARKET_PROVIDER_WHO: dict[str, Any] = {
    "history": [
        {
            **MARKET_PROVIDER_HISTORY["history"][1],
            "who": "admin 3f2e6c1a-8d0b-4c8e-9a57-6f1b2c3d4e51",
        }
    ]
}
MARKET_REVIEWED: dict[str, Any] = {
    **_PROVIDER,
    "verification_status": "SUSPENDED",
    "version": 6,
    "approved_at": "2027-01-05T09:00:00Z",
    "suspended_at": "2027-03-02T11:00:00Z",
    "offers": 3,
    "holds_ended": 1,
    "confirmed_bookings": 14,
}
