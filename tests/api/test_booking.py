"""Booking through the front door, with everything behind it."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.api.conftest import CONTRACT, body, client
from tests.api.server import Served
from tests.support.sandbox_client import SandboxClient


async def test_a_booked_trip_is_answered_exactly_as_promised(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    answer = await api.post("/booking/book", json=body(trip))

    assert answer.status_code == 200, answer.text
    booked = answer.json()
    assert set(booked) == CONTRACT
    assert booked["success"] is True
    assert booked["state"] == "CONFIRMED"
    assert booked["warnings"] == []
    prices: Counter[str] = Counter()
    for component in trip["components"]:
        prices[component["type"]] += component["price"]
    flight, hotel = booked["confirmations"]["flight"], booked["confirmations"]["hotel"]
    assert set(flight) == {
        "confirmationCode",
        "bookingReference",
        "pnr",
        "provider",
        "totalPrice",
        "currency",
    }
    assert set(hotel) == {
        "confirmationCode",
        "bookingReference",
        "hotelName",
        "totalPrice",
        "currency",
    }
    assert flight["totalPrice"] == prices["FLIGHT"]
    assert hotel["totalPrice"] == prices["HOTEL"]
    activities = booked["confirmations"]["activities"]
    assert len(activities) == 2
    assert sum(a["totalPrice"] for a in activities) == prices["ACTIVITY"]
    assert set(booked["payment"]) == {"paymentIntentId", "amount", "currency"}
    assert booked["payment"]["amount"] == trip["totalPrice"]


async def test_the_whole_booking_can_be_read_by_id_and_by_reference(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()

    whole = (await api.get(f"/booking/{booked['bookingId']}")).json()
    by_reference = await api.get(f"/booking/reference/{booked['bookingReference']}")

    assert by_reference.json() == whole
    assert [c["componentId"] for c in whole["components"]] == [
        c["componentId"] for c in trip["components"]
    ]
    assert all(c["status"] == "CONFIRMED" and c["vendorConfirmation"] for c in whole["components"])
    assert whole["payment"]["status"] == "succeeded"
    assert whole["payment"]["captured"] == trip["totalPrice"]
    assert whole["confirmations"] == booked["confirmations"]
    assert booked["confirmations"]["flights"] == [booked["confirmations"]["flight"]]
    assert booked["confirmations"]["hotels"] == [booked["confirmations"]["hotel"]]
    assert whole["history"][0]["who"].startswith("caller test planner")
    assert [h["toState"] for h in whole["history"]] == [
        "PENDING",
        "VALIDATING",
        "PROCESSING",
        "CONFIRMED",
    ]


@pytest.mark.parametrize(
    "how", [{"headers": {"Prefer": "respond-async"}}, {"params": {"wait": "0"}}]
)
async def test_who_does_not_wait_is_told_where_to_ask(
    api: httpx.AsyncClient, trip: dict[str, Any], how: dict[str, Any]
) -> None:
    answer = await api.post("/booking/book", json=body(trip), **how)

    assert answer.status_code == 202
    taken = answer.json()
    assert taken["success"] is False
    assert answer.headers["Location"] == taken["statusUrl"] == f"/booking/{taken['bookingId']}"
    seen = set()
    async with asyncio.timeout(30):
        while True:  # known from the first moment on
            now = await api.get(taken["statusUrl"])
            assert now.status_code == 200, now.text
            seen.add(now.json()["state"])
            if now.json()["state"] == "CONFIRMED":
                break
            await asyncio.sleep(0.05)
    assert seen <= {"PENDING", "VALIDATING", "PROCESSING", "CONFIRMED"}


async def test_a_failed_booking_says_what_happened_in_plain_words(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("booking_com", "book", "refuse", nth=1)

    answer = await api.post("/booking/book", json=body(trip))

    assert answer.status_code == 200, answer.text
    failed = answer.json()
    assert failed["success"] is False
    assert failed["state"] == "FAILED"
    assert failed["payment"]["amount"] == 0
    assert failed["confirmations"] == {
        "flight": None,
        "hotel": None,
        "activities": [],
        "flights": [],
        "hotels": [],
    }
    error = failed["error"]
    assert error["failedStep"] == "hotel"
    assert [undone["type"] for undone in error["undone"]] == ["FLIGHT"]
    assert "not charged" in error["money"]
    assert error["message"][-1] in ".!?"
    assert error["nextStep"]


async def test_a_declined_card_is_told_apart(api: httpx.AsyncClient, trip: dict[str, Any]) -> None:
    answer = await api.post("/booking/book", json=body(trip, method="pm_card_visa_chargeDeclined"))

    assert answer.status_code == 202
    waiting = answer.json()
    assert waiting["state"] == "PAYMENT_PENDING", waiting
    assert waiting["success"] is False
    assert waiting["error"]["code"] == "PAYMENT_DECLINED"
    assert waiting["error"]["money"] == "Your card was not charged."
    assert "another card" in waiting["error"]["nextStep"]
    assert waiting["payment"]["waitsUntil"]


async def test_a_bank_that_wants_a_proof_is_answered_at_once(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("stripe", "confirm", "authenticate", nth=1)

    answer = await api.post("/booking/book?wait=20", json=body(trip))

    assert answer.status_code == 202, answer.text
    pending = answer.json()
    assert pending["state"] == "PAYMENT_PENDING"
    assert pending["payment"]["clientSecret"]
    assert pending["payment"]["nextAction"]


async def test_a_lost_activity_is_a_warning_and_not_paid(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("viator", "book", "refuse", nth=1)

    booked = (await api.post("/booking/book", json=body(trip))).json()

    assert booked["success"] is True
    assert len(booked["warnings"]) == 1
    assert len(booked["confirmations"]["activities"]) == 1
    assert booked["payment"]["amount"] < trip["totalPrice"]


async def test_a_trip_that_is_taken_is_reported_as_such(
    api: httpx.AsyncClient, trip: dict[str, Any], whole: Served, other_key: str
) -> None:
    first = (await api.post("/booking/book", json=body(trip))).json()

    second = (await api.post("/booking/book", json=body(trip))).json()
    async with client(whole.url, other_key) as other:
        theirs = await other.post("/booking/book", json=body(trip))
        shown = await other.get(f"/booking/{theirs.json()['bookingId']}")

    assert second["success"] is False
    assert second["error"]["code"] == theirs.json()["error"]["code"] == "TRIP_TAKEN"
    assert second["error"]["details"] == {"bookingId": first["bookingId"]}
    # Another caller is not told whose it is.
    for answer in (theirs, shown):
        assert first["bookingId"] not in answer.text
        assert first["bookingReference"] not in answer.text


async def test_ready(api: httpx.AsyncClient) -> None:
    answer = await api.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["ready"] is True
