"""What the sandbox's Amadeus does: tokens, its own offers, orders and their ends."""

import copy
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from sandbox import amadeus
from sandbox.amadeus.tokens import token_at
from sandbox.app import create_app
from sandbox.world import World
from tests.suppliers.conftest import MovableWorld, in_days

Json = dict[str, Any]
ORDERS = "/v1/booking/flight-orders"
PRICING = "/v1/shopping/flight-offers/pricing"


@pytest.fixture
def world() -> MovableWorld:
    return MovableWorld()


@pytest.fixture
async def http(world: MovableWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(world) as client:
        yield client


def client_of(world: World) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(world)),
        base_url="http://sandbox",
        headers={"Authorization": f"Bearer {token_at(world.now())}"},
    )


def offer(world: World, **more: Any) -> Json:
    search: Json = {
        "origin": "JFK",
        "destination": "LIS",
        "depart": in_days(40),
        "return_": in_days(47),
        "adults": 1,
        "currency": "USD",
    }
    found: Json = amadeus.live_offer(world, **{**search, **more})["offer"]
    return found


def statuses(order: Json) -> set[str]:
    """What a retrieved order says of its flights."""
    ways = order["flightOffers"][0]["itineraries"]
    return {flight["bookingStatus"] for way in ways for flight in way["segments"]}


async def price(http: httpx.AsyncClient, found: Json, **query: str) -> httpx.Response:
    body = {"data": {"type": "flight-offers-pricing", "flightOffers": [found]}}
    return await http.post(PRICING, json=body, params=query)


async def priced(http: httpx.AsyncClient, found: Json) -> Json:
    answer = await price(http, found)
    assert answer.status_code == 200, answer.text
    document: Json = answer.json()["data"]["flightOffers"][0]
    return document


def order(document: Json, **change: Any) -> Json:
    data: Json = {
        "type": "flight-order",
        "flightOffers": [document],
        "travelers": [
            {
                "id": "1",
                "dateOfBirth": "1990-01-31",
                "gender": "FEMALE",
                "name": {"firstName": "ANA", "lastName": "ROE"},
                "contact": {"emailAddress": "ana@example.com"},
                "documents": [{"documentType": "PASSPORT", "number": "X1"}],
            }
        ],
        "remarks": {"general": [{"subType": "GENERAL_MISCELLANEOUS", "text": "TRIP b-1-1"}]},
        "ticketingAgreement": {"option": "DELAY_TO_CANCEL", "delay": "6D"},
    }
    data.update(change)
    return {"data": data}


def codes(answer: httpx.Response) -> list[int]:
    return [error["code"] for error in answer.json()["errors"]]


async def test_tokens(world: MovableWorld, http: httpx.AsyncClient) -> None:
    form = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
    token = (await http.post("/v1/security/oauth2/token", data=form)).json()["access_token"]
    path = f"{ORDERS}/x"
    assert (await http.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 404
    for change in ({"client_id": "invalid"}, {"client_secret": ""}, {"client_secret": "invalid"}):
        answer = await http.post("/v1/security/oauth2/token", data={**form, **change})
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    old = token_at(world.now() - dt.timedelta(seconds=1800))
    for header, code in (
        (f"Bearer {token}x", 38190),
        ("Bearer \xff", 38190),
        ("Bearer x", 38190),
        (f"Bearer {old}", 38192),
        ("Basic abc", 38191),
    ):
        answer = await http.get(path, headers={b"Authorization": header.encode("latin-1")})
        assert (answer.status_code, codes(answer)) == (401, [code])
    del http.headers["Authorization"]
    assert codes(await http.get(path)) == [38191]


async def test_an_offer_is_known_after_a_restart(
    world: MovableWorld, http: httpx.AsyncClient
) -> None:
    document = await priced(http, offer(world))
    async with client_of(World()) as restarted:
        assert (await restarted.post(ORDERS, json=order(document))).status_code == 201


async def test_pricing_again_is_the_same(world: MovableWorld, http: httpx.AsyncClient) -> None:
    document = await priced(http, offer(world))
    assert await priced(http, document) == document
    assert document["price"]["grandTotal"] == offer(world)["price"]["grandTotal"]


def _other_price(document: Json) -> None:
    document["price"]["grandTotal"] = "1.00"


def _other_number(document: Json) -> None:
    document["itineraries"][0]["segments"][0]["number"] = "1"


def _other_day(document: Json) -> None:
    document["itineraries"][0]["segments"][0]["departure"]["at"] = "2031-01-01T10:00:00"


def _other_airline(document: Json) -> None:
    document["validatingAirlineCodes"] = ["XX"]


def _more_people(document: Json) -> None:
    document["travelerPricings"].append({**document["travelerPricings"][0], "travelerId": "2"})


def _nothing(document: Json) -> None:
    document.pop("itineraries")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_other_price, 37200),
        (_other_number, 34651),
        (_other_day, 34651),
        (_other_airline, 34651),
        (_more_people, 37200),
        (_nothing, 34651),
    ],
)
async def test_an_altered_offer_is_noticed(
    world: MovableWorld, http: httpx.AsyncClient, change: Any, code: int
) -> None:
    unpriced = offer(world)
    document = await priced(http, unpriced)
    altered = copy.deepcopy(document)
    change(altered)
    assert codes(await http.post(ORDERS, json=order(altered))) == [code]
    change(unpriced)
    assert codes(await price(http, unpriced)) == [code]
    assert world.reservations.all() == []


async def test_an_offer_that_was_not_priced_cannot_be_ordered(
    world: MovableWorld, http: httpx.AsyncClient
) -> None:
    assert codes(await http.post(ORDERS, json=order(offer(world)))) == [4926]


async def test_departed_flights_are_gone(world: MovableWorld, http: httpx.AsyncClient) -> None:
    found = offer(world)
    world.ahead = dt.timedelta(days=42)
    http.headers["Authorization"] = f"Bearer {token_at(world.now())}"
    assert codes(await price(http, found)) == [34651]


async def test_fare_rules_only_when_asked_for(world: MovableWorld, http: httpx.AsyncClient) -> None:
    assert "included" not in (await price(http, offer(world))).json()
    body = (await price(http, offer(world), include="bags,detailed-fare-rules")).json()
    rules = body["included"]["detailed-fare-rules"]
    assert {rule["segmentId"] for rule in rules.values()} == {"1", "2"}


def _traveler(**change: Any) -> Json:
    (traveler,) = order({})["data"]["travelers"]
    return {"travelers": [{**traveler, **change}]}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "order"}, 477),
        ({"payments": [{}]}, 477),
        ({"formOfPayments": [{}]}, 477),
        ({"flightOffers": []}, 32171),
        ({"travelers": []}, 4926),
        (_traveler(id="2"), 4926),
        (_traveler(documents=[]), 32171),
        (_traveler(gender="X"), 32171),
        (_traveler(dateOfBirth="1990"), 32171),
        (_traveler(dateOfBirth=in_days(-300).isoformat()), 4926),
        (_traveler(name={"firstName": "ANA"}), 32171),
        (_traveler(name={"firstName": "ÁNA", "lastName": "ROE"}), 477),
        (_traveler(contact={}), 32171),
        ({"ticketingAgreement": {"option": "DELAY_TO_CANCEL"}}, 477),
        ({"ticketingAgreement": {"option": "LATER"}}, 477),
    ],
)
async def test_incomplete_orders(
    world: MovableWorld, http: httpx.AsyncClient, change: Json, code: int
) -> None:
    document = await priced(http, offer(world))
    answer = await http.post(ORDERS, json=order(document, **change))
    assert (answer.status_code, codes(answer)) == (400, [code])
    assert world.reservations.all() == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"data": NaN}', b'{"data":"\\ud800"}'])
async def test_bodies_that_are_no_orders(http: httpx.AsyncClient, content: bytes) -> None:
    for path in (ORDERS, PRICING):
        answer = await http.post(path, content=content)
        assert (answer.status_code, codes(answer)) == (400, [477])


async def test_the_life_of_an_order(world: MovableWorld, http: httpx.AsyncClient) -> None:
    document = await priced(http, offer(world))
    made = (await http.post(ORDERS, json=order(document))).json()["data"]
    assert made["flightOffers"] == [document]
    assert made["remarks"]["general"][0]["text"] == "TRIP b-1-1"
    assert made["id"].startswith("eJzTd9f3")
    assert made["id"].endswith("%3D"), "encoded as it is told"
    path = f"{ORDERS}/{made['id']}"
    encoded_again = await http.get(f"{ORDERS}/{made['id'].replace('%', '%25')}")
    assert (encoded_again.status_code, codes(encoded_again)) == (404, [1797])
    answer = (await http.get(path)).json()
    assert answer["meta"]["links"]["self"].endswith(path)
    assert statuses(answer["data"]) == {"CONFIRMED"}
    assert answer["data"]["id"] == made["id"]
    (row,) = (await http.get("/_sandbox/amadeus/orders", params={"remark": "b-1-1"})).json()
    assert (row["pnr"], row["live"]) == (made["associatedRecords"][0]["reference"], True)
    assert (await http.get("/_sandbox/amadeus/orders", params={"remark": "none"})).json() == []
    assert (await http.delete(path)).status_code == 204
    assert codes(await http.delete(path)) == [1797]
    gone = (await http.get(path)).json()["data"]
    assert (gone["id"], statuses(gone)) == (made["id"], {"CANCELLED"})
    effects = [(row["operation"], row["reference"], row["effect"]) for row in world.log.rows()]
    assert effects == [
        ("quote", None, "none"),
        ("book", "b-1-1", "created"),
        ("find", None, "none"),
        ("find", "b-1-1", "none"),
        ("cancel", "b-1-1", "cancelled"),
        ("cancel", "b-1-1", "none"),
        ("find", "b-1-1", "none"),
    ]


async def test_a_second_request_makes_a_second_order(
    world: MovableWorld, http: httpx.AsyncClient
) -> None:
    document = await priced(http, offer(world))
    for _ in range(2):
        await http.post(ORDERS, json=order(document))
    assert [record.live for record in world.reservations.all("amadeus")] == [True, True]


async def test_a_second_delivery_does_not(world: MovableWorld, http: httpx.AsyncClient) -> None:
    document = await priced(http, offer(world))
    world.faults.arm("amadeus", "book", "duplicate")
    assert (await http.post(ORDERS, json=order(document))).status_code == 201
    assert len(world.reservations.all("amadeus")) == 1
    assert [r["effect"] for r in world.log.rows() if r["operation"] == "book"] == [
        "created",
        "none",
    ]


async def test_a_hold_dies_by_itself(world: MovableWorld, http: httpx.AsyncClient) -> None:
    document = await priced(http, offer(world))
    made = (await http.post(ORDERS, json=order(document))).json()["data"]
    day = dt.date.fromisoformat(made["ticketingAgreement"]["dateTime"])
    midnight = dt.datetime.combine(day, dt.time(), ZoneInfo("Europe/Paris"))
    assert dt.timedelta(days=5) < midnight - dt.datetime.now(dt.UTC) <= dt.timedelta(days=6)
    for seconds, live in ((-5, True), (1, False)):
        world.ahead = midnight - dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        (row,) = (await http.get("/_sandbox/amadeus/orders", params={"remark": "TRIP"})).json()
        assert (row["id"], row["live"]) == (made["id"], live)
    assert row["status"] == "CANCELLED"


async def test_what_the_airline_says_of_flights(
    world: MovableWorld, http: httpx.AsyncClient
) -> None:
    document = await priced(http, offer(world))
    made = (await http.post(ORDERS, json=order(document))).json()["data"]
    for status in ("WAITLISTED", "UNHEARD_OF"):
        path = "/_sandbox/amadeus/orders/b-1-1/segments"
        await http.post(path, json={"status": status, "segments": ["1"]})
        shown = (await http.get(f"{ORDERS}/{made['id']}")).json()["data"]
        assert statuses(shown) == {status, "CONFIRMED"}


async def test_what_must_be_ticketed_at_once_is_not_held(
    world: MovableWorld, http: httpx.AsyncClient
) -> None:
    document = await priced(http, offer(world, origin="DXB", destination="FCO"))
    assert document["instantTicketingRequired"] is True
    assert codes(await http.post(ORDERS, json=order(document))) == [2668]
    body = order(document, ticketingAgreement={"option": "CONFIRM"})
    assert (await http.post(ORDERS, json=body)).status_code == 201


async def test_a_host_that_is_closed_finds_nothing(
    world: MovableWorld, http: httpx.AsyncClient
) -> None:
    document = await priced(http, offer(world))
    made = (await http.post(ORDERS, json=order(document))).json()["data"]
    assert codes(await http.get("/v1/booking/flight-order")) == [38196]
    await http.post("/_sandbox/amadeus/closed")
    for method, path in (("GET", f"{ORDERS}/{made['id']}"), ("DELETE", f"{ORDERS}/x")):
        answer = await http.request(method, path)
        assert (answer.status_code, codes(answer)) == (404, [38196])
    await http.delete("/_sandbox/amadeus/closed")
    assert (await http.get(f"{ORDERS}/{made['id']}")).status_code == 200


async def test_a_ticketed_order_cannot_be_cancelled(
    world: MovableWorld, http: httpx.AsyncClient
) -> None:
    document = await priced(http, offer(world))
    body = order(document, ticketingAgreement={"option": "CONFIRM"})
    made = (await http.post(ORDERS, json=body)).json()["data"]
    assert [one["documentStatus"] for one in made["tickets"]] == ["ISSUED"]
    answer = await http.delete(f"{ORDERS}/{made['id']}")
    assert (answer.status_code, codes(answer)) == (400, [4926])
    assert world.reservations.all("amadeus")[0].live


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"originLocationCode": "XXX"}, 4926),
        ({"originLocationCode": ""}, 32171),
        ({"originLocationCode": "LIS"}, 2668),
        ({"departureDate": "soon"}, 477),
        ({"departureDate": "2020-01-01"}, 425),
        ({"adults": "0"}, 2668),
        ({"adults": "10"}, 2668),
        ({"adults": "two"}, 477),
        ({"infants": "2"}, 2668),
        ({"currencyCode": "XYZ"}, 4926),
    ],
)
async def test_searches_that_make_no_sense(
    http: httpx.AsyncClient, change: dict[str, str], code: int
) -> None:
    query = {
        "originLocationCode": "JFK",
        "destinationLocationCode": "LIS",
        "departureDate": in_days(30).isoformat(),
        "adults": "1",
    }
    answer = await http.get("/v2/shopping/flight-offers", params={**query, **change})
    assert (answer.status_code, codes(answer)) == (400, [code])


async def test_search_filters(http: httpx.AsyncClient) -> None:
    query = {
        "originLocationCode": "JFK",
        "destinationLocationCode": "LIS",
        "departureDate": in_days(30).isoformat(),
        "adults": "1",
    }

    async def found(**more: str) -> list[Json]:
        answer = await http.get("/v2/shopping/flight-offers", params={**query, **more})
        offers: list[Json] = answer.json()["data"]
        return offers

    everything = await found()
    assert await found() == everything
    airlines = [one["validatingAirlineCodes"][0] for one in everything]
    assert len(airlines) >= 3
    assert [float(o["price"]["total"]) for o in everything] == sorted(
        float(o["price"]["total"]) for o in everything
    )
    assert len(await found(max="1")) == 1
    (only,) = await found(includedAirlineCodes=airlines[1])
    assert only["validatingAirlineCodes"] == [airlines[1]]
    assert len(await found(excludedAirlineCodes=airlines[1])) == len(airlines) - 1
    nonstop = await found(nonStop="true")
    assert {len(one["itineraries"][0]["segments"]) for one in nonstop} == {1}
    assert 0 < len(nonstop) < len(everything)
    economy, business = everything[0], (await found(travelClass="BUSINESS"))[0]
    assert float(business["price"]["total"]) > 2 * float(economy["price"]["total"])
