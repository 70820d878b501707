"""Cancelling through the front door: while it is being booked, after it, twice, in part."""

import asyncio
from typing import Any

import httpx

from tests.api.conftest import body
from tests.support.sandbox_client import SandboxClient


async def test_cancelling_twice_is_the_same_answer(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    payload = {"bookingId": booked["bookingId"], "reason": "The dates have changed."}

    first = await api.post("/booking/cancel", json=payload)
    again = await api.post("/booking/cancel", json=payload)

    assert first.status_code == 200, first.text
    cancelled = first.json()
    assert cancelled["success"] is True
    assert cancelled["state"] == "CANCELLED"
    assert len(cancelled["cancelledComponents"]) == 4
    fees = sum(c["fee"] for c in cancelled["cancelledComponents"])
    assert cancelled["kept"] == fees
    assert cancelled["refund"]["amount"] == trip["totalPrice"] - fees
    assert again.status_code == 200
    assert again.json() == cancelled
    assert not any(r["live"] for r in await sandbox.reservations(booked["bookingId"]))


async def test_two_cancellations_at_once_refund_once(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    payload = {"bookingId": booked["bookingId"]}

    answers = await asyncio.gather(*(api.post("/booking/cancel", json=payload) for _ in range(8)))

    assert {a.status_code for a in answers} == {200}
    assert len({a.text for a in answers}) == 1


async def test_one_component_can_be_cancelled_and_then_the_rest(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    activity = next(c for c in trip["components"] if c["type"] == "ACTIVITY")["componentId"]
    payload = {"bookingId": booked["bookingId"], "components": [activity]}

    part = await api.post("/booking/cancel", json=payload)
    again = await api.post("/booking/cancel", json=payload)
    unknown = await api.post("/booking/cancel", json={**payload, "components": ["nothing"]})
    rest = await api.post("/booking/cancel", json={"bookingId": booked["bookingId"]})

    assert part.status_code == 200, part.text
    assert part.json()["success"] is True
    assert part.json()["state"] == "CONFIRMED"
    assert [c["componentId"] for c in part.json()["cancelledComponents"]] == [activity]
    assert again.json() == part.json()
    assert unknown.status_code == 422
    assert unknown.json()["field"] == "components[0]"
    assert rest.json()["state"] == "CANCELLED"
    assert len(rest.json()["cancelledComponents"]) == 4


async def test_cancelling_while_it_is_being_booked_puts_everything_back(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("booking_com", "book", "slow", nth=1, seconds=0.8)
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()

    answer = await api.post("/booking/cancel", json={"bookingId": taken["bookingId"]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "CANCELLED"
    assert answer.json()["kept"] == 0
    assert not any(r["live"] for r in await sandbox.reservations(taken["bookingId"]))
    repeat = await api.post("/booking/cancel", json={"bookingId": taken["bookingId"]})
    assert repeat.json() == answer.json()


async def test_a_failed_booking_cannot_be_cancelled(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    stolen = "pm_card_visa_chargeDeclinedStolenCard"
    failed = (await api.post("/booking/book", json=body(trip, method=stolen))).json()

    answer = await api.post("/booking/cancel", json={"bookingId": failed["bookingId"]})

    assert answer.status_code == 409
    assert answer.json()["code"] == "NOT_CANCELLABLE"


async def test_a_component_cancelled_while_it_is_being_booked_goes_once_it_is_confirmed(
    api: httpx.AsyncClient, trip: dict[str, Any], sandbox: SandboxClient
) -> None:
    await sandbox.arm("booking_com", "book", "slow", nth=1, seconds=0.8)
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()
    activity = next(c for c in trip["components"] if c["type"] == "ACTIVITY")["componentId"]

    # the running saga cannot drop a part: it is requested again when the trip is confirmed
    answer = await api.post(
        "/booking/cancel", json={"bookingId": taken["bookingId"], "components": [activity]}
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    assert answer.json()["state"] == "CONFIRMED"
    assert [c["componentId"] for c in answer.json()["cancelledComponents"]] == [activity]


async def test_who_does_not_wait_for_a_cancellation_is_told_where_to_ask(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()

    answer = await api.post(
        "/booking/cancel",
        json={"bookingId": booked["bookingId"]},
        headers={"Prefer": "respond-async"},
    )

    assert answer.status_code == 202, answer.text
    where = f"/booking/{booked['bookingId']}"
    assert answer.headers["Location"] == answer.json()["statusUrl"] == where
    async with asyncio.timeout(30):
        while (await api.get(where)).json()["state"] != "CANCELLED":
            await asyncio.sleep(0.1)
