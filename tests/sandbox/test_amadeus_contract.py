"""Amadeus' published specification against what we send and what the sandbox answers.

The requests are those of the SDK, as they arrive; the answers are the sandbox's, as they leave.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.core.errors import ProviderError
from suppliers.amadeus.adapter import AmadeusSupplier
from tests.sandbox.amadeus_published import (
    assert_answer,
    assert_request,
    document,
    present,
    problems,
    resolve,
)
from tests.suppliers.amadeus.world import flight
from tests.suppliers.conftest import LocalWorld, in_days, party_of, served

pytestmark = present


@pytest.fixture
async def local() -> AsyncIterator[LocalWorld]:
    async with served() as world:
        yield world


@pytest.fixture
async def flights(local: LocalWorld) -> AsyncIterator[AmadeusSupplier]:
    supplier = AmadeusSupplier(local.settings())
    yield supplier
    await supplier.close()


@pytest.fixture
async def http(local: LocalWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=local.url) as client:
        form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
        token = (await client.post("/v1/security/oauth2/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        client.headers["X-HTTP-Method-Override"] = "GET"
        yield client


def assert_all_published(local: LocalWorld, *, requests: bool = True) -> set[tuple[str, int]]:
    """Hold all traffic against the specification; returns what there was, by method and status."""
    seen = set()
    for exchange in local.recorder.exchanges:
        if exchange.path == "/v1/security/oauth2/token" or exchange.path.startswith("/_sandbox"):
            continue
        headers = exchange.headers
        if requests:
            assert_request(exchange.method, exchange.path, headers, exchange.body)
        assert_answer(
            exchange.method,
            exchange.path,
            exchange.status,
            exchange.answer_headers,
            exchange.answer,
        )
        seen.add((f"{exchange.method} {exchange.path.split('/')[3]}", exchange.status))
    return seen


def test_the_checker_can_fail() -> None:
    whole = document("FlightOffersPrice_v1")
    schema = resolve(whole, {"$ref": "#/responses/returnQuotation"})["schema"]
    offer: dict[str, Any] = {"type": "flight-offer", "id": "1"}
    good: dict[str, Any] = {"data": {"type": "flight-offers-pricing", "flightOffers": [offer]}}
    assert problems(whole, schema, good) == []
    assert problems(whole, schema, {"data": {"type": "flight-offers-pricing"}})
    offer["invented"] = 1
    assert problems(whole, schema, good) == ["undeclared: /data/flightOffers/0/invented"]
    del offer["invented"]
    offer["price"] = {"grandTotal": 1}
    assert problems(whole, schema, good)
    with pytest.raises(AssertionError, match="not published"):
        assert_request("POST", "/v1/booking/flight-orders/1/x", {}, None)


async def test_the_whole_way(local: LocalWorld, flights: AmadeusSupplier) -> None:
    for route in (("JFK", "LIS"), ("BOS", "BCN"), ("SEA", "SFO")):
        item = flight(local, origin=route[0], destination=route[1])
        party = party_of()
        booked = await flights.book(item, await flights.quote(item, party), party, "ref-1-1")
        await flights.cancel(booked, "key")
        await flights.cancel(booked, "key")
    seen = assert_all_published(local)
    assert seen == {
        ("POST flight-offers", 200),
        ("POST flight-orders", 201),
        ("DELETE flight-orders", 204),
        ("DELETE flight-orders", 404),
        ("GET flight-orders", 200),
    }


async def test_search_and_reading(local: LocalWorld, http: httpx.AsyncClient) -> None:
    start, end = in_days(30).isoformat(), in_days(37).isoformat()
    answer = await http.get(
        "/v2/shopping/flight-offers",
        params={
            "originLocationCode": "MAD",
            "destinationLocationCode": "PAR",
            "departureDate": start,
            "returnDate": end,
            "adults": 2,
            "children": 1,
            "infants": 1,
            "currencyCode": "EUR",
        },
    )
    assert answer.json()["meta"]["count"] >= 2
    body = {
        "currencyCode": "JPY",
        "originDestinations": [
            {
                "id": "1",
                "originLocationCode": "HND",
                "destinationLocationCode": "SYD",
                "departureDateTimeRange": {"date": start},
            }
        ],
        "travelers": [{"id": "1", "travelerType": "ADULT"}],
        "sources": ["GDS"],
    }
    headers = {"Content-Type": "application/vnd.amadeus+json"}
    answer = await http.post("/v2/shopping/flight-offers", json=body, headers=headers)
    (offer, *_) = answer.json()["data"]
    assert "." not in offer["price"]["grandTotal"]
    await http.get("/v1/booking/flight-orders/none%3D")
    await http.post("/v2/shopping/flight-offers", json={"sources": ["GDS"]}, headers=headers)
    await http.get("/v2/shopping/flight-offers", headers={"Authorization": "Bearer x"})
    assert_all_published(local, requests=False)


async def test_refusals_and_failures(local: LocalWorld, flights: AmadeusSupplier) -> None:
    item, party = flight(local), party_of()
    quote = await flights.quote(item, party)
    booked = await flights.book(item, quote, party, "ref-2-1")
    for operation in ("quote", "book", "cancel"):
        for kind in ("refuse", "error", "price_drift"):
            local.world.faults.arm("amadeus", operation, kind)
            with contextlib.suppress(ProviderError):
                if operation == "quote":
                    await flights.quote(item, party)
                elif operation == "book":
                    await flights.book(item, quote, party, "ref-3-1")
                else:
                    await flights.cancel(booked, "key")
            local.world.faults.clear()
    seen = assert_all_published(local)
    assert {status for _, status in seen} == {200, 201, 204, 400, 500}


async def test_token_shapes(local: LocalWorld, http: httpx.AsyncClient) -> None:
    whole = document("Authorizaton_v1")
    path = "/v1/security/oauth2/token"
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    for fields in (form, {**form, "client_secret": "invalid"}):
        answer = await http.post(path, data=fields)
        published = whole["paths"]["/security/oauth2/token"]["post"]["responses"]
        content = published[str(answer.status_code)]["content"]["application/json"]
        assert problems(whole, content["schema"], answer.json()) == []
