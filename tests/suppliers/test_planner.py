"""The client of the trip planner, against the sandbox's planner and against odd answers."""

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.core.errors import AuthConfig, InvalidRequest, ProviderError, Retryable, Unavailable
from settings import Settings
from suppliers.planner import TripPlanner
from tests.suppliers.conftest import PATIENCE, LocalWorld, Reply, Scripted

GOOD: dict[str, Any] = {
    "tripOptionId": "t1",
    "totalPrice": 100,
    "currency": "USD",
    "components": [
        {
            "componentId": "c1",
            "type": "FLIGHT",
            "supplier": "amadeus",
            "price": 100,
            "currency": "USD",
            "startsAt": "2031-01-01T10:00:00Z",
            "endsAt": "2031-01-02T10:00:00Z",
            "offer": {},
        }
    ],
}


@pytest.fixture
async def planner(scripted: Scripted) -> AsyncIterator[TripPlanner]:
    client = TripPlanner(
        Settings(trip_planner_url=f"{scripted.url}/", provider_timeout_seconds=PATIENCE)
    )
    yield client
    await client.close()


async def test_the_sandbox_planner(local: LocalWorld) -> None:
    planner = TripPlanner(local.settings(provider_timeout_seconds=5.0))
    async with httpx.AsyncClient(base_url=local.url) as http:
        made = (await http.post("/trip/generate")).json()
        path = f"/trip-options/{made['tripOptionId']}"
        trip = await planner.get(made["tripOptionId"])
        assert trip is not None
        assert trip.model_dump(mode="json", by_alias=True)["components"] == made["components"]
        assert await planner.get(str(uuid.uuid4())) is None
        await planner.lock(trip.trip_option_id, "LOCKED", "b1")
        await planner.lock(trip.trip_option_id, "BOOKED", "b1")
        await planner.lock(trip.trip_option_id, "BOOKED", "b1")
        with pytest.raises(Unavailable):
            await planner.lock(trip.trip_option_id, "BOOKED", "b2")
        assert (await http.get(path)).json()["bookingId"] == "b1"
        await planner.lock(trip.trip_option_id, "OPEN", "b1")
        assert (await http.get(path)).json()["lockStatus"] == "OPEN"
    with pytest.raises(InvalidRequest):
        await planner.lock("none", "LOCKED", "b1")
    await planner.close()


@pytest.mark.parametrize("name", ["..", "../lock?x=", "a/../b c?d", "x\r\ny"])
async def test_what_is_no_id_is_not_asked_for(
    planner: TripPlanner, scripted: Scripted, name: str
) -> None:
    assert await planner.get(name) is None
    with pytest.raises(InvalidRequest):
        await planner.lock(name, "LOCKED", "b1")
    assert scripted.requests == []
    await planner.get("a b")
    assert scripted.requests[-1][0] == "/trip-options/a%20b"


def _with(**change: Any) -> Reply:
    return Reply(200, {**GOOD, **change})


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(500, {}), Retryable),
        (Reply(503, b"<html>"), Retryable),
        (Reply(429, {}), Retryable),
        (Reply(0), Retryable),
        (Reply(200, {}, delay=PATIENCE + 0.5), Retryable),
        (Reply(401, {}), AuthConfig),
        (Reply(400, {}), InvalidRequest),
        (Reply(200, b"{"), InvalidRequest),
        (_with(title="a\x1b[2J"), InvalidRequest),
        (_with(title="4242_4242_4242_4242"), InvalidRequest),
        (Reply(200, b"[" * 100_000), InvalidRequest),
        (Reply(200, json.dumps({**GOOD, "totalPrice": float("nan")}).encode()), InvalidRequest),
        (_with(tripOptionId="t2"), InvalidRequest),
        (_with(components=[]), InvalidRequest),
        (_with(totalPrice=1.5), InvalidRequest),
        (_with(currency="XYZ"), InvalidRequest),
    ],
)
async def test_odd_answers(
    scripted: Scripted, planner: TripPlanner, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/trip-options/t1", reply)
    with pytest.raises(ProviderError) as caught:
        await planner.get("t1")
    assert type(caught.value) is expected
    assert caught.value.provider == "planner"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(500, {}), Retryable),
        (Reply(0), Retryable),
        (Reply(404, {}), InvalidRequest),
        (Reply(409, {}), Unavailable),
        (Reply(422, {}), InvalidRequest),
        (Reply(403, {}), AuthConfig),
    ],
)
async def test_locks_that_fail(
    scripted: Scripted, planner: TripPlanner, reply: Reply, expected: type[ProviderError]
) -> None:
    scripted.say("/lock", reply)
    with pytest.raises(ProviderError) as caught:
        await planner.lock("t1", "BOOKED", "b1")
    assert type(caught.value) is expected
    assert scripted.requests[-1][1] == {"status": "BOOKED", "bookingId": "b1"}


async def test_what_has_expired_is_unknown(scripted: Scripted, planner: TripPlanner) -> None:
    scripted.say("", Reply(410, {}))
    assert await planner.get("t1") is None
    with pytest.raises(InvalidRequest) as caught:
        await planner.lock("t1", "OPEN", "b1")
    assert caught.value.code == "unknown_trip_option"


async def test_a_good_answer(scripted: Scripted, planner: TripPlanner) -> None:
    scripted.say("/trip-options/t1", _with(lockStatus="OPEN", somethingNew=1))
    trip = await planner.get("t1")
    assert trip is not None
    assert trip.total_price == 100
