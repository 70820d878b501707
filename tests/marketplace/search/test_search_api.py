"""Search and quotes over HTTP, for services and for users."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest

from api.core.context import OF_LISTS
from models.core.callers import Scope
from tests.api.conftest import client
from tests.api.conftest import lonely as lonely
from tests.api.server import Served, add_caller
from tests.marketplace.shop import IN, Shop, day
from tests.support.users import SignedIn, sign_in


@pytest.fixture
async def http(lonely: Served, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service with the scope market."""
    key = add_caller(database_url, name=f"shop window {uuid.uuid4()}", scopes=[Scope.MARKET])
    async with client(lonely.url, key) as found:
        yield found


@pytest.fixture
def user(database_url: str) -> SignedIn:
    return sign_in(database_url)


def asked(shop: Shop, **more: Any) -> dict[str, Any]:
    return {"city": shop.city, "check_in": f"{IN}", "check_out": f"{day(3)}", **more}


async def get(http: httpx.AsyncClient, path: str, status: int = 200, **query: Any) -> Any:
    answer = await http.get(f"/market/v1{path}", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_from_the_search_to_a_quote(http: httpx.AsyncClient, shop: Shop) -> None:
    taxes = [{"name": "city tax", "kind": "PER_ADULT_NIGHT", "amount": 150}]
    listing, room, plan = shop.add_stay(taxes=taxes)
    page = await get(http, "/stays", **asked(shop, children="5", amenities="wifi"))
    ((stay,), more) = page["stays"], page["has_more"]
    assert (more, page["next_cursor"]) == (False, None)
    offer = stay["offer"]
    assert (stay["listing"]["id"], offer["room"]["id"]) == (listing, room)
    assert (offer["price"]["total"], offer["per_night"], offer["units_left"]) == (30_900, 10_300, 2)
    assert offer["terms"]["cancellation"] == [
        {"until": "2031-03-08T15:00:00Z", "until_local": "2031-03-08 15:00", "fee": 0},
        {"until": None, "fee": 10_000},
    ]
    days: dict[str, Any] = {"check_in": f"{IN}", "check_out": f"{day(3)}"}
    listed = await get(http, f"/stays/{listing}/offers", **days, children="5")
    assert listed["offers"] == [offer]
    body = {
        "product_type": "STAY",
        "product_id": listing,
        "rate_plan_id": plan,
        **days,
        "rooms": offer["rooms"],
        "currency": "EUR",
    }
    made = await http.post("/market/v1/quotes", json=body)
    assert made.status_code == 201, made.text
    quote = made.json()
    assert (quote["price"], quote["terms"]) == (offer["price"], offer["terms"])
    assert (quote["status"], quote["nights"], quote["booking_id"]) == ("QUOTE", 3, None)
    assert quote["listing"]["check_in_from"] == "15:00"
    assert await get(http, f"/quotes/{quote['id']}") == quote
    [(sha256,)] = shop.execute(
        "SELECT encode(sha256, 'hex') FROM quotes WHERE id = %s", quote["id"]
    )
    assert quote["snapshot_sha256"] == sha256


async def test_packages_and_tours(http: httpx.AsyncClient, shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    package = shop.add_package(listing, {room: 1})
    (found,) = (await get(http, "/packages", city=shop.city, check_in=f"{IN}"))["packages"]
    assert (found["id"], found["total"], found["units_left"]) == (package, 60_000, 2)
    body = {
        "product_type": "HOTEL_PACKAGE",
        "product_id": package,
        "check_in": f"{IN}",
        "rooms": found["rooms"],
        "currency": "EUR",
    }
    quote = (await http.post("/market/v1/quotes", json=body)).json()
    assert (quote["price"]["total"], quote["check_out"]) == (60_000, f"{day(3)}")
    assert quote["rooms"][0]["rate_plan"] is None

    tour = shop.add_tour()
    departures = [shop.add_departure(tour, day(number)) for number in range(3)]
    days: dict[str, Any] = {"from": f"{IN}", "to": f"{day(9)}"}
    (found,) = (await get(http, "/tours", city=shop.city, travelers=3, **days))["tours"]
    assert (found["id"], found["departure"]["total"]) == (tour, 12_000)
    assert found["departure"]["id"] == departures[0]
    first = await get(http, f"/tours/{tour}/departures", limit=2, **days)
    assert [one["id"] for one in first["departures"]] == departures[:2]
    second = await get(
        http, f"/tours/{tour}/departures", limit=2, cursor=first["next_cursor"], **days
    )
    assert [one["id"] for one in second["departures"]] == departures[2:]
    assert second["next_cursor"] is None
    body = {
        "product_type": "TOUR_PACKAGE",
        "product_id": tour,
        "departure_id": departures[1],
        "travelers": 3,
        "currency": "EUR",
    }
    quote = (await http.post("/market/v1/quotes", json=body)).json()
    assert (quote["price"]["total"], quote["travelers"]) == (12_000, 3)
    assert quote["departure"]["date"] == f"{day(1)}"
    assert quote["product_id"] == departures[1]


async def test_pages_over_http(http: httpx.AsyncClient, shop: Shop) -> None:
    expected = []
    for number, currency in enumerate(["USD", "EUR", "EUR", "KWD", "EUR"]):
        listing, room, _ = shop.add_stay(currency=currency)
        shop.change("rooms", room, base_price=10_000 + number // 2 * 1_000)
        expected.append((currency, number // 2, listing))
    seen, cursor = [], None
    while True:
        more: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
        page = await get(http, "/stays", **asked(shop, limit=1, **more))
        seen += [one["listing"]["id"] for one in page["stays"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == [listing for *_, listing in sorted(expected)]


async def test_a_cursor_of_another_search(http: httpx.AsyncClient, shop: Shop) -> None:
    for _ in range(2):
        shop.add_stay()
    page = await get(http, "/stays", **asked(shop, limit=1))
    cursor = page["next_cursor"]
    for path, query in (
        ("/stays", asked(shop, limit=1, adults=1)),
        ("/packages", {"city": shop.city}),
        ("/tours", {"city": shop.city}),
    ):
        told = await get(http, path, 400, **query, cursor=cursor)
        assert told["code"] == "CURSOR_INVALID"
    told = await get(http, "/stays", 422, **asked(shop), cursor="A")
    assert told["code"] == "INVALID_REQUEST"


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/stays", {"city": None}, "city"),
        ("/stays", {"bbox": "1,1,2,2"}, "city"),
        ("/stays", {"city": None, "bbox": "1,1,2"}, "bbox"),
        ("/stays", {"city": None, "bbox": "1,1,99,2"}, "bbox"),
        ("/stays", {"city": None, "bbox": "nan,1,2,2"}, "bbox"),
        ("/stays", {"city": ""}, "city"),
        ("/stays", {"check_in": None}, "check_in"),
        ("/stays", {"check_out": f"{IN}"}, "check_out"),
        ("/stays", {"check_out": f"{IN + dt.timedelta(days=91)}"}, "check_out"),
        ("/stays", {"children": "18"}, "children"),
        ("/stays", {"children": "5;9"}, "children"),
        ("/stays", {"rooms": 3}, "rooms"),
        ("/stays", {"rooms": 11}, "rooms"),
        ("/stays", {"adults": 0}, "adults"),
        ("/stays", {"price_min": 5}, "currency"),
        ("/stays", {"price_min": 5, "price_max": 4, "currency": "EUR"}, "price_max"),
        ("/stays", {"currency": "XXX"}, "currency"),
        ("/stays", {"amenities": "WiFi"}, "amenities"),
        ("/stays", {"limit": 101}, "limit"),
        ("/tours", {"city": None}, "city"),
        ("/tours", {"from": "2031-03-01", "to": "2031-03-01"}, "to"),
        ("/tours", {"from": "2031-03-01", "to": "2033-03-01"}, "to"),
        ("/packages", {"city": None}, "city"),
    ],
)
async def test_what_cannot_be_searched_for(
    http: httpx.AsyncClient, shop: Shop, path: str, query: dict[str, Any], field: str
) -> None:
    whole = asked(shop) if path == "/stays" else {"city": shop.city}
    sent = {name: value for name, value in {**whole, **query}.items() if value is not None}
    told = await get(http, path, 422, **sent)
    assert told["code"] in {"CONTRADICTORY_REQUEST", "INVALID_REQUEST", "QUOTE_REFUSED"}
    assert told["field"] == field


async def test_filters_that_there_are_not(http: httpx.AsyncClient, shop: Shop) -> None:
    for path in ("/stays", "/packages", "/tours"):
        told = await get(http, path, 422, **asked(shop, stars=5))
        assert told["code"] == "FILTER_NOT_SUPPORTED"
        assert "limit" in told["details"]["supported"]


async def test_a_search_that_takes_too_long(http: httpx.AsyncClient, shop: Shop) -> None:
    """Its statement is given up after two seconds; quotes go on meanwhile."""
    assert OF_LISTS["statement_timeout"] == 2_000
    with psycopg.connect(shop.url) as connection:
        connection.execute("LOCK TABLE hotel_packages IN ACCESS EXCLUSIVE MODE")
        slow = asyncio.create_task(http.get("/market/v1/packages", params={"city": shop.city}))
        listing, *_ = shop.add_stay()
        days: dict[str, Any] = {"check_in": f"{IN}", "check_out": f"{day(3)}"}
        assert (await get(http, f"/stays/{listing}/offers", **days))["offers"]
        answer = await slow
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert answer.headers["Retry-After"]


async def test_quotes_are_of_who_asked(
    http: httpx.AsyncClient, lonely: Served, shop: Shop, user: SignedIn, database_url: str
) -> None:
    listing, room, _ = shop.add_stay()
    body = {
        "product_type": "STAY",
        "product_id": listing,
        "check_in": f"{IN}",
        "check_out": f"{day(1)}",
        "rooms": [{"room_id": room, "adults": 2}],
        "currency": "EUR",
    }
    other = sign_in(database_url)
    async with client(lonely.url) as nobody:
        made = await nobody.post("/market/v1/quotes", json=body, headers=user.bearer)
        assert made.status_code == 201, made.text
        path = f"/market/v1/quotes/{made.json()['id']}"
        assert (await nobody.get(path, headers=user.bearer)).json() == made.json()
        for answer in (await nobody.get(path, headers=other.bearer), await http.get(path)):
            assert (answer.status_code, answer.json()["code"]) == (404, "QUOTE_UNKNOWN")
        assert (await nobody.get(path)).status_code == 401
        assert (await nobody.get("/market/v1/stays", params=asked(shop))).status_code == 401
        assert (await http.get("/market/v1/quotes/q_1")).status_code == 404
    [(user_id,)] = shop.execute("SELECT user_id::text FROM quotes WHERE id = %s", made.json()["id"])
    assert user_id == user.id


@pytest.mark.parametrize(
    ("product_type", "change", "field", "rule"),
    [
        ("STAY", {"check_out": None}, "check_out", "MISSING"),
        ("STAY", {"rooms": []}, "rooms", "MISSING"),
        ("STAY", {"travelers": 2}, "travelers", "NOT_OF_THIS_PRODUCT"),
        ("STAY", {"departure_id": str(uuid.uuid4())}, "departure_id", "NOT_OF_THIS_PRODUCT"),
        ("HOTEL_PACKAGE", {"rate_plan_id": str(uuid.uuid4())}, "rate_plan_id", None),
        ("HOTEL_PACKAGE", {"check_in": None}, "check_in", "MISSING"),
        ("TOUR_PACKAGE", {"departure_id": str(uuid.uuid4())}, "travelers", "MISSING"),
        ("TOUR_PACKAGE", {"travelers": 2}, "departure_id", "MISSING"),
    ],
)
async def test_what_a_product_has_and_has_not(
    http: httpx.AsyncClient, product_type: str, change: dict[str, Any], field: str, rule: str | None
) -> None:
    body = {
        "product_type": product_type,
        "product_id": str(uuid.uuid4()),
        "check_in": f"{IN}",
        "check_out": f"{day(1)}",
        "rooms": [{"room_id": str(uuid.uuid4()), "adults": 2}],
        "currency": "EUR",
        **change,
    }
    answer = await http.post("/market/v1/quotes", json=body)
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"]) == (422, "QUOTE_REFUSED", field)
    assert rule in (None, told["details"]["rule"])


async def test_refusals_over_http(http: httpx.AsyncClient, shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    body = {
        "product_type": "STAY",
        "product_id": listing,
        "check_in": f"{IN}",
        "check_out": f"{day(3)}",
        "rooms": [{"room_id": room, "adults": 3}],
        "currency": "EUR",
    }

    async def told() -> tuple[int, Any]:
        answer = await http.post("/market/v1/quotes", json=body)
        return answer.status_code, answer.json()

    status, problem = await told()
    assert (status, problem["code"], problem["field"]) == (422, "GUESTS_DO_NOT_FIT", "rooms[0]")
    assert problem["details"] == {
        "room_id": room,
        "adults_max": 2,
        "children_max": 1,
        "child_age_max": 12,
    }
    body["rooms"] = [{"room_id": room, "adults": 2}]
    shop.change_night(room, day(1), closed=True)
    status, problem = await told()
    assert (status, problem["code"]) == (409, "SOLD_OUT")
    assert problem["details"] == {"nights": [f"{day(1)}"]}
    shop.change("listings", listing, status="ARCHIVED")
    status, problem = await told()
    assert (status, problem["code"]) == (409, "NOT_ON_SALE")
    assert problem["details"] == {"what": "listing", "why": "ARCHIVED"}
    body["product_id"] = str(uuid.uuid4())
    assert (await told())[0] == 404
