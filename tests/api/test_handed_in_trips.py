"""A whole trip sent with the booking, by callers that have the right."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.conftest import body, client, handing_in
from tests.api.server import Served
from tests.support.sandbox_client import SandboxClient

NOT_READ = ("tripOptionId", "lockStatus", "bookingId", "createdAt", "expiresAt")


async def test_it_is_booked_and_its_option_at_the_planner_stays_open(
    trusted: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    asked, headers = handing_in(trip), {"Idempotency-Key": f"own-{trip['tripOptionId']}"}
    answer = await trusted.post("/booking/book", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    booked = answer.json()
    assert booked["state"] == "CONFIRMED"
    again = await trusted.post("/booking/book", json=asked, headers=headers)
    assert again.json() == booked

    whole = (await trusted.get(f"/booking/{booked['bookingId']}")).json()
    assert whole["tripOptionId"] == booked["bookingId"]
    assert whole["payment"]["captured"] == trip["totalPrice"]
    assert [one["componentId"] for one in whole["components"]] == [
        one["componentId"] for one in trip["components"]
    ]
    # A trip that is named is locked meanwhile; the planner has heard of that one alone.
    named = (await trusted.post("/booking/book", json=body(await sandbox.trip()))).json()
    option = (await trusted.get(f"/booking/{named['bookingId']}")).json()["tripOptionId"]
    async with asyncio.timeout(20):
        while (await _at_planner(sandbox, option))["lockStatus"] != "BOOKED":
            await asyncio.sleep(0.05)
    assert await _at_planner(sandbox, trip["tripOptionId"]) == trip


async def _at_planner(sandbox: SandboxClient, option: str) -> dict[str, Any]:
    answer = await sandbox.http.get(f"/trip-options/{option}")
    found: dict[str, Any] = answer.json()
    return found


async def test_only_by_those_who_may(alone: httpx.AsyncClient, trip: dict[str, Any]) -> None:
    answer = await alone.post("/booking/book", json=handing_in(trip))
    assert (answer.status_code, answer.json()["code"]) == (403, "TRIP_NOT_ALLOWED")
    assert answer.json()["field"] == "trip"


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"components": []}, "INVALID_REQUEST", "trip.components"),
        ({"totalPrice": 1}, "TRIP_OPTION_UNBOOKABLE", "trip"),
        ({"currency": "EUR"}, "CURRENCY_MISMATCH", "paymentInfo.currency"),
        ({"travelers": []}, "TRAVELERS_MISSING", "travelers"),
    ],
)
async def test_what_does_not_fit_is_refused_before_anything_begins(
    lonely: Served,
    trusted_key: str,
    trip: dict[str, Any],
    changes: dict[str, Any],
    code: str,
    field: str,
) -> None:
    async with client(lonely.url, trusted_key) as http:
        answer = await http.post("/booking/book", json=handing_in(trip, **changes))
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
