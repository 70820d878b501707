"""What a person has to settle: other fees, ticketed flights, hotels that refuse."""

from typing import Any

import httpx
import psycopg
import pytest

from tests.support.checker import check
from tests.support.stack import Stack
from tests.trips.cancelling.conftest import booked, cancel, keep, quote


async def fee_cases(operator: httpx.AsyncClient, booking_id: str) -> list[dict[str, Any]]:
    found = (await operator.get("/operator/cases?limit=100")).json()["cases"]
    return [c for c in found if c["kind"] == "FEE" and c.get("bookingId") == booking_id]


def agree(stack: Stack, booking: dict[str, Any]) -> None:
    """Have the stored terms say what suppliers will keep: nothing, so early."""
    for item in booking["components"]:
        keep(stack, booking, item["number"], 0)


@pytest.fixture
async def free(api: httpx.AsyncClient, stack: Stack) -> dict[str, Any]:
    """A trip all of whose suppliers keep nothing now."""
    for _ in range(20):
        trip = await stack.sandbox.trip()
        booking = await booked(api, trip)
        says = [
            line["supplierSays"] for line in (await quote(api, booking["bookingId"]))["components"]
        ]
        if all(one is None or not one["fee"] for one in says):
            agree(stack, booking)
            return booking
    raise AssertionError("no free trip in 20")


async def test_the_fee_that_was_agreed_is_no_case(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, free: dict[str, Any]
) -> None:
    done = await cancel(api, free["bookingId"])
    assert done["kept"] == 0
    assert await fee_cases(operator, free["bookingId"]) == []


async def test_another_fee_is_a_case_that_names_both_amounts(
    api: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    stack: Stack,
    free: dict[str, Any],
) -> None:
    booking_id = free["bookingId"]
    keep(stack, free, 2, 1234)

    done = await cancel(api, booking_id)
    again = await cancel(api, booking_id)

    assert done["kept"] == 1234, "the traveller is treated by the stored terms"
    assert again == done
    (case,) = await fee_cases(operator, booking_id)
    hotel = free["components"][1]
    assert case["source"] == f"fee:{booking_id}:2"
    assert f"keeps 0.00 {hotel['currency']}" in case["summary"]
    assert f"say 12.34 {hotel['currency']}" in case["summary"]
    assert case["details"]["supplierKeeps"] == {"amount": 0, "currency": hotel["currency"]}
    assert case["details"]["termsSay"] == {"amount": 1234, "currency": hotel["currency"]}
    settled = await operator.post(
        f"/operator/cases/{case['id']}/resolve", json={"note": "Claimed from the supplier."}
    )
    assert settled.status_code == 200, settled.text
    await check(stack.sandbox, stack.settings.database.url, booking_id)


async def test_each_part_cancelled_on_its_own_has_its_own_case(
    api: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    stack: Stack,
    free: dict[str, Any],
) -> None:
    keep(stack, free, 3, 100)
    keep(stack, free, 4, 200)
    await cancel(api, free["bookingId"], free["components"][3]["componentId"])
    assert len(await fee_cases(operator, free["bookingId"])) == 1
    await cancel(api, free["bookingId"])
    cases = await fee_cases(operator, free["bookingId"])
    assert sorted(case["details"]["termsSay"]["amount"] for case in cases) == [100, 200]


async def test_the_case_is_written_with_the_cancellation(
    api: httpx.AsyncClient, stack: Stack, free: dict[str, Any]
) -> None:
    keep(stack, free, 2, 1234)
    await cancel(api, free["bookingId"])
    with psycopg.connect(stack.settings.database.url) as connection:
        same = connection.execute(
            "SELECT c.xmin = h.xmin FROM cases c JOIN booking_history h USING (booking_id)"
            " WHERE c.kind = 'FEE' AND h.to_state = 'CANCELLED' AND booking_id = %s",
            [free["bookingId"]],
        ).fetchall()
    assert same == [(True,)], "one transaction"


async def test_a_ticketed_flight_is_announced_and_then_goes_to_an_operator(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, stack: Stack, free: dict[str, Any]
) -> None:
    booking_id, flight = free["bookingId"], free["components"][0]
    ticketed = await stack.sandbox.http.post(
        f"/_sandbox/amadeus/orders/{flight['reference']}/ticket"
    )
    assert ticketed.status_code == 200, ticketed.text

    quoted = await quote(api, booking_id)
    line = next(c for c in quoted["components"] if c["type"] == "FLIGHT")
    assert quoted["operatorNeeded"] is line["operatorNeeded"] is True
    assert "tickets are issued" in line["supplierSays"]["reason"]

    parked = await cancel(api, booking_id)
    assert parked["state"] == "CONFIRMED", "the flight is still the traveller's"
    assert parked["success"] is False
    assert [case["componentId"] for case in parked["cases"]] == [flight["componentId"]]
    await settle(operator, booking_id)
    ended = (await api.get(f"/booking/{booking_id}")).json()
    assert ended["payment"]["refunded"] == quoted["total"]["refund"]


@pytest.mark.exhaustive  # saga/test_cancel_confirmed: the same without the door
async def test_a_hotel_that_refuses_goes_to_an_operator(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, stack: Stack, free: dict[str, Any]
) -> None:
    booking_id = free["bookingId"]
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking_id)
    parked = await cancel(api, booking_id)
    assert await stack.sandbox.fired() == 1
    assert parked["state"] == "CONFIRMED", "the hotel is still the traveller's"
    found = (await operator.get("/operator/cases?open=true&limit=100")).json()["cases"]
    (case,) = [c for c in found if c.get("bookingId") == booking_id]
    assert case["kind"] == "SAGA"
    assert case["details"]["item"] == 2
    await settle(operator, booking_id, decision="retry")
    await check(stack.sandbox, stack.settings.database.url, booking_id)


async def settle(operator: httpx.AsyncClient, booking_id: str, decision: str = "resolved") -> None:
    (case,) = (await operator.get(f"/booking/{booking_id}")).json()["cases"]
    answer = await operator.post(
        f"/booking/{booking_id}/resolve?wait=30",
        json={"caseId": case["caseId"], "decision": decision, "note": "By phone."},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "CANCELLED"
