"""What RateHawk says, in the shapes of its guides (providers.md §3), for a scripted supplier."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable
from models.core.money import Money
from models.core.supply import Reservation, ReservationStatus
from suppliers.ratehawk.adapter import RateHawkSupplier
from tests.suppliers.conftest import Reply, Scripted

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
    said = {"order_id": 89, "item_id": 90, "partner_order_id": "ours-1", **change}
    return ok({"payment_types": [payment()], "is_gender_specification_required": False, **said})


def status(word: str = "ok", identity: str = "ours-1") -> Reply:
    return ok({"data_3ds": None, "partner_order_id": identity, "percent": 50}, word)


def amount(value: str, currency: str = "USD") -> dict[str, str]:
    return {"amount": value, "currency_code": currency}


def order(**change: Any) -> dict[str, Any]:
    return {
        "order_id": 89,
        "partner_data": {"order_id": "ours-1", "order_comment": None},
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


@asynccontextmanager
async def scripted_hotels(scripted: Scripted) -> AsyncIterator[RateHawkSupplier]:
    """The adapter of a supplier that sells Hotel Five and takes its time to decide."""
    supplier = RateHawkSupplier(scripted.settings(ratehawk={"base_url": f"{scripted.url}/v3"}))
    scripted.say("/hotel/info/", ok({"hid": 5, "id": "five", "name": "Hotel Five"}))
    scripted.say("/search/hp/", page(rate()))
    scripted.say("/hotel/prebook/", prebooked(rate("p-1")))
    scripted.say("/booking/form/", form())
    scripted.say("/booking/finish/", ok())
    scripted.say("/booking/finish/status/", status("processing"))
    scripted.say("/order/info/", info())
    yield supplier
    await supplier.close()


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def reservation(**change: Any) -> Reservation:
    known: dict[str, Any] = {
        "reference": "ours-1",
        "supplier_id": "ours-1",
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


Row = tuple[Reply, type[ProviderError]]

OPERATOR: list[Row] = [
    (bad(code), AuthConfig)
    for code in (
        "insufficient_b2b_balance",
        "overdue_debt",
        "contract_mismatch",
        "reservation_is_not_allowed",
        "not_allowed",
        "sandbox_restriction",
        "not_allowed_host",
        "endpoint_not_active",
        "endpoint_not_found",
    )
]

EVERYWHERE: list[Row] = [
    *OPERATOR,
    (bad("incorrect_credentials", 401), AuthConfig),
    (bad("incorrect_credentials"), AuthConfig),
    (bad("no_auth_header", 401), AuthConfig),
    (bad("invalid_auth_header", 400), AuthConfig),
    (bad("never_heard_of", 403), AuthConfig),
    (Reply(403, b"<html>"), AuthConfig),
    (bad("invalid_params", 400), InvalidRequest),
    (bad("decoding_json", 400), InvalidRequest),
    (bad("unexpected_method", 405), InvalidRequest),
    (bad("endpoint_exceeded_limit", 429), Retryable),
    (bad("endpoint_exceeded_limit"), Retryable),
    (Reply(429, b""), Retryable),
    (bad("lock"), Retryable),
]

NO_ANSWER: list[Reply] = [
    bad("timeout"),
    bad("unknown"),
    bad("never_heard_of"),
    bad("never_heard_of", 400),
    bad("soldout", 500),
    bad("unknown", 500),
    Reply(502, b"<html>Bad gateway</html>"),
    Reply(503, b"", {"Retry-After": "7"}),
    Reply(0),
    Reply(200, b""),
    Reply(200, b"not json"),
    Reply(200, []),
    Reply(200, {"data": None}),
    Reply(200, {"data": None, "status": 1, "error": None}),
    Reply(200, {"data": None, "status": "ok", "error": 1}),
    Reply(200, b'{"status":"ok","error":null,"data":"' + b"x" * (2 * 1024 * 1024) + b'"}'),
    Reply(302, b"", {"Location": "/elsewhere"}),
    Reply(404, b""),
    Reply(400, b"<html>"),
]
"""What tells nothing: neither whether it was done nor that it was not."""


async def expect(
    error: type[ProviderError], call: Any, operation: str | None = None
) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await call
    assert type(caught.value) is error, caught.value
    assert caught.value.provider == "ratehawk"
    if operation:
        assert caught.value.operation == operation
    return caught.value
