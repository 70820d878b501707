"""RateHawk's published shapes, and how each of its answers ends (providers.md §3)."""

import datetime as dt
from typing import Any

from models.core.errors import (
    AuthConfig,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus
from models.core.terms import CancellationTerms
from suppliers.ratehawk import RateHawkSupplier
from tests.suppliers.conftest import Reply, Scripted, component, now, party_of
from tests.suppliers.scripts import Endpoint, Script, rows

CONFIRMED = ReservationStatus.CONFIRMED
PRICE = Money(amount=30050, currency="USD")
DEADLINE = "2031-04-29T00:00:00"


def ok(data: Any = None, status: str = "ok") -> Reply:
    return Reply(200, {"data": data, "debug": None, "error": None, "status": status})


def bad(code: str, status: int = 200, **debug: Any) -> Reply:
    return Reply(status, {"data": None, "debug": debug, "error": code, "status": "error"})


def policies(*steps: tuple[str | None, str]) -> list[dict[str, Any]]:
    ends = [*(start for start, _ in steps[1:]), None]
    return [
        {"start_at": start, "end_at": end, "amount_charge": fee, "amount_show": "1"}
        for (start, fee), end in zip(steps, ends, strict=True)
    ]


def payment(**change: Any) -> dict[str, Any]:
    return {
        "type": "deposit",
        "amount": "300.50",
        "currency_code": "USD",
        "cancellation_penalties": {
            "policies": policies((None, "0.00"), (DEADLINE, "300.50")),
            "free_cancellation_before": DEADLINE,
        },
        **change,
    }


def rate(book_hash: str = "h-1", payments: Any = None, **change: Any) -> dict[str, Any]:
    return {
        "book_hash": book_hash,
        "match_hash": "m-1",
        "daily_prices": ["100.00", "100.25", "100.25"],
        "meal": "nomeal",
        "room_name": "Double",
        "payment_options": {"payment_types": [payment()] if payments is None else payments},
        **change,
    }


def page(*rates: dict[str, Any], hid: int = 5) -> Reply:
    return ok({"hotels": [{"id": "five", "hid": hid, "rates": [*rates]}]})


def prebooked(*rates: dict[str, Any], hid: int = 5, changed: bool = False) -> Reply:
    found = [{"id": "five", "hid": hid, "rates": [*rates]}]
    return ok({"hotels": found, "changes": {"price_changed": changed}})


def form(**change: Any) -> Reply:
    known = {"order_id": 89, "item_id": 90, "partner_order_id": "ref-1", **change}
    return ok({"payment_types": [payment()], "is_gender_specification_required": False, **known})


def status(word: str = "ok", identity: str = "ref-1") -> Reply:
    return ok({"data_3ds": None, "partner_order_id": identity, "percent": 50}, word)


def amount(value: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": value, "currency_code": currency}


def order(**change: Any) -> dict[str, Any]:
    return {
        "order_id": 89,
        "partner_data": {"order_id": "ref-1", "order_comment": None},
        "status": "completed",
        "checkin_at": "2031-05-01",
        "checkout_at": "2031-05-04",
        "hotel_data": {"id": "five", "hid": 5, "order_id": None},
        "rooms_data": [
            {"room_name": "Double", "guest_data": {"adults_number": 2, "children_number": 0}}
        ],
        "amount_payable": amount("300.50"),
        "amount_sell": amount("300.50"),
        "cancellation_info": {
            "free_cancellation_before": DEADLINE,
            "policies": [
                {"start_at": None, "end_at": DEADLINE, "penalty": amount("0.00")},
                {"start_at": DEADLINE, "end_at": None, "penalty": amount("300.50")},
            ],
        },
        "supplier_data": {"confirmation_id": "361", "name": "x", "order_id": "361"},
        **change,
    }


def info(*orders: dict[str, Any]) -> Reply:
    return ok({"current_page_number": 1, "found_orders": len(orders), "orders": [*orders]})


def reservation(**change: Any) -> Reservation:
    known: dict[str, Any] = {
        "reference": "ref-1",
        "supplier_id": "ref-1",
        "confirmation_code": "89",
        "provider": "Hotel Five",
        "price": PRICE,
        "status": ReservationStatus.PENDING,
        "settles_by": now() + dt.timedelta(minutes=1),
        "look_after": now(),
        "details": {"hid": 5, "checkin": "2031-05-01", "checkout": "2031-05-04", "guests": 2},
    }
    return Reservation(**{**known, **change})


def sent(scripted: Scripted, end: str) -> list[Any]:
    return [body for path, body in scripted.requests if path.endswith(end)]


def bads(*codes: str) -> list[Reply]:
    return [bad(code) for code in codes]


HOTEL = {
    "hid": 5,
    "id": "five",
    "name": "Hotel Five",
    "address": "5 Harbour Road, Madrid",
    "postal_code": "28001",
    "region": {"id": 2734, "name": "Madrid", "country_code": "ES", "type": "City"},
    "check_in_time": "15:00:00",
    "check_out_time": "11:00:00",
}

offer = {
    "hid": 5,
    "name": "Hotel Five",
    "book_hash": "h-1",
    "match_hash": "m-1",
    "room": "Double",
    "checkin": "2031-05-01",
    "checkout": "2031-05-04",
    "adults": 2,
    "currency": "USD",
}
times = {
    "starts_at": dt.datetime(2031, 5, 1, 15, tzinfo=dt.UTC),
    "ends_at": dt.datetime(2031, 5, 4, 11, tzinfo=dt.UTC),
}
price = {"price": PRICE.amount, "currency": "USD"}
ITEM = component({"offer": offer, **times, **price}, ItemType.HOTEL, "ratehawk")


QUOTE = Quote(
    price=PRICE,
    terms=CancellationTerms.free_until(
        dt.datetime.fromisoformat(DEADLINE).replace(tzinfo=dt.UTC), PRICE.amount
    ),
    title="Hotel Five",
    offer={"book_hash": "p-1"},
)
PARTY = party_of()
NO_ANSWER = [
    bad("timeout"),
    bad("unknown"),
    bad("never_heard_of"),
    bad("never_heard_of", 400),
    bad("soldout", 500),
    bad("unknown", 500),
    Reply(503, b"", {"Retry-After": "7"}),
    Reply(200, {"data": None}),
    Reply(200, {"data": None, "status": 1, "error": None}),
    Reply(200, {"data": None, "status": "ok", "error": 1}),
    Reply(200, b'{"status":"ok","error":null,"data":"' + b"x" * (2 * 1024 * 1024) + b'"}'),
    Reply(404, b""),
]
"""What tells nothing: neither whether it was done nor that it was not."""


def paying(**change: Any) -> Reply:
    """A page whose one rate is paid like this."""
    return page(rate(payments=[payment(**change)]))


def prebooked_other(**change: Any) -> Reply:
    return prebooked(rate("p-1", **change))


def shown(**change: Any) -> Reply:
    return info(order(**change))


def fee(value: str = "42.73") -> Reply:
    return ok({"amount_payable": amount(value), "amount_refunded": amount("1")})


SEARCH, PREBOOK = "/search/hp/", "/hotel/prebook/"
FORM, FINISH, STATUS = "/booking/form/", "/booking/finish/", "/booking/finish/status/"
CANCEL, INFO = "/order/cancel/", "/order/info/"

SCRIPT = Script(
    make=RateHawkSupplier,
    base="/v3",
    replies={
        "/hotel/info/": ok(HOTEL),
        SEARCH: page(rate()),
        PREBOOK: prebooked(rate("p-1")),
        FORM: form(),
        FINISH: ok(),
        STATUS: status("processing"),
        INFO: info(),
    },
    everywhere=(
        *rows(
            AuthConfig,
            *bads("insufficient_b2b_balance", "overdue_debt", "contract_mismatch", "not_allowed"),
            *bads("reservation_is_not_allowed", "sandbox_restriction", "not_allowed_host"),
            *bads("endpoint_not_active", "endpoint_not_found", "incorrect_credentials"),
            bad("incorrect_credentials", 401),
            bad("no_auth_header", 401),
            bad("invalid_auth_header", 400),
            bad("never_heard_of", 403),
        ),
        *rows(
            InvalidRequest,
            bad("invalid_params", 400),
            bad("decoding_json", 400),
            bad("unexpected_method", 405),
        ),
        *rows(
            Retryable,
            bad("endpoint_exceeded_limit", 429),
            bad("endpoint_exceeded_limit"),
            bad("lock"),
        ),
    ),
    endpoints=(
        *(
            Endpoint(
                "quote",
                path,
                lambda hotels: hotels.quote(ITEM, PARTY),
                (
                    *rows(Unavailable, *bads("no_available_rates", "rate_not_found")),
                    *rows(Unavailable, *bads("hotel_not_found")),
                    *rows(AuthConfig, *bads("prebook_disabled")),
                    *rows(Retryable, *NO_ANSWER),
                ),
            )
            for path in ("/hotel/info/", SEARCH, PREBOOK)
        ),
        Endpoint(
            "quote",
            SEARCH,
            lambda hotels: hotels.quote(ITEM, PARTY),
            (
                *rows(
                    Unavailable,
                    ok({"hotels": []}),
                    page(),
                    page(rate(), hid=6),
                    page(rate("h-2", match_hash="m-2")),
                    page(rate(daily_prices=["300.50"])),
                    page(rate(daily_prices=["1.00"] * 4)),
                    page(rate(room_name="Cupboard")),
                    page(rate(payments=[])),
                    page(rate(payments=[payment(type="hotel"), payment(type="now")])),
                    paying(cancellation_penalties=None),
                ),
                *rows(InvalidRequest, paying(currency_code="EUR")),
                *rows(
                    Retryable,
                    *(paying(amount=odd) for odd in (300.5, "-1", "300.505", "NaN", "", "1e999")),
                    paying(currency_code=None),
                    page(rate("h\x001")),
                    ok({"hotels": [{"id": "five", "hid": "5", "rates": []}]}),
                    ok(None),
                ),
            ),
            common=False,
            everywhere=False,
        ),
        Endpoint(
            "quote",
            PREBOOK,
            lambda hotels: hotels.quote(ITEM, PARTY),
            (
                *rows(
                    Unavailable,
                    prebooked(),
                    prebooked(rate("p-1"), rate("p-2")),
                    prebooked(rate("p-1"), hid=6),
                    ok({"hotels": [], "changes": {"price_changed": False}}),
                    prebooked_other(room_name="Single"),
                    prebooked_other(meal="breakfast"),
                    prebooked_other(daily_prices=["300.50"]),
                    prebooked_other(payments=[payment(type="hotel")]),
                ),
                *rows(InvalidRequest, prebooked_other(payments=[payment(currency_code="EUR")])),
                *rows(Retryable, prebooked(rate("h-1")), ok({"hotels": "five"}), ok(None)),
            ),
            common=False,
            everywhere=False,
        ),
        Endpoint(
            "book",
            FORM,
            lambda hotels: hotels.book(ITEM, QUOTE, PARTY, "ref-1"),
            (
                *rows(Unavailable, *bads("rate_not_found", "hotel_not_found")),
                *rows(Retryable, *NO_ANSWER),  # a form books nothing
                *rows(Retryable, form(partner_order_id="another")),
                *rows(
                    Unavailable,
                    form(payment_types=[]),
                    form(payment_types=[payment(type="now")]),
                    form(payment_types=[payment(currency_code="EUR")]),
                ),
                *rows(
                    PriceChanged,
                    form(payment_types=[payment(amount="300.51")]),
                    form(payment_types=[payment(amount="1")]),
                ),
            ),
        ),
        Endpoint(
            "book",
            FINISH,
            lambda hotels: hotels.book(ITEM, QUOTE, PARTY, "ref-1"),
            (
                *rows(Unavailable, *bads("book_hash_not_found", "rate_not_found", "soldout")),
                *rows(Unavailable, *bads("hotel_not_found")),
                *rows(
                    InvalidRequest,
                    *bads("incorrect_guests_number", "incorrect_children_data", "email"),
                    *bads("incorrect_rooms_number", "incorrect_chosen_payment_type"),
                    *bads("chosen_payment_type_was_not_available_on_booking_form"),
                    *bads("unauthorized_group_booking"),
                ),
                *rows(UnknownOutcome, *NO_ANSWER, ok(None, "processing")),
                *rows(
                    Unavailable,
                    Reply(200, {"data": None, "status": "ok", "error": "soldout"}),
                ),
            ),
            changes=True,
        ),
        *(
            Endpoint(
                operation,
                STATUS,
                call,
                rows(
                    Retryable,
                    bad("unknown", 500),
                    bad("never_heard_of"),
                    status("perhaps"),
                    status("ok", "another"),
                ),
            )
            for operation, call in (
                ("find", lambda hotels: hotels.find("ref-1", since=now())),
                ("look", lambda hotels: hotels.look(reservation())),
            )
        ),
        Endpoint(
            "cancel_quote",
            INFO,
            lambda hotels: hotels.cancel_quote(reservation()),
            rows(Retryable, bad("unknown"), ok(None)),
        ),
        Endpoint(
            "cancel",
            CANCEL,
            lambda hotels: hotels.cancel(reservation(status=CONFIRMED), "key"),
            (
                *rows(NotCancellable, bad("order_not_cancellable")),
                *rows(
                    UnknownOutcome,
                    *NO_ANSWER,
                ),
            ),
            changes=True,
        ),
    ),
)
