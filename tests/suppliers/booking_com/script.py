"""Booking.com's published shapes, and how each of its answers ends (providers.md §4)."""

import datetime as dt
from typing import Any

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation
from models.core.terms import CancellationTerms
from suppliers.booking_com import BookingComSupplier
from tests.suppliers.conftest import Reply, component, now, party_of
from tests.suppliers.scripts import Endpoint, Script, rows

CHECKIN, CHECKOUT = dt.date(2031, 5, 1), dt.date(2031, 5, 4)
DEADLINE = "2031-04-29T00:00:00+00:00"
PRICE = Money(amount=30050, currency="USD")
CREATED = {"order": "41", "accommodation": {"reservation": 77, "pincode": "0042"}}


def told(data: Any, **more: Any) -> Reply:
    return Reply(200, {"request_id": "r", "data": data, **more})


def error(status: int, code: str) -> Reply:
    return Reply(status, {"request_id": "r", "errors": [{"id": code, "message": "No."}]})


def errors(status: int, *codes: str) -> list[Reply]:
    return [error(status, code) for code in codes]


def preview(amount: float = 300.5, /, **change: Any) -> dict[str, Any]:
    return {
        "order_token": "token",
        "accommodation": {
            "id": 5,
            "checkin": "2031-05-01",
            "checkout": "2031-05-04",
            "currency": {"booker": "USD", "accommodation": "EUR"},
            "price": {"total": {"booker_currency": amount, "accommodation_currency": 1}},
            "products": [
                {
                    "id": "5_1",
                    "policies": {
                        "cancellation": {
                            "type": "free_cancellation",
                            "free_cancellation_until": DEADLINE,
                            "schedule": [
                                {"from": "now", "price": {"booker_currency": 0}},
                                {"from": DEADLINE, "price": {"booker_currency": amount}},
                            ],
                        },
                        "payment": {"timings": ["pay_at_the_property", "pay_online_now"]},
                    },
                }
            ],
            **change,
        },
    }


def detail(**change: Any) -> dict[str, Any]:
    return {
        "id": "41",
        "accommodation_details": {"name": "Hotel Five"},
        "checkin": "2031-05-01",
        "checkout": "2031-05-04",
        "currency": {"booker": "USD"},
        "label": "ref-1",
        "pincode": "0042",
        "price": {"total": {"booker_currency": 300.5}},
        "reservation": 77,
        "status": "booked",
        **change,
    }


def room(*steps: tuple[int, float]) -> dict[str, Any]:
    """A room with fees from so many days from now on."""
    return {
        "policies": {
            "cancellation": [
                {
                    "from": (now() + dt.timedelta(days=days)).isoformat(),
                    "price": {"booker_currency": fee},
                }
                for days, fee in steps
            ]
        }
    }


def priced_at(amount: Any) -> Reply:
    return told(preview(price={"total": {"booker_currency": amount}}))


offer = {
    "accommodation": 5,
    "name": "Hotel Five",
    "product": "5_1",
    "checkin": CHECKIN.isoformat(),
    "checkout": CHECKOUT.isoformat(),
    "adults": 2,
    "currency": "USD",
}
times = {
    "starts_at": dt.datetime(2031, 5, 1, 15, tzinfo=dt.UTC),
    "ends_at": dt.datetime(2031, 5, 4, 11, tzinfo=dt.UTC),
}
price = {"price": PRICE.amount, "currency": "USD"}
ITEM = component({"offer": offer, **times, **price}, ItemType.HOTEL, "booking_com")


QUOTE = Quote(
    price=PRICE,
    terms=CancellationTerms.free_until(dt.datetime.fromisoformat(DEADLINE), PRICE.amount),
    title="Hotel Five",
    offer={
        "order_token": "token",
        "timing": "pay_online_now",
        "issued_at": now().isoformat(),
    },
)
PARTY = party_of()
RESERVATION = Reservation(
    reference="ref-1",
    supplier_id="41",
    confirmation_code="77",
    provider="Hotel Five",
    price=PRICE,
    details={"kept": "yes"},
)


SHOWN, CANCEL = "/orders/details/accommodations", "/orders/cancel"

HOTEL = {
    "id": 5,
    "name": {"en-gb": "Hotel Five"},
    "booker_address_required": False,
    "location": {
        "address": {"en-gb": "5 Park Lane"},
        "city": -390625,
        "country": "es",
        "postal_code": "28001",
    },
    "checkin_checkout_times": {
        "checkin_from": "15:00:00",
        "checkin_to": "23:30:00",
        "checkout_from": None,
        "checkout_to": "11:00:00",
    },
}

SCRIPT = Script(
    make=BookingComSupplier,
    base="/3.2",
    replies={
        "/accommodations/details": told([HOTEL]),
        "/accommodations/availability": told({"id": 5, "products": [{"id": "5_1"}]}),
        "/orders/preview": told(preview()),
        "/orders/create": told(CREATED),
        SHOWN: told([]),
    },
    everywhere=(
        *rows(
            InvalidRequest,
            *errors(400, "missing_parameter", "invalid_parameter", "unknown_parameter"),
            *errors(400, "conflicting_parameters", "malformed_request"),
            error(405, "method_not_allowed"),
            error(406, "not_acceptable"),
            error(415, "unsupported_media_type"),
        ),
        *rows(AuthConfig, error(401, "unauthorized"), error(403, "sandbox_blocked")),
        *rows(Retryable, error(429, "too_many_requests")),
    ),
    endpoints=(
        *(
            Endpoint(
                "quote",
                path,
                lambda hotels: hotels.quote(ITEM, PARTY),
                (
                    *rows(Unavailable, error(409, "order_unavailable"), error(404, "not_found")),
                    *rows(InvalidRequest, error(400, "occupancy_mismatch")),
                    *rows(Retryable, Reply(503, b"", {"Retry-After": "7"})),
                ),
            )
            for path in ("/accommodations/availability", "/orders/preview")
        ),
        Endpoint(
            "quote",
            "/orders/preview",
            lambda hotels: hotels.quote(ITEM, PARTY),
            (
                *rows(
                    Unavailable,
                    told(preview(id=6)),
                    told(preview(checkin="2031-05-02")),
                    told(preview(checkout="2031-05-05")),
                    told(preview(products=[])),
                ),
                *rows(InvalidRequest, told(preview(currency={"booker": "EUR"}))),
                *rows(
                    Retryable,
                    *map(priced_at, ("300.5", True, -1, 300.505, 1e300)),
                    told(preview(price={})),
                    told(preview(id="5")),
                ),
            ),
            common=False,
            everywhere=False,
        ),
        Endpoint(
            "book",
            "/orders/create",
            lambda hotels: hotels.book(ITEM, QUOTE, PARTY, "ref-1"),
            (
                *rows(Unavailable, error(409, "order_unavailable")),
                *rows(Duplicate, error(409, "duplicate_request")),
                *rows(
                    Declined,
                    *errors(422, "payment_refused", "payment_refused_insufficient_funds"),
                    *errors(422, "payment_refused_card_is_expired", "payment_refused_card_lost"),
                    *errors(422, "payment_refused_issuer_cvc_check_failed"),
                    *errors(422, "payment_refused_book_process_failed"),
                    *errors(422, "payment_refused_sca_required"),
                ),
                *rows(
                    UnknownOutcome,
                    error(500, "invalid_parameter"),
                    Reply(503, b"", {"Retry-After": "7"}),
                    told(CREATED, x="\ud800"),
                    told({"accommodation": CREATED["accommodation"]}),
                    told({**CREATED, "order": ["41"]}),
                    told({**CREATED, "order": "4\x001"}),
                    Reply(404, b""),
                    Reply(409, b""),
                    Reply(422, {"detail": "?"}),
                ),
            ),
            changes=True,
        ),
        *(
            Endpoint(
                "find",
                SHOWN,
                call,
                rows(
                    Retryable,
                    told([detail(status=None)]),
                    told([detail(label="theirs")]),
                    told([detail(id="11")]),
                    told([]),
                ),
            )
            for call in (
                lambda hotels: hotels.look(RESERVATION),
                lambda hotels: hotels.cancel_quote(RESERVATION),
            )
        ),
        Endpoint(
            "find",
            SHOWN,
            lambda hotels: hotels.cancel_quote(RESERVATION),
            rows(Retryable, told([detail(products=[room((-1, 0.123))])])),
            common=False,
            everywhere=False,
        ),
        Endpoint(
            "cancel",
            CANCEL,
            lambda hotels: hotels.cancel(RESERVATION, "key"),
            (
                *rows(NotCancellable, error(409, "nothing is shown")),
                *rows(InvalidRequest, error(404, "not_found")),
                *rows(UnknownOutcome, told({"status": "failed"}), told({}), told(None)),
            ),
            changes=True,
        ),
    ),
)
