"""Duffel's emulation speaks in the documented shapes.

Duffel publishes no OpenAPI document. The tables below are the fields of its reference
(https://duffel.com/docs/api, version v2) and of the types in its JavaScript client that an offer,
an order, a payment, a cancellation, a change and an event always have. † Not documented, and so
not checked: the body of a 202.
"""

import datetime as dt
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.suppliers.conftest import LocalWorld, in_days, served

Json = dict[str, Any]

HEADERS = {"Authorization": "Bearer duffel_test_x", "Duffel-Version": "v2"}

MONEY = r"\d+\.\d{2}"
LOCAL = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
STAMP = LOCAL + r"(\.\d+)?Z"
SPAN = r"P(\d+D)?T\d+H(\d+M)?"


def identity(prefix: str) -> str:
    return rf"{prefix}_[0-9A-Za-z_]+"


AIRLINE: Json = {"id": identity("aln"), "iata_code": "[A-Z0-9]{2}", "name": ".+"}
PLACE: Json = {
    "type": "airport|city",
    "id": identity("arp"),
    "iata_code": "[A-Z]{3}",
    "iata_city_code": "[A-Z]{3}",
    "iata_country_code": "[A-Z]{2}",
    "name": ".+",
    "time_zone": r"[A-Za-z_]+/[A-Za-z_]+",
    "latitude": float,
    "longitude": float,
}
SEGMENT: Json = {
    "id": identity("seg"),
    "origin": PLACE,
    "destination": PLACE,
    "departing_at": LOCAL,
    "arriving_at": LOCAL,
    "duration": SPAN,
    "distance": r"\d+\.\d",
    "marketing_carrier": AIRLINE,
    "marketing_carrier_flight_number": r"\d{1,4}",
    "operating_carrier": AIRLINE,
    "operating_carrier_flight_number": r"\d{1,4}",
    "aircraft": {"id": identity("arc"), "iata_code": ".{3}", "name": ".+"},
    "passengers": list,
    "stops": list,
}
SLICE: Json = {
    "id": identity("sli"),
    "origin": PLACE,
    "origin_type": "airport|city",
    "destination": PLACE,
    "destination_type": "airport|city",
    "duration": SPAN,
    "fare_brand_name": ".+",
    "segments": [SEGMENT],
}
PRICE: Json = {
    "total_amount": MONEY,
    "total_currency": "USD",
    "base_amount": MONEY,
    "base_currency": "USD",
    "tax_amount": MONEY,
    "tax_currency": "USD",
}
OFFER: Json = {
    "id": identity("off"),
    "live_mode": bool,
    "created_at": STAMP,
    "updated_at": STAMP,
    "expires_at": STAMP,
    "owner": AIRLINE,
    **PRICE,
    "slices": [SLICE],
    "passengers": [{"id": identity("pas"), "type": "adult"}],
    "payment_requirements": {"requires_instant_payment": bool},
    "passenger_identity_documents_required": bool,
    "supported_passenger_identity_document_types": ["passport"],
    "conditions": {"refund_before_departure": {"allowed": bool}},
    "partial": bool,
}
ORDER: Json = {
    "id": identity("ord"),
    "offer_id": identity("off"),
    "live_mode": bool,
    "booking_reference": "[A-Z0-9]{6}",
    "created_at": STAMP,
    "synced_at": STAMP,
    "owner": AIRLINE,
    **PRICE,
    "slices": [SLICE],
    "passengers": [
        {
            "id": identity("pas"),
            "given_name": ".+",
            "family_name": ".+",
            "born_on": r"\d{4}-\d\d-\d\d",
            "title": "mr|ms|mrs|miss|dr",
            "gender": "m|f",
            "type": "adult",
            "email": ".+@.+",
            "phone_number": r"\+\d+",
        }
    ],
    "services": list,
    "documents": list,
    "payment_status": {"awaiting_payment": bool},
    "conditions": {"refund_before_departure": {"allowed": bool}},
    "metadata": dict,
    "airline_initiated_changes": list,
    "available_actions": ["cancel|change|update"],
}
PAYMENT: Json = {
    "id": identity("pay"),
    "type": "balance",
    "amount": MONEY,
    "currency": "USD",
    "created_at": STAMP,
    "live_mode": bool,
    "status": "succeeded",
}
CANCELLATION: Json = {
    "id": identity("ore"),
    "order_id": identity("ord"),
    "refund_amount": MONEY,
    "refund_currency": "USD",
    "refund_to": "balance|awaiting_payment",
    "airline_credits": list,
    "created_at": STAMP,
    "expires_at": STAMP,
    "live_mode": bool,
}
CHANGE: Json = {
    "id": identity("aic"),
    "order_id": identity("ord"),
    "available_actions": ["accept|cancel|change|update"],
    "removed": [SLICE],
    "added": list,
    "created_at": STAMP,
    "updated_at": STAMP,
}
EVENT: Json = {
    "id": identity("wev"),
    "api_version": "v2",
    "type": r"[a-z_]+\.[a-z_]+",
    "data": {"object": dict},
    "live_mode": bool,
    "idempotency_key": ".+",
    "created_at": STAMP,
    "identity_organisation_id": identity("org"),
}
ERROR: Json = {
    "errors": [
        {
            "type": "[a-z]+(_[a-z]+)*_error",
            "code": "[a-z_]+",
            "title": ".+",
            "message": ".+",
            "documentation_url": "https://.+",
        }
    ],
    "meta": {"status": int, "request_id": ".+"},
}


def mismatches(shape: Any, value: Any, where: str = "") -> list[str]:
    """What of an answer is not of the documented shape."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{where} is {value!r}"]
        lost = [f"{where}.{key} is missing" for key in shape if key not in value]
        return lost + [
            problem
            for key, inner in shape.items()
            if key in value
            for problem in mismatches(inner, value[key], f"{where}.{key}")
        ]
    if isinstance(shape, list):
        if not isinstance(value, list) or not value:
            return [f"{where} is {value!r}"]
        return [
            problem
            for number, one in enumerate(value)
            for problem in mismatches(shape[0], one, f"{where}[{number}]")
        ]
    if isinstance(shape, type):
        return [] if type(value) is shape else [f"{where} is {value!r}"]
    fits = isinstance(value, str) and re.fullmatch(shape, value)
    return [] if fits else [f"{where} is {value!r}, not {shape}"]


@pytest.fixture
async def local() -> AsyncIterator[LocalWorld]:
    async with served() as world:
        yield world


@pytest.fixture
async def http(local: LocalWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{local.url}/duffel", headers=HEADERS) as client:
        yield client


async def search(http: httpx.AsyncClient, end: str = "CDG", people: int = 1) -> list[Json]:
    ways = [("JFK", end, 40), (end, "JFK", 44)]
    payload = {
        "slices": [
            {"origin": a, "destination": b, "departure_date": in_days(days).isoformat()}
            for a, b, days in ways
        ],
        "passengers": [{"type": "adult"}] * people,
        "cabin_class": "economy",
    }
    answer = await http.post("/air/offer_requests", json={"data": payload})
    assert answer.status_code == 201, answer.text
    return list(answer.json()["data"]["offers"])


def body(offer: Json, **change: Any) -> Json:
    """An order for an offer: a hold, or paid at once."""
    instant = offer["payment_requirements"]["requires_instant_payment"]
    paid = {
        "type": "balance",
        "amount": offer["total_amount"],
        "currency": offer["total_currency"],
    }
    return {
        "type": "instant" if instant else "hold",
        "selected_offers": [offer["id"]],
        "passengers": [
            {
                "id": one["id"],
                "title": "ms",
                "gender": "f",
                "given_name": f"Ana{'ab'[number]}",
                "family_name": "Roe",
                "born_on": "1990-01-31",
                "email": "ana@example.com",
                "phone_number": "+12125550100",
                "identity_documents": [
                    {
                        "type": "passport",
                        "unique_identifier": "X1",
                        "issuing_country_code": "US",
                        "expires_on": "2040-01-01",
                    }
                ],
            }
            for number, one in enumerate(offer["passengers"])
        ],
        "metadata": {"trip_reference": "ref-1"},
        **({"payments": [paid]} if instant else {}),
        **change,
    }


def zz(offers: list[Json]) -> Json:
    return next(one for one in offers if one["owner"]["iata_code"] == "ZZ")


async def test_offers(http: httpx.AsyncClient) -> None:
    found = await search(http, people=2)
    assert len({one["owner"]["iata_code"] for one in found}) > 1
    for offer in found:
        assert mismatches(OFFER, offer, "offer") == []
        needs = offer["payment_requirements"]
        refund = offer["conditions"]["refund_before_departure"]
        assert (refund["penalty_amount"] is not None) == refund["allowed"]
        assert (needs["payment_required_by"] is None) == needs["requires_instant_payment"]
    shown = (await http.get(f"/air/offers/{found[0]['id']}")).json()["data"]
    moving = ("updated_at", "available_services")
    assert {k: v for k, v in shown.items() if k not in moving} == {
        k: v for k, v in found[0].items() if k not in moving
    }
    listed = await http.get("/air/offers", params={"offer_request_id": "orq_none"})
    assert listed.json() == {"data": [], "meta": {"limit": 50, "before": None, "after": None}}


async def test_a_held_order_paid_and_cancelled(local: LocalWorld, http: httpx.AsyncClient) -> None:
    offer = zz(await search(http, people=2))
    made = await http.post("/air/orders", json={"data": body(offer)})
    assert made.status_code == 201, made.text
    order = made.json()["data"]
    assert mismatches(ORDER, order, "order") == []
    assert order["payment_status"]["awaiting_payment"] is True
    assert order["payment_status"]["paid_at"] is None
    assert order["documents"] == []
    assert (await http.get(f"/air/orders/{order['id']}")).json()["data"] == order
    paid = {
        "order_id": order["id"],
        "payment": {
            "type": "balance",
            "amount": offer["total_amount"],
            "currency": "USD",
        },
    }
    payment = await http.post("/air/payments", json={"data": paid})
    assert payment.status_code == 201
    assert mismatches(PAYMENT, payment.json()["data"], "payment") == []
    again = await http.post("/air/payments", json={"data": paid})
    assert mismatches(ERROR, again.json(), "error") == []
    assert (again.status_code, again.json()["errors"][0]["code"]) == (422, "already_paid")
    order = (await http.get(f"/air/orders/{order['id']}")).json()["data"]
    assert mismatches(ORDER, order, "order") == []
    assert order["payment_status"]["awaiting_payment"] is False
    assert dt.datetime.fromisoformat(order["payment_status"]["paid_at"]).tzinfo is not None
    assert [one["type"] for one in order["documents"]] == ["electronic_ticket"] * 2

    asked = await http.post("/air/order_cancellations", json={"data": {"order_id": order["id"]}})
    assert asked.status_code == 201
    stale = asked.json()["data"]
    assert mismatches(CANCELLATION, stale, "cancellation") == []
    assert stale["confirmed_at"] is None
    asked = await http.post("/air/order_cancellations", json={"data": {"order_id": order["id"]}})
    newest = asked.json()["data"]
    refused = await http.post(f"/air/order_cancellations/{stale['id']}/actions/confirm")
    assert refused.json()["errors"][0]["code"] == "order_cancellation_stale"
    done = await http.post(f"/air/order_cancellations/{newest['id']}/actions/confirm")
    assert done.status_code == 200
    assert mismatches(CANCELLATION, done.json()["data"], "cancellation") == []
    order = (await http.get(f"/air/orders/{order['id']}")).json()["data"]
    assert order["cancellation"] == done.json()["data"]
    assert order["cancelled_at"] == done.json()["data"]["confirmed_at"]
    assert order["available_actions"] == []
    kinds = [event["type"] for event in local.world.shelf("duffel_events").documents.values()]
    assert kinds == [
        "order.created",
        "payment.created",
        "order_cancellation.created",
        "order_cancellation.created",
        "order_cancellation.confirmed",
    ]


async def test_events_and_changes(local: LocalWorld, http: httpx.AsyncClient) -> None:
    offer = zz(await search(http))
    order = (await http.post("/air/orders", json={"data": body(offer)})).json()["data"]
    async with httpx.AsyncClient(base_url=local.url) as control:
        path = f"/_sandbox/duffel/orders/{order['id']}"
        for action, rest in (("schedule_change", {"minutes": -45}), ("airline_cancel", {})):
            change = (await control.post(f"{path}/{action}", json=rest)).json()
            assert mismatches(CHANGE, change, "change") == []
            assert bool(change["added"]) == (action == "schedule_change")
    listed = (await http.get("/air/webhooks/deliveries")).json()
    assert len(listed["data"]) == 3
    for delivery in listed["data"]:
        shown = await http.get(f"/air/webhooks/events/{delivery['event_id']}")
        assert mismatches(EVENT, shown.json()["data"], "event") == []
    kind = {"type": "order.created"}
    [created] = (await http.get("/air/webhooks/deliveries", params=kind)).json()["data"]
    assert created["type"] == "order.created"
    late = {"created_at[after]": (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()}
    assert (await http.get("/air/webhooks/deliveries", params=late)).json()["data"] == []


async def test_errors(http: httpx.AsyncClient) -> None:
    for answer, status in (
        (await http.get("/air/orders/ord_none"), 404),
        (await http.get("/air/offers/off_none"), 404),
        (await http.post("/air/orders", json={"data": {}}), 422),
        (await http.post("/air/orders", json={}), 400),
        (await http.post("/air/orders", content=b"{"), 400),
        (await http.get("/air/orders", headers={"Authorization": "Bearer x"}), 401),
        (await http.get("/air/orders", headers={"Duffel-Version": "v1"}), 400),
    ):
        assert answer.status_code == status, answer.text
        assert mismatches(ERROR, answer.json(), "error") == []
        assert answer.headers["x-request-id"] == answer.json()["meta"]["request_id"]


def test_the_check_itself_finds_what_is_wrong() -> None:
    assert mismatches({"a": "x"}, {}) == [".a is missing"]
    assert mismatches({"a": MONEY}, {"a": 1.5}) == [rf".a is 1.5, not {MONEY}"]
    assert mismatches([{"a": bool}], [{"a": 1}]) == ["[0].a is 1"]
    assert mismatches([{"a": bool}], []) == [" is []"]
