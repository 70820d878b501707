"""The sandbox's planner: trip options made of live offers, and their lock."""

import datetime as dt
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Any

import httpx
import pytest

from models.trips.option import TripOption
from sandbox.app import create_app
from tests.suppliers.conftest import MovableWorld, in_days


@pytest.fixture
def world() -> MovableWorld:
    return MovableWorld()


@pytest.fixture
async def http(world: MovableWorld) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(world))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


async def generate(http: httpx.AsyncClient, **criteria: Any) -> dict[str, Any]:
    answer = await http.post("/trip/generate", json=criteria)
    assert answer.status_code == 201, answer.text
    trip: dict[str, Any] = answer.json()
    return trip


async def test_the_sample_trip(world: MovableWorld, http: httpx.AsyncClient) -> None:
    for content in (b"", b"{}"):
        answer = await http.post("/trip/generate", content=content)
        assert answer.status_code == 201
        trip = TripOption.model_validate(answer.json())
        assert [one.type for one in trip.components] == ["FLIGHT", "HOTEL", "ACTIVITY", "ACTIVITY"]
        assert [one.supplier for one in trip.components] == [
            "amadeus",
            "booking_com",
            "viator",
            "viator",
        ]
        assert trip.currency == "USD"
        assert trip.total_price == sum(one.price for one in trip.components)
        assert len({one.component_id for one in trip.components}) == 4
        assert len(trip.travelers) == 2
        assert all(one.document and one.email and one.phone for one in trip.travelers)
        first = min(one.starts_at for one in trip.components)
        assert abs((first.date() - in_days(60)).days) <= 1
        assert all(one.starts_at < one.ends_at for one in trip.components)
    assert world.log.rows() == []


async def test_planning_meets_no_faults(world: MovableWorld, http: httpx.AsyncClient) -> None:
    armed = [
        world.faults.arm(supplier, "quote", "error", rate=1.0)
        for supplier in ("amadeus", "booking_com", "viator")
    ]
    await generate(http)
    assert [fault.calls for fault in armed] == [0, 0, 0]


async def test_criteria_are_met(http: httpx.AsyncClient) -> None:
    traveler = {"firstName": "Zoë", "lastName": "Müller", "dateOfBirth": "1985-02-28"}
    trip = await generate(
        http,
        origin="MAD",
        destination="BCN",
        dates={"start": in_days(20).isoformat(), "end": in_days(22).isoformat()},
        travelers=[traveler],
        currency="EUR",
        activities=10,
    )
    assert [one["type"] for one in trip["components"]] == ["FLIGHT", "HOTEL"] + 10 * ["ACTIVITY"]
    assert {one["currency"] for one in trip["components"]} == {"EUR"}
    assert [one["firstName"] for one in trip["travelers"]] == ["Zoë"]
    assert trip["components"][1]["startsAt"].startswith(in_days(20).isoformat())
    only = await generate(http, suppliers={"hotel": None}, activities=0, travelers=9)
    assert [one["type"] for one in only["components"]] == ["FLIGHT"]
    assert len(only["travelers"]) == 9
    at_home = await generate(http, origin="JFK", destination="MIA")
    assert all("document" not in one for one in at_home["travelers"])


async def test_a_currency_that_experiences_are_not_billed_in(http: httpx.AsyncClient) -> None:
    trip = await generate(http, currency="JPY")
    assert [one["type"] for one in trip["components"]] == ["FLIGHT", "HOTEL"]
    assert {one["currency"] for one in trip["components"]} == {"JPY"}
    answer = await http.post("/trip/generate", json={"currency": "JPY", "activities": 2})
    assert (answer.status_code, answer.json()["field"]) == (422, "activities")


@pytest.mark.parametrize(
    "criteria",
    [
        {"origin": "XXX"},
        {"origin": "LIS"},
        {"origin": 1},
        {"dates": {"start": "2020-01-01", "end": "2020-01-05"}},
        {"dates": {"start": in_days(9).isoformat(), "end": in_days(9).isoformat()}},
        {"dates": {"start": in_days(9).isoformat(), "end": in_days(99).isoformat()}},
        {"dates": {"start": in_days(400).isoformat(), "end": in_days(404).isoformat()}},
        {"dates": {"start": "soon", "end": "later"}},
        {"travelers": 0},
        {"travelers": 10},
        {"travelers": True},
        {"travelers": "two"},
        {"travelers": []},
        {"travelers": [{"firstName": "Kid", "lastName": "Roe", "dateOfBirth": "2020-01-01"}]},
        {"activities": 11},
        {"activities": -1},
        {"currency": "XYZ"},
        {"currency": "usd"},
        {"suppliers": {"flight": "unknown"}},
        {"suppliers": {"flight": None, "hotel": None, "activity": None}},
        {"payload": "none"},
        [],
        "trip",
    ],
)
async def test_criteria_that_cannot_be_met(http: httpx.AsyncClient, criteria: Any) -> None:
    answer = await http.post("/trip/generate", json=criteria)
    assert answer.status_code == 422
    assert answer.json()["error"]


@pytest.mark.parametrize("content", [b"{", b'{"currency": NaN}', b'{"origin": "\\ud800"}', b"\xff"])
async def test_bodies_that_are_no_json(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post("/trip/generate", content=content)
    assert (answer.status_code, answer.json()["error"]) == (422, "the body is not JSON")


async def test_reading(world: MovableWorld, http: httpx.AsyncClient) -> None:
    trip = await generate(http)
    path = f"/trip-options/{trip['tripOptionId']}"
    assert (await http.get(path)).json() == trip
    assert (await http.get("/trip-options/none")).status_code == 404
    world.ahead = dt.timedelta(days=8)
    assert (await http.get(path)).status_code == 404


async def test_locking(http: httpx.AsyncClient) -> None:
    trip = await generate(http)
    path = f"/trip-options/{trip['tripOptionId']}"

    async def lock(status: str, booking: str | None) -> int:
        answer = await http.put(f"{path}/lock", json={"status": status, "bookingId": booking})
        return answer.status_code

    assert await lock("LOCKED", "a") == 200
    assert await lock("OPEN", "a") == 200
    assert (await http.get(path)).json() == trip
    assert [await lock("BOOKED", "a"), await lock("BOOKED", "a")] == [200, 200]
    assert [await lock("BOOKED", "b"), await lock("LOCKED", "b"), await lock("OPEN", "b")] == [
        409,
        409,
        409,
    ]
    option = (await http.get(path)).json()
    assert (option["lockStatus"], option["bookingId"]) == ("BOOKED", "a")
    assert await lock("SOLD", "a") == 422
    assert await lock("LOCKED", None) == 422
    assert await lock("OPEN", "a") == 200
    unknown = await http.put("/trip-options/none/lock", json={"status": "OPEN", "bookingId": "a"})
    assert unknown.status_code == 404


async def test_parts_may_be_priced_in_other_currencies(http: httpx.AsyncClient) -> None:
    currencies = {"flight": "JPY", "hotel": "EUR", "activity": "GBP"}
    trip = await generate(http, currency="USD", currencies=currencies)
    option = TripOption.model_validate(trip)
    assert [one.currency for one in option.components] == ["JPY", "EUR", "GBP", "GBP"]
    assert option.currency == "USD"
    # At the rates of the sandbox's own bank: 1 euro is 1.1 dollars, 160 yen, 0.85 pounds.
    flight, hotel, *tours = (one.price for one in option.components)
    in_dollars = [Fraction(flight, 160) * 110, Fraction(hotel) * 11 / 10]
    in_dollars += [Fraction(tour) * 110 / 85 for tour in tours]
    assert option.total_price == sum(map(round, in_dollars))


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({"currencies": {"hotel": "XYZ"}}, "currencies.hotel"),
        ({"currencies": {"hotel": "eur"}}, "currencies.hotel"),
        ({"currencies": {"hotel": "AED"}}, "currencies.hotel"),  # the sandbox has no rate
        ({"currency": "AED", "currencies": {"flight": "EUR"}}, "currencies.flight"),
        ({"currencies": {"activity": "JPY"}}, "activities"),  # not billed in
        ({"currencies": {"car": "EUR"}}, "currencies.car"),
    ],
)
async def test_currencies_that_parts_cannot_have(
    http: httpx.AsyncClient, criteria: Any, field: str
) -> None:
    answer = await http.post("/trip/generate", json=criteria)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_children_are_planned_for_in_hotels(http: httpx.AsyncClient) -> None:
    def person(name: str, years: int) -> dict[str, Any]:
        born = in_days(60) - dt.timedelta(days=int((years + 0.5) * 365.25))
        return {"firstName": name, "lastName": "Roe", "dateOfBirth": born.isoformat()}

    family = [person("Ana", 40), person("Cleo", 6)]
    for hotel in ("booking_com", "ratehawk"):
        suppliers = {"flight": None, "hotel": hotel, "activity": None}
        (stay,) = (await generate(http, travelers=family, suppliers=suppliers))["components"]
        assert (stay["offer"]["adults"], stay["offer"]["children"]) == (1, [6])
    for criteria in (
        {"travelers": family},
        {"travelers": family[1:], "suppliers": suppliers},
    ):
        refused = await http.post("/trip/generate", json=criteria)
        assert refused.status_code == 422
        assert "adults only" in refused.text
