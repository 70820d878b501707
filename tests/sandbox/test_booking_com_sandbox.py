"""Booking.com's emulation by itself: envelope, credentials, tokens, stock, look-ups, offers."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.booking_com import live_offer
from sandbox.booking_com.ledger import Ledger, ledger_of
from sandbox.viator import live_offers
from sandbox.world import World
from tests.suppliers.conftest import LocalWorld, in_days
from tests.suppliers.conftest import local as local

HEADERS = {"Authorization": "Bearer t", "X-Affiliate-Id": "7"}


@pytest.fixture
async def http(local: LocalWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=f"{local.url}/booking_com/3.2", headers=HEADERS
    ) as client:
        yield client


def offer(world: World, **change: Any) -> dict[str, Any]:
    search = {"city": "Porto", "checkin": in_days(20), "checkout": in_days(22), "adults": 2}
    return live_offer(world, **{**search, "currency": "EUR", **change})


async def preview(http: httpx.AsyncClient, offered: dict[str, Any]) -> httpx.Response:
    return await http.post(
        "/orders/preview",
        json={
            "booker": {"country": "nl", "platform": "desktop"},
            "currency": offered["currency"],
            "accommodation": {
                "id": offered["accommodation"],
                "checkin": offered["checkin"],
                "checkout": offered["checkout"],
                "products": [
                    {
                        "id": offered["product"],
                        "allocation": {"number_of_adults": offered["adults"]},
                    }
                ],
            },
        },
    )


async def create(
    http: httpx.AsyncClient, token: str, product: str, **payment: Any
) -> httpx.Response:
    name = {"first_name": "Ana", "last_name": "Roe"}
    return await http.post(
        "/orders/create",
        json={
            "order_token": token,
            "booker": {"email": "a@b.co", "name": name, "telephone": "+1 212 555 0100"},
            "accommodation": {
                "label": "ref",
                "products": [{"id": product, "guests": [{"name": "Ana", "email": "a@b.co"}]}],
            },
            "payment": {"method": "airplus", "timing": "pay_online_now", **payment},
        },
    )


def error_of(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["request_id"]
    return answer.status_code, body["errors"][0]["id"]


async def test_credentials_and_bodies_are_checked(http: httpx.AsyncClient) -> None:
    path = "/orders/cancel"
    bare = await http.post(path, json={}, headers={"Authorization": "", "X-Affiliate-Id": "7"})
    assert error_of(bare) == (401, "unauthorized")
    nobody = await http.post(path, json={}, headers={"X-Affiliate-Id": ""})
    assert error_of(nobody) == (401, "unauthorized")
    assert error_of(await http.post(path, content=b"{")) == (400, "malformed_request")
    assert error_of(await http.post(path, json={})) == (400, "missing_parameter")
    assert error_of(await http.post(path, json={"order": "1", "x": 1})) == (
        400,
        "unknown_parameter",
    )
    assert error_of(await http.post(path, json={"order": 1})) == (400, "invalid_parameter")
    assert (await http.get(path)).status_code == 405


async def test_a_token_works_once_and_not_for_long(
    local: LocalWorld, http: httpx.AsyncClient
) -> None:
    offered = offer(local.world)["offer"]
    shown = (await preview(http, offered)).json()["data"]
    made = await create(http, shown["order_token"], offered["product"])
    assert made.status_code == 200
    again = await create(http, shown["order_token"], offered["product"])
    assert error_of(again) == (409, "duplicate_request")
    reservation = made.json()["data"]["accommodation"]["reservation"]
    assert str(again.json()["errors"][0]["reservation"]) == reservation
    assert error_of(await create(http, "made up", offered["product"])) == (400, "invalid_token")
    token = (await preview(http, offered)).json()["data"]["order_token"]
    local.world.ahead = dt.timedelta(minutes=16)
    assert error_of(await create(http, token, offered["product"])) == (400, "expired_token")


async def test_orders_are_checked(local: LocalWorld, http: httpx.AsyncClient) -> None:
    offered = offer(local.world)["offer"]
    token = (await preview(http, offered)).json()["data"]["order_token"]
    assert error_of(await create(http, token, "other")) == (400, "conflicting_parameters")
    card = {"number": "x"}
    assert error_of(await create(http, token, offered["product"], card=card)) == (
        400,
        "unknown_parameter",
    )
    assert error_of(await create(http, token, offered["product"], method="card")) == (
        400,
        "invalid_parameter",
    )
    crowded = await preview(http, {**offered, "adults": 3})
    (product,) = crowded.json()["data"]["accommodation"]["products"]
    assert product["occupancy_mismatch"] == {"number_of_adults": 1, "children": []}
    past = await preview(http, {**offered, "checkin": "2020-01-01"})
    assert error_of(past) == (400, "invalid_parameter")
    assert local.world.reservations.all() == []


async def test_details_take_one_filter_and_a_week(http: httpx.AsyncClient) -> None:
    path = "/orders/details"
    assert error_of(await http.post(path, json={"currency": "EUR"})) == (
        400,
        "conflicting_parameters",
    )
    span = {"from": "2031-01-01T00:00:00Z", "to": "2031-01-08T00:00:01Z"}
    too_long = await http.post(path, json={"currency": "EUR", "created": span})
    assert error_of(too_long) == (400, "invalid_parameter")


async def test_amounts_are_in_two_currencies(local: LocalWorld, http: httpx.AsyncClient) -> None:
    found = offer(local.world, currency="JPY")
    shown = (await preview(http, found["offer"])).json()["data"]["accommodation"]
    total = shown["price"]["total"]
    assert total["booker_currency"] == found["price"], "yen have no minor unit"
    assert shown["currency"] == {"booker": "JPY", "accommodation": "EUR"}
    home = offer(local.world)["price"] / 100
    assert total["accommodation_currency"] == pytest.approx(home, rel=0.001)


async def test_stock_is_real_and_survives_a_restart(
    local: LocalWorld, http: httpx.AsyncClient
) -> None:
    offered = offer(local.world)["offer"] | {"accommodation": 3427703, "product": "3427703_1"}
    token = (await preview(http, offered)).json()["data"]["order_token"]
    rival = (await preview(http, offered)).json()["data"]["order_token"]
    assert (await create(http, token, "3427703_1")).status_code == 200
    assert error_of(await create(http, rival, "3427703_1")) == (409, "order_unavailable")
    assert error_of(await preview(http, offered)) == (409, "order_unavailable")
    overlapping = offered | {"checkin": str(in_days(21)), "checkout": str(in_days(25))}
    assert error_of(await preview(http, overlapping)) == (409, "order_unavailable")
    after = offered | {"checkin": str(in_days(22)), "checkout": str(in_days(25))}
    assert (await preview(http, after)).status_code == 200

    stay = next(
        p.stay for p in ledger_of(local.world).previews.values() if p.stay.checkin == in_days(20)
    )
    remembered = Ledger(local.world)  # as after a restart: only the world's reservations are left
    assert remembered.left(stay) == 0
    assert remembered.order_of(token) is not None


async def test_offers_are_deterministic_and_bookable(local: LocalWorld) -> None:
    first, second = offer(local.world), offer(World())
    assert first == second
    assert first["starts_at"].tzinfo is not None
    assert first["ends_at"] > first["starts_at"]
    assert offer(local.world, city="porto ") == first
    assert (
        offer(local.world, city="Faro")["offer"]["accommodation"] != first["offer"]["accommodation"]
    )
    assert offer(local.world, adults=3)["price"] > first["price"]
    assert local.world.log.rows() == []
    local.world.faults.arm("booking_com", "quote", "refuse")
    assert offer(local.world) == first
    assert local.world.faults.list()[0].calls == 0
    for bad in ({"adults": 0}, {"adults": 21}, {"checkout": in_days(20)}, {"currency": "XYZ"}):
        with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
            offer(local.world, **bad)


async def test_experiences_are_deterministic_and_apart(local: LocalWorld) -> None:
    search: dict[str, Any] = {"city": "Kyoto", "date": in_days(20), "adults": 2, "count": 4}
    first = live_offers(local.world, currency="USD", **search)
    assert first == live_offers(World(), currency="USD", **search)
    assert len({found["offer"]["productCode"] for found in first}) == 4
    assert first[0]["ends_at"] <= first[1]["starts_at"]
    # 09:30 in Japan is half past midnight UTC.
    assert first[0]["starts_at"].astimezone(dt.UTC).time() == dt.time(0, 30)
    assert {found["currency"] for found in live_offers(World(), currency="JPY", **search)} == {
        "USD"
    }
    with pytest.raises(ValueError, match="party"):
        live_offers(local.world, currency="USD", **{**search, "adults": 16})
