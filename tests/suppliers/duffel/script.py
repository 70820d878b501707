"""Duffel's documented shapes, and how each of its answers ends (providers.md §7).

There is no published specification: the answers are made after the reference.
"""

import datetime as dt
import json
from typing import Any

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus, TripComponent
from models.core.terms import CancellationTerms
from suppliers.duffel import DuffelSupplier
from suppliers.duffel.requests import Priced
from suppliers.duffel.responses import Offer
from tests.suppliers.conftest import Reply, component, flyer, now, party_of
from tests.suppliers.scripts import Endpoint, Script, rows

Json = dict[str, Any]
REFERENCE_KEY = "trip_reference"
PRICE = Money(amount=30_050, currency="USD")
LEAVES = dt.datetime(2031, 5, 1, 22, tzinfo=dt.UTC)
LANDS = dt.datetime(2031, 5, 2, 5, 30, tzinfo=dt.UTC)
DEPARTS = "2031-05-01T18:00:00"
ARRIVES = "2031-05-02T07:30:00"


def place(code: str, zone: str | None) -> Json:
    return {"type": "airport", "iata_code": code, "time_zone": zone, "name": code}


def slices(**change: Any) -> list[Json]:
    segment = {
        "id": "seg_1",
        "origin": place("JFK", "America/New_York"),
        "destination": place("CDG", "Europe/Paris"),
        "departing_at": DEPARTS,
        "arriving_at": ARRIVES,
        "marketing_carrier": {"name": "Duffel Airways", "iata_code": "ZZ"},
        "marketing_carrier_flight_number": "12",
        **change,
    }
    ends = {"origin": segment["origin"], "destination": segment["destination"]}
    return [{"id": "sli_1", **ends, "segments": [segment]}]


def offer(**change: Any) -> Json:
    return {
        "id": "off_1",
        "live_mode": False,
        "owner": {"name": "Duffel Airways", "iata_code": "ZZ"},
        "total_amount": "300.50",
        "total_currency": "USD",
        "expires_at": (now() + dt.timedelta(minutes=20)).isoformat(),
        "slices": slices(),
        "passengers": [{"id": "pas_1", "type": "adult", "age": None}],
        "payment_requirements": {
            "requires_instant_payment": False,
            "price_guarantee_expires_at": "2031-04-20T00:00:00Z",
            "payment_required_by": "2031-04-21T00:00:00Z",
        },
        "conditions": {
            "refund_before_departure": {
                "allowed": True,
                "penalty_amount": "40.00",
                "penalty_currency": "USD",
            }
        },
        "passenger_identity_documents_required": False,
        "supported_passenger_identity_document_types": ["passport"],
        **change,
    }


def order(reference: str = "ref-1", *, paid: bool = False, **change: Any) -> Json:
    return {
        "id": "ord_1",
        "offer_id": "off_1",
        "booking_reference": "RZPNX8",
        "created_at": now().isoformat(),
        "owner": {"name": "Duffel Airways", "iata_code": "ZZ"},
        "total_amount": "300.50",
        "total_currency": "USD",
        "slices": slices(),
        "passengers": [{"id": "pas_1", "given_name": "Ana", "family_name": "Roe"}],
        "payment_status": {
            "awaiting_payment": not paid,
            "payment_required_by": None if paid else "2031-04-21T00:00:00Z",
            "price_guarantee_expires_at": None if paid else "2031-04-20T00:00:00Z",
            "paid_at": "2031-01-01T00:00:00Z" if paid else None,
        },
        "documents": [{"type": "electronic_ticket", "unique_identifier": "125"}] if paid else [],
        "metadata": {REFERENCE_KEY: reference},
        "cancelled_at": None,
        "cancellation": None,
        "airline_initiated_changes": [],
        "available_actions": ["cancel"],
        **change,
    }


def refund(**change: Any) -> Json:
    return {
        "id": "ore_1",
        "order_id": "ord_1",
        "refund_amount": "260.50",
        "refund_currency": "USD",
        "refund_to": "balance",
        "expires_at": "2031-04-20T00:00:00Z",
        "confirmed_at": None,
        "airline_credits": [],
        **change,
    }


def answered(data: Any, status: int = 200, **meta: Any) -> Reply:
    return Reply(status, {"data": data, **({"meta": meta} if meta else {})})


def failed(status: int, code: str, kind: str = "validation_error", **headers: str) -> Reply:
    error = {"type": kind, "code": code, "title": code, "message": f"about {code}"}
    body = {"errors": [error], "meta": {"status": status, "request_id": "req-9"}}
    return Reply(status, body, headers)


def item_of(found: dict[str, Any]) -> TripComponent:
    given = {
        "offer": found,
        "price": PRICE.amount,
        "currency": "USD",
        "starts_at": LEAVES,
        "ends_at": LANDS,
    }
    return component(given, ItemType.FLIGHT, "duffel")


def reservation(**change: Any) -> Reservation:
    given: dict[str, Any] = {
        "reference": "ref-1",
        "supplier_id": "ord_1",
        "confirmation_code": "RZPNX8",
        "provider": "Duffel Airways",
        "price": PRICE,
        "status": ReservationStatus.HELD,
    }
    return Reservation(**{**given, **change})


def payment(**change: Any) -> Reply:
    paid = {"id": "pay_1", "type": "balance", "amount": "300.50", "currency": "USD"}
    return answered({**paid, **change}, 201)


PARTY = party_of(flyer("Ana", document=None))
ITEM = item_of(offer())


def quote_of(found: Json) -> Quote:
    """A quote of an offer, as the adapter makes it."""
    read = Offer.model_validate_json(json.dumps(found))
    return Quote(
        price=PRICE,
        terms=CancellationTerms.free(),
        title="ZZ 12",
        offer=Priced.of(read).model_dump(mode="json"),
        holdable=True,
    )


QUOTE = quote_of(offer())
AIRLINE, STATE, API = "airline_error", "invalid_state_error", "api_error"
REQUEST, KEY = "invalid_request_error", "authentication_error"
PRICED, ORDERS = "off_1?return_available_services=false", "/air/orders"
ORDER, LISTED, ON_OFFER = "/ord_1", "limit=50", "offer_id=off_1&limit=50"
ASK, CONFIRM = "/air/order_cancellations", "/ore_1/actions/confirm"
CONFIRMED_AT = {"confirmed_at": "2031-01-01T00:00:00Z"}

NOT_FOUND = failed(404, "not_found", REQUEST)
INVALID = (
    failed(400, "bad_request", REQUEST),
    failed(400, "missing_data_param", REQUEST),
    failed(400, "unsupported_version", REQUEST),
    failed(406, "unsupported_format", REQUEST),
    *(failed(422, f"validation_{why}") for why in ("required", "format", "inclusion")),
    failed(422, "invalid_fields_nobody_has_heard_of"),
)
GONE = (
    failed(422, "offer_no_longer_available", AIRLINE),
    failed(410, "offer_no_longer_available", AIRLINE),
    failed(422, "offer_expired", STATE),
    failed(422, "rate_unavailable", STATE),
    NOT_FOUND,
)


def silent(status: int) -> tuple[Reply, ...]:
    """What tells nothing; ``status`` is that of a success."""
    return (
        failed(500, "internal_server_error", API),
        failed(500, "offer_no_longer_available", API),
        failed(502, "bad_gateway", API),
        failed(422, "airline_internal", AIRLINE),
        failed(422, "airline_unknown", AIRLINE),
        Reply(404, b""),
        Reply(409, b""),
        Reply(422, {"errors": []}),
        Reply(422, {"errors": [7]}),
        Reply(418, b""),
        Reply(status, {"data": None}),
        Reply(status, b" " * (8 * 1024 * 1024 + 1)),
    )


MONEY = (
    *rows(PriceChanged, failed(422, "payment_amount_does_not_match_order_amount")),
    *rows(InvalidRequest, failed(422, "payment_currency_does_not_match_order_currency")),
    *rows(AuthConfig, failed(422, "insufficient_balance", STATE)),
    *rows(Declined, failed(422, "payment_declined", STATE)),
)
"""What an order and a payment have in common."""
ON_CANCEL = (
    *rows(
        NotCancellable,
        failed(422, "order_not_cancellable", STATE),
        failed(422, "unsupported_action", AIRLINE),
    ),
    *rows(
        Retryable,
        failed(422, "order_cancellation_stale", STATE),
        failed(422, "order_cancellation_expired", STATE),
    ),
    *rows(InvalidRequest, NOT_FOUND),
)


def other_orders() -> list[tuple[Json, str]]:
    """Orders that are not what was asked for, and what is said of each."""
    other = slices(arriving_at="2031-05-02T07:31:00")
    changes: tuple[tuple[Json, str], ...] = (
        ({"total_amount": "300.49"}, "costs 300.49 USD"),
        ({"total_currency": "EUR"}, "EUR"),
        ({"total_amount": "-1.00"}, "impossible amount"),
        ({"total_amount": "300.501"}, "impossible amount"),
        ({"total_amount": 300.5}, "no total_amount"),
        ({"slices": slices(marketing_carrier_flight_number="13")}, "ZZ 13"),
        ({"slices": other}, "it is for"),
        ({"slices": []}, "flights it does not name"),
        ({"passengers": [{"given_name": "Bo", "family_name": "Roe"}]}, "passengers"),
        ({"passengers": [{"given_name": "Ana", "family_name": "Roe"}] * 2}, "passengers"),
        ({"passengers": []}, "passengers"),
        ({"metadata": {"trip_reference": "another"}}, "metadata"),
        ({"metadata": {"trip_reference": 7}}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"payment_status": order(paid=True)["payment_status"]}, "it is CONFIRMED, not HELD"),
        ({"cancelled_at": "2031-01-01T00:00:00Z"}, "it is CANCELLED, not HELD"),
        ({"booking_reference": None}, "no booking_reference"),
        ({"booking_reference": "R\x00"}, "no booking_reference"),
    )
    return [(order(**change), words) for change, words in changes]


UNREADABLE = tuple(
    order(**change)
    for change in ({"payment_status": {"awaiting_payment": "yes"}}, {"id": None}, {"id": ""})
)


SCRIPT = Script(
    make=DuffelSupplier,
    base="",
    replies={
        PRICED: answered(offer()),
        ORDERS: answered(order(), 201),
        ON_OFFER: answered([]),
        LISTED: answered([order()]),
        ORDER: answered(order()),
        "/air/payments": payment(),
        ASK: answered(refund(), 201),
        CONFIRM: answered(refund(**CONFIRMED_AT)),
    },
    everywhere=(
        *rows(
            AuthConfig,
            failed(401, "access_token_not_found", KEY),
            failed(401, "expired_access_token", KEY),
            failed(403, "insufficient_permissions", KEY),
            failed(403, "unavailable_feature", REQUEST),
            Reply(401, b"<html>"),
        ),
        *rows(
            Retryable,
            failed(429, "rate_limit_exceeded", "rate_limit_error"),
            failed(503, "service_unavailable", API),
            Reply(503, b"<html>"),
        ),
    ),
    endpoints=(
        Endpoint(
            "quote",
            PRICED,
            lambda flights: flights.quote(ITEM, PARTY),
            (
                *rows(InvalidRequest, *INVALID),
                *rows(Unavailable, *GONE),
                *rows(Retryable, *silent(200)),
                *rows(
                    Unavailable,
                    answered(offer(id="off_2")),
                    answered(offer(slices=slices(marketing_carrier_flight_number="13"))),
                    answered(offer(slices=slices(departing_at="2031-05-01T18:05:00"))),
                    answered(offer(slices=slices() * 2)),
                    answered(offer(passengers=[{"id": "pas_2", "type": "adult"}])),
                    answered(offer(total_currency="EUR")),
                    answered(offer(expires_at="2020-01-01T00:00:00Z")),
                ),
            ),
        ),
        Endpoint(
            "book",
            ORDERS,
            lambda flights: flights.book(ITEM, QUOTE, PARTY, "ref-1"),
            (
                *rows(InvalidRequest, *INVALID),
                *rows(Unavailable, *GONE),
                *rows(UnknownOutcome, *silent(201)),
                *MONEY,
                *rows(
                    Unavailable,
                    failed(502, "order_not_created", API),
                    failed(422, "order_not_created", AIRLINE),
                ),
                *rows(PriceChanged, failed(422, "price_changed", AIRLINE)),
                *rows(
                    Duplicate,
                    failed(422, "duplicate_booking", AIRLINE),
                    failed(422, "offer_request_already_booked"),
                    failed(422, "order_creation_already_attempted", STATE),
                ),
                *rows(
                    InvalidRequest,
                    failed(422, "duplicate_passenger_name"),
                    failed(422, "invalid_phone_number"),
                    failed(422, "invalid_passenger_name"),
                    failed(422, "order_passengers_incompatible_with_offer"),
                ),
                *rows(UnknownOutcome, *(answered(odd, 201) for odd in UNREADABLE)),
            ),
            changes=True,
            ok=201,
        ),
        Endpoint(
            "complete",
            "/air/payments",
            lambda flights: flights.complete(reservation(), QUOTE, PARTY, "key"),
            (
                *rows(InvalidRequest, *INVALID),
                *rows(UnknownOutcome, *silent(201)),
                *MONEY,
                *rows(PriceChanged, failed(422, "price_changed")),
                *rows(InvalidRequest, failed(422, "order_type_not_eligible_for_payment")),
                *rows(
                    Unavailable,
                    failed(422, "already_cancelled", STATE),
                    failed(422, "past_payment_required_by_date", STATE),
                    failed(422, "schedule_changed", STATE),
                    NOT_FOUND,
                ),
                *rows(Declined, payment(status="failed"), payment(status="cancelled")),
                *rows(
                    UnknownOutcome,
                    payment(status="pending"),
                    payment(status="exploded"),
                    payment(amount="300.49"),
                    payment(amount=300.5),
                    payment(currency="EUR"),
                ),
            ),
            changes=True,
            ok=201,
        ),
        *(
            # A look ends in an answer or in "ask again"; an operator mends credentials.
            Endpoint(
                "find",
                path,
                call,
                (
                    *rows(Retryable, *INVALID, *GONE, *silent(200)),
                    *rows(Retryable, answered(order(id="ord_2"))),
                ),
            )
            for path, call in (
                (ORDER, lambda flights: flights.look(reservation())),
                (LISTED, lambda flights: flights.find("ref-1", since=now())),
            )
        ),
        Endpoint(
            "cancel",
            ASK,
            lambda flights: flights.cancel(reservation(), "key"),
            (
                *ON_CANCEL,
                *rows(Retryable, *silent(201), answered(refund(order_id="ord_2"), 201)),
            ),
            ok=201,
        ),
        Endpoint(
            "cancel",
            CONFIRM,
            lambda flights: flights.cancel(reservation(), "key"),
            (
                *ON_CANCEL,
                *rows(UnknownOutcome, *silent(201)),
                *rows(
                    UnknownOutcome,
                    answered(refund(order_id="ord_2", **CONFIRMED_AT)),
                    answered(refund()),
                ),
            ),
            changes=True,
            ok=201,
        ),
        Endpoint(
            "cancel",
            ASK,
            lambda flights: flights.cancel_quote(reservation()),
            rows(
                Retryable,
                *(reply for reply, error in ON_CANCEL if error is not NotCancellable),
                *silent(201),
            ),
            ok=201,
        ),
    ),
)
