"""Duffel's emulation by itself: what it refuses, its seats, its lists, its memory."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.duffel import live_offer
from sandbox.duffel.offers import shelf
from sandbox.planner.criteria import Suppliers, TripCriteria
from sandbox.planner.planning import make_trip
from sandbox.sellers import SELLERS
from tests.sandbox.core.test_control import running
from tests.sandbox.test_duffel_contract import HEADERS, body, search, zz
from tests.suppliers.conftest import LocalWorld, in_days, served

Json = dict[str, Any]


@pytest.fixture
async def local() -> AsyncIterator[LocalWorld]:
    async with served() as world:
        yield world


@pytest.fixture
async def http(local: LocalWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{local.url}/duffel", headers=HEADERS) as client:
        yield client


async def ordered(http: httpx.AsyncClient, data: Json) -> tuple[int, str]:
    answer = await http.post("/air/orders", json={"data": data})
    content = answer.json()
    return answer.status_code, content["errors"][0]["code"] if "errors" in content else ""


def _person(**change: Any) -> Any:
    def apply(data: Json) -> None:
        data["passengers"][0].update(change)

    return apply


def _with(**change: Any) -> Any:
    def apply(data: Json) -> None:
        data.update(change)

    return apply


def _without_documents(data: Json) -> None:
    del data["passengers"][0]["identity_documents"]


def _same_names(data: Json) -> None:
    data["passengers"][1]["given_name"] = data["passengers"][0]["given_name"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_with(type="pay_later"), "validation_inclusion"),
        (_with(selected_offers=[]), "validation_length"),
        (_with(selected_offers=["off_1", "off_2"]), "validation_length"),
        (_with(selected_offers=["off_none"]), "not_found"),
        (_with(payments=[{"type": "balance"}]), "payments_not_allowed_for_order_type"),
        (_with(type="instant"), "validation_required"),
        (_with(metadata=["x"]), "validation_type"),
        (_with(metadata={"a b": "x"}), "validation_format"),
        (_with(metadata={"a": 1}), "validation_format"),
        (_with(metadata={"a": "x" * 501}), "validation_format"),
        (_with(passengers=None), "order_passengers_incompatible_with_offer"),
        (_with(passengers=[]), "order_passengers_incompatible_with_offer"),
        (_person(id="pas_other"), "order_passengers_incompatible_with_offer"),
        (_person(given_name=""), "invalid_passenger_name"),
        (_person(given_name="Æsa"), "invalid_passenger_name"),
        (_person(family_name="李"), "invalid_passenger_name"),
        (_person(gender="x"), "validation_inclusion"),
        (_person(title="sir"), "invalid_passenger_title"),
        (_person(born_on="31.1.1990"), "validation_format"),
        (_person(email="ana"), "invalid_email_address"),
        (_person(phone_number="212 555 0100"), "invalid_phone_number"),
        (_person(identity_documents=[{"type": "visa"}]), "not_valid_with_selected_offer"),
        (_without_documents, "validation_required"),
        (_same_names, "duplicate_passenger_name"),
    ],
)
async def test_what_is_refused(
    local: LocalWorld, http: httpx.AsyncClient, change: Any, code: str
) -> None:
    data = body(zz(await search(http, people=2)))
    change(data)
    status, error = await ordered(http, data)
    assert (status, error) == (404 if code == "not_found" else 422, code)
    assert local.world.reservations.all("duffel") == []


async def test_payments_must_be_exact(http: httpx.AsyncClient) -> None:
    offer = zz(await search(http, "MAD"))
    assert offer["payment_requirements"]["requires_instant_payment"]
    assert (await ordered(http, body(offer, type="hold", payments=[])))[1] == "hold_not_available"
    paid = body(offer)["payments"][0]
    for change, code in (
        ({"amount": "1.00"}, "payment_amount_does_not_match_order_amount"),
        ({"amount": paid["amount"] + "0"}, "payment_amount_does_not_match_order_amount"),
        ({"currency": "EUR"}, "payment_currency_does_not_match_order_currency"),
        ({"type": "card"}, "validation_inclusion"),
    ):
        wrong = body(offer, payments=[{**paid, **change}])
        assert (await ordered(http, wrong))[1] == code
    assert await ordered(http, body(offer)) == (201, "")


async def test_an_offer_request_is_booked_once(http: httpx.AsyncClient) -> None:
    found = await search(http, "MAD")
    assert await ordered(http, body(zz(found))) == (201, "")
    others = [one for one in found if one["owner"]["iata_code"] != "ZZ"]
    assert others
    for offer in [zz(found), *others]:
        assert await ordered(http, body(offer)) == (422, "offer_request_already_booked")
        gone = await http.get(f"/air/offers/{offer['id']}")
        assert (gone.status_code, gone.json()["errors"][0]["code"]) == (
            422,
            "offer_no_longer_available",
        )


async def test_an_offer_expires(local: LocalWorld, http: httpx.AsyncClient) -> None:
    offer = zz(await search(http))
    local.world.ahead = dt.timedelta(minutes=30, seconds=1)
    assert (await http.get(f"/air/offers/{offer['id']}")).status_code == 422
    assert await ordered(http, body(offer)) == (422, "offer_expired")


async def test_seats_are_few(local: LocalWorld, http: httpx.AsyncClient) -> None:
    made: list[str] = []
    while True:
        found = [o for o in await search(http) if o["owner"]["iata_code"] == "DL"]
        kept = shelf(local.world).get(found[0]["id"])
        assert kept is not None
        kept["seats"] = 9
        status, code = await ordered(http, body(found[0]))
        if status != 201:
            break
        made.append(local.world.reservations.all("duffel")[-1].id)
    assert (code, len(made)) == ("offer_no_longer_available", 6)
    asked = await http.post("/air/order_cancellations", json={"data": {"order_id": made[0]}})
    assert asked.status_code == 201
    path = f"/air/order_cancellations/{asked.json()['data']['id']}/actions/confirm"
    assert (await http.post(path)).status_code == 200
    found = [o for o in await search(http) if o["owner"]["iata_code"] == "DL"]
    assert await ordered(http, body(found[0])) == (201, "")


async def test_lists_and_filters(http: httpx.AsyncClient) -> None:
    made = []
    for end in ("CDG", "MAD", "CDG", "MAD", "CDG"):
        offer = zz(await search(http, end))
        made.append((await http.post("/air/orders", json={"data": body(offer)})).json()["data"])
    newest_first = [one["id"] for one in reversed(made)]

    async def ids(**query: Any) -> list[str]:
        answer = await http.get("/air/orders", params=query)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    assert await ids() == newest_first
    first = (await http.get("/air/orders", params={"limit": 2})).json()
    assert [one["id"] for one in first["data"]] == newest_first[:2]
    assert first["meta"]["before"] is None
    rest = await http.get("/air/orders", params={"limit": 3, "after": first["meta"]["after"]})
    assert [one["id"] for one in rest.json()["data"]] == newest_first[2:]
    assert rest.json()["meta"]["after"] is None
    assert await ids(awaiting_payment="true") == [made[i]["id"] for i in (4, 2, 0)]
    assert await ids(awaiting_payment="false") == [made[i]["id"] for i in (3, 1)]
    assert await ids(offer_id=made[1]["offer_id"]) == [made[1]["id"]]
    assert await ids(booking_reference=made[2]["booking_reference"]) == [made[2]["id"]]
    assert await ids(**{"passenger_name[]": "roe"}) == newest_first
    assert await ids(**{"passenger_name[]": "nobody"}) == []
    for limit in ("0", "201", "x", "-1", "٣"):
        assert (await http.get("/air/orders", params={"limit": limit})).status_code == 422


@pytest.mark.parametrize(
    "change",
    [
        {"slices": []},
        {"slices": [{"origin": "JFK", "destination": "JFK", "departure_date": "2031-01-01"}]},
        {"slices": [{"origin": "JFK", "destination": "XXX", "departure_date": "2031-01-01"}]},
        {"slices": [{"origin": "JFK", "destination": "LHR", "departure_date": "2001-01-01"}]},
        {"slices": [{"origin": "JFK", "destination": "LHR", "departure_date": "soon"}]},
        {"passengers": []},
        {"passengers": [{"type": "adult"}] * 10},
        {"passengers": [{"type": "dog"}]},
        {"passengers": [{"type": "adult", "age": 30}]},
        {"currency": "XXX"},
    ],
)
async def test_searches_that_find_nothing(http: httpx.AsyncClient, change: Json) -> None:
    way = {"origin": "JFK", "destination": "LHR", "departure_date": in_days(30).isoformat()}
    payload = {"slices": [way], "passengers": [{"type": "adult"}], **change}
    answer = await http.post("/air/offer_requests", json={"data": payload})
    assert answer.status_code == 422, answer.text


async def test_searching_without_offers(http: httpx.AsyncClient) -> None:
    way = {"origin": "JFK", "destination": "LHR", "departure_date": in_days(30).isoformat()}
    payload = {"data": {"slices": [way], "passengers": [{"type": "adult"}]}}
    answer = await http.post("/air/offer_requests?return_offers=false", json=payload)
    found = answer.json()["data"]
    assert "offers" not in found
    listed = await http.get("/air/offers", params={"offer_request_id": found["id"]})
    prices = [float(one["total_amount"]) for one in listed.json()["data"]]
    assert prices == sorted(prices)
    assert len(prices) > 1


async def test_what_is_armed_for_later_is_cleared_with_the_faults(
    local: LocalWorld, http: httpx.AsyncClient
) -> None:
    async with httpx.AsyncClient(base_url=local.url) as control:
        path = "/_sandbox/duffel/later"
        assert (await control.post(path, json={"times": 3})).json() == {"armed": 3}
        assert (await control.delete(path)).json() == {"cleared": 3}
        await control.post(path, json={"reference": "another"})
        assert await ordered(http, body(zz(await search(http)))) == (201, "")
        for calm in local.world.calmers:
            calm()
        assert (await control.delete(path)).json() == {"cleared": 0}
        assert (await control.post(path, json={"outcome": "maybe"})).status_code == 422


async def test_what_was_accepted_can_be_made_to_come_out(
    local: LocalWorld, http: httpx.AsyncClient
) -> None:
    async with httpx.AsyncClient(base_url=local.url) as control:
        path = "/_sandbox/duffel/later"
        await control.post(path, json={"after": 3600, "status": 200})
        assert await ordered(http, body(zz(await search(http)))) == (200, "")
        assert local.live("duffel", "ref-1") == 0
        assert (await control.post(f"{path}/settle")).json() == {"settled": 1}
        assert local.live("duffel", "ref-1") == 1
        assert (await control.post(f"{path}/settle")).json() == {"settled": 0}


async def test_a_hold_can_be_made_to_lapse(local: LocalWorld, http: httpx.AsyncClient) -> None:
    order = (await http.post("/air/orders", json={"data": body(zz(await search(http)))})).json()
    async with httpx.AsyncClient(base_url=local.url) as control:
        path = "/_sandbox/duffel/orders/ref-1/lapse"
        assert (await control.post(path)).json()["status"] == "lapsed"
        assert (await control.post(path)).status_code == 404
    shown = (await http.get(f"/air/orders/{order['data']['id']}")).json()["data"]
    assert shown["payment_status"]["awaiting_payment"] is False
    assert shown["payment_status"]["paid_at"] is None
    assert shown["cancelled_at"] is None


async def test_what_the_planner_finds(local: LocalWorld) -> None:
    found = live_offer(
        local.world,
        origin="NYC",
        destination="LIS",
        depart=in_days(60),
        return_=in_days(64),
        adults=2,
        currency="EUR",
    )
    assert found["title"] == "New York – Lisbon and back, Duffel Airways"
    assert found["landed"] in (in_days(60), in_days(61))
    assert found["starts_at"] < found["ends_at"]
    assert found["offer"]["total_currency"] == found["currency"] == "EUR"
    for change in (
        {"origin": "XXX"},
        {"destination": "JFK"},
        {"adults": 0},
        {"adults": 10},
        {"depart": in_days(-2), "return_": None},
        {"currency": "XXX"},
    ):
        search = {
            "origin": "JFK",
            "destination": "LIS",
            "depart": in_days(60),
            "return_": in_days(64),
            "adults": 2,
            "currency": "EUR",
        }
        with pytest.raises(ValueError, match=r"\S"):
            live_offer(local.world, **{**search, **change})  # type: ignore[arg-type]
    assert local.world.log.rows() == []


async def test_the_planner_sells_it(local: LocalWorld) -> None:
    criteria = TripCriteria(suppliers=Suppliers(flight="duffel", hotel=None, activity=None))
    [flight] = make_trip(local.world, criteria)["components"]
    assert (flight["supplier"], flight["type"]) == ("duffel", "FLIGHT")
    assert flight["offer"]["owner"]["iata_code"] == "ZZ"
    assert "complete" in SELLERS["duffel"].operations


async def test_it_survives_being_killed(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    async with running(tmp_path, "--state-file", state) as (process, client):
        http = httpx.AsyncClient(base_url=f"{client.base_url}/duffel/", headers=HEADERS)
        held = (await http.post("/air/orders", json={"data": body(zz(await search(http)))})).json()
        waiting = zz(await search(http))
        short = zz(await search(http))
        later = {"after": 1.5, "reference": "later"}
        await client.post("/_sandbox/duffel/later", json=later)
        data = body(waiting, metadata={"trip_reference": "later"})
        assert (await http.post("/air/orders", json={"data": data})).status_code == 202
        fault = {"supplier": "duffel", "operation": "book", "kind": "short_hold", "seconds": 2}
        await client.post("/_sandbox/faults", json=fault)
        data = body(short, metadata={"trip_reference": "short"})
        assert (await http.post("/air/orders", json={"data": data})).status_code == 201
        offered = zz(await search(http))
        process.kill()
        await http.aclose()
    async with running(tmp_path, "--state-file", state) as (_, client):
        http = httpx.AsyncClient(base_url=f"{client.base_url}/duffel/", headers=HEADERS)
        order = held["data"]
        assert (await http.get(f"/air/orders/{order['id']}")).json()["data"] == order
        assert (await http.get(f"/air/offers/{offered['id']}")).status_code == 200
        assert (await ordered(http, body(waiting)))[1] in (
            "order_creation_already_attempted",
            "offer_request_already_booked",
        )
        async with asyncio.timeout(20):
            while True:
                rows = (await client.get("/_sandbox/state")).json()["reservations"]
                live = {row["reference"] for row in rows if row["live"]}
                if live == {"ref-1", "later"}:
                    break
                await asyncio.sleep(0.1)
        [made] = [row for row in rows if row["reference"] == "later"]
        assert made["status"] == "held"
        await http.aclose()
