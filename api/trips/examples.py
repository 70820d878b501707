"""Examples of answers, as the OpenAPI document shows them. A test holds them to the schemas."""

import json
from typing import Any

_ID = "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10"
_REFERENCE = "TS-4K7QP-9XW2M"
_URL = f"/booking/{_ID}"
_NONE: dict[str, Any] = {
    "flight": None,
    "hotel": None,
    "activities": [],
    "flights": [],
    "hotels": [],
}

_FLIGHT: dict[str, Any] = {
    "confirmationCode": "QX7K2P",
    "bookingReference": "eJzTd9cPDPMwcooAAAtXAmE",
    "pnr": "QX7K2P",
    "provider": "Delta",
    "totalPrice": 60000,
    "currency": "USD",
}

_HOTEL: dict[str, Any] = {
    "confirmationCode": "4187236501",
    "bookingReference": "4187236501",
    "hotelName": "Hotel Aurora",
    "totalPrice": 100000,
    "currency": "USD",
}

CONFIRMATIONS: dict[str, Any] = {
    "flight": _FLIGHT,
    "hotel": _HOTEL,
    "activities": [
        {
            "confirmationCode": "BR-580254558",
            "bookingReference": "BR-580254558",
            "name": "Harbour tour by boat",
            "provider": "Harbour Tours",
            "totalPrice": 40000,
            "currency": "USD",
        }
    ],
    "flights": [_FLIGHT],
    "hotels": [_HOTEL],
}

BOOKED: dict[str, Any] = {
    "success": True,
    "bookingId": _ID,
    "bookingReference": _REFERENCE,
    "state": "CONFIRMED",
    "confirmations": CONFIRMATIONS,
    "payment": {"paymentIntentId": "pi_3PZ1x2", "amount": 200000, "currency": "USD"},
    "warnings": [],
}

_UNDONE: dict[str, Any] = {
    "componentId": "flight-1",
    "type": "FLIGHT",
    "title": "DL 100 JFK–CDG",
    "message": "The flight “DL 100 JFK–CDG” was cancelled again.",
}

FAILED: dict[str, Any] = {
    "success": False,
    "bookingId": _ID,
    "bookingReference": _REFERENCE,
    "state": "FAILED",
    "confirmations": _NONE,
    "payment": {"paymentIntentId": "pi_3PZ1x2", "amount": 0, "currency": "USD"},
    "warnings": [],
    "error": {
        "code": "UNAVAILABLE",
        "message": "Hotel Aurora is no longer available on these dates.",
        "failedStep": "hotel",
        "undone": [_UNDONE],
        "money": (
            "Your card was not charged. Whatever was set aside on it has been released; some"
            " banks take a few days to show it."
        ),
        "nextStep": "Choose another trip or other dates and book again.",
        "details": {},
    },
}

RUNNING: dict[str, Any] = {
    "success": False,
    "bookingId": _ID,
    "bookingReference": _REFERENCE,
    "state": "PENDING",
    "confirmations": _NONE,
    "payment": {"paymentIntentId": None, "amount": 0, "currency": "USD"},
    "warnings": [],
    "message": "The booking has been taken and will start in a moment.",
    "statusUrl": _URL,
    "eventsUrl": f"{_URL}/events",
}

PAYMENT_PENDING: dict[str, Any] = {
    **RUNNING,
    "state": "PAYMENT_PENDING",
    "payment": {
        "paymentIntentId": "pi_3PZ1x2",
        "amount": 0,
        "currency": "USD",
        "clientSecret": "pi_3PZ1x2_secret_example",
        "nextAction": {"type": "use_stripe_sdk"},
        "waitsUntil": "2031-02-01T10:30:29Z",
    },
    "message": "Your bank wants you to approve the payment.",
}

CARD_REFUSED: dict[str, Any] = {
    **RUNNING,
    "state": "PAYMENT_PENDING",
    "payment": {
        "paymentIntentId": "pi_3PZ1x2",
        "amount": 0,
        "currency": "USD",
        "waitsUntil": "2031-02-01T10:30:29Z",
    },
    "error": {
        "code": "PAYMENT_DECLINED",
        "message": "There is not enough money on the card.",
        "failedStep": "authorise",
        "undone": [],
        "money": "Your card was not charged.",
        "nextStep": (
            "Send another card and the booking goes on; it waits until 10:30 UTC on 1 February."
        ),
        "details": {},
    },
    "message": "The card was not accepted; the booking waits for another one.",
}

CANCELLED: dict[str, Any] = {
    "success": True,
    "bookingId": _ID,
    "bookingReference": _REFERENCE,
    "state": "CANCELLED",
    "cancelledComponents": [
        {
            "componentId": "hotel-1",
            "type": "HOTEL",
            "title": "Hotel Aurora",
            "price": 100000,
            "fee": 20000,
            "refund": 80000,
            "currency": "USD",
            "cancelledAt": "2031-03-01T10:15:30Z",
        }
    ],
    "refund": {
        "amount": 180000,
        "currency": "USD",
        "status": "partially_refunded",
        "ids": ["re_3PZ1x2"],
    },
    "kept": 20000,
    "money": (
        "1,800.00 USD is being refunded; 200.00 USD is kept. Banks usually show a refund within 5"
        " to 10 days."
    ),
    "warnings": [],
}

STILL_CANCELLING: dict[str, Any] = {
    **CANCELLED,
    "success": False,
    "state": "CONFIRMED",
    "cancelledComponents": [],
    "refund": {"amount": 0, "currency": "USD", "status": "none", "ids": []},
    "kept": 200000,
    "money": "2,000.00 USD was taken from your card.",
    "message": "The booking is being cancelled.",
    "statusUrl": _URL,
}

WHOLE: dict[str, Any] = {
    "bookingId": _ID,
    "bookingReference": _REFERENCE,
    "kind": "TRIP",
    "tripOptionId": "0b9fd6e0-5a63-4d3b-9a39-3d0d3f2a7f11",
    "state": "CONFIRMED",
    "totalPrice": 200000,
    "currency": "USD",
    "components": [
        {
            "number": 1,
            "componentId": "flight-1",
            "type": "FLIGHT",
            "supplier": "amadeus",
            "title": "DL 100 JFK–CDG",
            "status": "CONFIRMED",
            "sagaState": "BOOKED",
            "reference": f"{_ID}-1-1",
            "vendorConfirmation": "QX7K2P",
            "bookingReference": "eJzTd9cPDPMwcooAAAtXAmE",
            "pnr": "QX7K2P",
            "paymentIntentId": "pi_3PZ1x2",
            "amount": 60000,
            "currency": "USD",
            "fee": 0,
            "supplierPrice": 54945,
            "supplierCurrency": "EUR",
            "exchangeRate": {
                "base": "EUR",
                "quote": "USD",
                "rate": "1.092",
                "asOf": "2031-01-31",
                "source": "European Central Bank euro foreign exchange reference rates",
            },
            "bookedAt": "2031-02-01T10:15:30Z",
            "cancelledAt": None,
            "cancellationTerms": [
                {"until": "2031-02-02T10:15:30Z", "fee": 0},
                {"until": None, "fee": 60000},
            ],
            "details": {},
            "error": None,
        }
    ],
    "confirmations": CONFIRMATIONS,
    "payment": {
        "paymentIntentId": "pi_3PZ1x2",
        "chargeId": "ch_3PZ1x2",
        "paymentMethodId": "pm_card_visa",
        "amount": 200000,
        "currency": "USD",
        "status": "succeeded",
        "authorised": 200000,
        "captured": 200000,
        "refunded": 0,
        "refunds": [],
        "disputes": [],
    },
    "history": [
        {
            "version": 1,
            "fromState": None,
            "toState": "PENDING",
            "at": "2031-02-01T10:15:29Z",
            "who": "caller planner",
            "why": "booked",
        }
    ],
    "warnings": [],
    "error": None,
    "note": None,
    "needsAttention": False,
    "cases": [],
    "cancelledBy": None,
    "cancelReason": None,
    "version": 4,
    "createdAt": "2031-02-01T10:15:29Z",
    "updatedAt": "2031-02-01T10:15:31Z",
    "confirmedAt": "2031-02-01T10:15:31Z",
    "cancelledAt": None,
}

_STEP: dict[str, Any] = {
    "at": "2031-02-01T10:15:29Z",
    "step": "flight",
    "status": "done",
    "message": "DL 100 JFK–CDG is booked: QX7K2P.",
}
EVENTS = (
    f"id: 0\nevent: step\ndata: {json.dumps(_STEP)}\n\n"
    f"event: state\ndata: {json.dumps({**RUNNING, 'state': 'PROCESSING'})}\n\n"
    f"id: 0.end\nevent: end\ndata: {json.dumps(BOOKED)}\n\n"
)

LISTED: dict[str, Any] = {
    "bookings": [
        {
            "bookingId": _ID,
            "bookingReference": _REFERENCE,
            "kind": "TRIP",
            "state": "CONFIRMED",
            "titles": ["DL 100 JFK–CDG", "Hotel Aurora", "Harbour tour by boat"],
            "totalPrice": 200000,
            "paid": 200000,
            "currency": "USD",
            "needsAttention": False,
            "failedStep": None,
            "createdAt": "2031-02-11T08:13:58Z",
            "updatedAt": "2031-02-11T08:14:20Z",
        }
    ],
    "next": "AQAG2gT7zXmAf4sdbm4sWlWPawsMej2aEKxD0n8TlEk",
}

STEPS: dict[str, Any] = {
    "bookingId": _ID,
    "bookingReference": _REFERENCE,
    "steps": [
        {
            "at": "2031-02-11T08:14:02Z",
            "step": "hotel",
            "status": "started",
            "message": "Booking Hotel Aurora at Booking.com.",
        },
        {
            "at": "2031-02-11T08:14:10Z",
            "step": "hotel",
            "status": "unanswered",
            "message": "Booking.com: no answer after 8 s … looking for our reference.",
        },
        {
            "at": "2031-02-11T08:14:22Z",
            "step": "hotel",
            "status": "found",
            "message": "Booking.com … found: booked once.",
        },
    ],
}
