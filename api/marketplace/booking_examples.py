"""Examples of bookings, as the OpenAPI document shows them. A test holds them to the schemas."""

from typing import Any

from api.marketplace.quote_examples import STAY_QUOTE

_SOLD = ("package", "listing", "check_in", "check_out", "nights", "starts_at", "ends_at", "rooms")
_PRICE: dict[str, Any] = {
    **STAY_QUOTE["price"],
    "version": 1,
    "terms": STAY_QUOTE["terms"],
    "sha256": STAY_QUOTE["snapshot_sha256"],
}
_UNPAID: dict[str, Any] = {
    "status": "pending",
    "amount": 41700,
    "captured": 0,
    "refunded": 0,
    "waits_until": None,
    "client_secret": None,
    "next_action": None,
}
_QUOTED = {
    "from": None,
    "to": "QUOTE",
    "at": "2027-03-01T09:12:44.120934Z",
    "who": "user 5b0c9d53-0f3e-4b16-9d0b-6a2f7f0d4e77",
    "why": "quoted",
}
_HELD = {
    "from": "QUOTE",
    "to": "HOLD",
    "at": "2027-03-01T09:14:02.511907Z",
    "who": "saga",
    "why": "held out of its quote",
}
_PAYING = {
    "from": "HOLD",
    "to": "PAYMENT_PENDING",
    "at": "2027-03-01T09:15:30.027461Z",
    "who": "traveler 5b0c9d53-0f3e-4b16-9d0b-6a2f7f0d4e77",
    "why": "it is being paid",
}
_CONFIRMED = {
    "from": "PAYMENT_PENDING",
    "to": "CONFIRMED",
    "at": "2027-03-01T09:15:30.731022Z",
    "who": "saga",
    "why": "it is paid",
}

STAY_HELD: dict[str, Any] = {
    **{name: STAY_QUOTE[name] for name in _SOLD},
    "departure": None,
    "id": "0c3de9a7-8c3e-5b0f-a8f2-7a9e1a1d2b60",
    "reference": "TS-7Q2MK-4ZD0B",
    "version": 2,
    "status": "HOLD",
    "attention": False,
    "product_type": "STAY",
    "quote_id": STAY_QUOTE["id"],
    "provider": STAY_QUOTE["provider"],
    "hold_expires_at": "2027-03-01T09:29:02.511907Z",
    "price_snapshot": _PRICE,
    "payment": _UNPAID,
    "travelers": [{"first_name": "Ada", "last_name": "Okafor"}],
    "contact": {"email": "ada@example.com", "phone": None},
    "requests": "We arrive late.",
    "no_show": False,
    "cancellation": None,
    "failure": None,
    "message": "It is held for you until it is paid. Your card was not charged.",
    "created_at": "2027-03-01T09:14:02.511907Z",
    "updated_at": "2027-03-01T09:14:02.511907Z",
    "confirmed_at": None,
    "checked_in_at": None,
    "completed_at": None,
    "cancelled_at": None,
    "history": [_QUOTED, _HELD],
}

STAY_WAITS: dict[str, Any] = {
    **STAY_HELD,
    "version": 4,
    "status": "PAYMENT_PENDING",
    "payment": {
        **_UNPAID,
        "waits_until": "2027-03-01T09:28:32.511907Z",
        "client_secret": "pi_3Example_secret_Example",
        "next_action": {"type": "use_stripe_sdk"},
    },
    "message": "It is held for you while your bank is asked. Your card was not charged.",
    "history": [_QUOTED, _HELD, _PAYING],
}

STAY_CONFIRMED: dict[str, Any] = {
    **STAY_HELD,
    "version": 5,
    "status": "CONFIRMED",
    "hold_expires_at": None,
    "payment": {**_UNPAID, "status": "succeeded", "captured": 41700},
    "message": "It is booked. 417.00 USD was taken from your card.",
    "confirmed_at": "2027-03-01T09:15:30.731022Z",
    "history": [_QUOTED, _HELD, _PAYING, _CONFIRMED],
}

STAY_FAILED: dict[str, Any] = {
    **STAY_HELD,
    "version": 5,
    "status": "EXPIRED_HOLD",
    "payment": {**_UNPAID, "status": "released"},
    "failure": {
        "code": "PAYMENT_DECLINED",
        "message": "Your bank declined the payment.",
        "money": "Your card was not charged.",
        "next_step": "Use another card or ask your bank; if it is not held any more, ask for a new"
        " quote.",
    },
    "message": "It could not be had; nothing is booked. Your card was not charged.",
    "history": [
        _QUOTED,
        _HELD,
        _PAYING,
        {
            **_CONFIRMED,
            "to": "EXPIRED_HOLD",
            "why": "PAYMENT_DECLINED at authorise: everything is undone",
        },
    ],
}

STAY_CANCELLED: dict[str, Any] = {
    **STAY_CONFIRMED,
    "version": 6,
    "status": "CANCELLED_BY_GUEST",
    "payment": {**_UNPAID, "status": "refunded", "captured": 41700, "refunded": 41700},
    "cancellation": {"by": "GUEST", "reason": "ill", "fee": 0, "refund": 41700},
    "message": "It was cancelled. 417.00 USD is being refunded: everything that was taken. Banks"
    " usually show it within 5 to 10 days.",
    "cancelled_at": "2027-03-02T08:00:11.190355Z",
    "history": [
        *STAY_CONFIRMED["history"],
        {
            "from": "CONFIRMED",
            "to": "CANCELLED_BY_GUEST",
            "at": "2027-03-02T08:00:11.190355Z",
            "who": "traveler 5b0c9d53-0f3e-4b16-9d0b-6a2f7f0d4e77",
            "why": "cancelled by guest: ill",
        },
    ],
}

STAY_CANCEL_QUOTE: dict[str, Any] = {
    "dry_run": True,
    "id": STAY_HELD["id"],
    "status": "CONFIRMED",
    "fee": 0,
    "refund": 41700,
    "currency": "USD",
    "valid_until": "2027-03-10T13:00:00Z",
}
