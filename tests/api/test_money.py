"""Paying on: another card for the same booking, and what operators give back."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import body, client
from tests.api.server import Served
from tests.support.stack import Stack

DECLINED = "pm_card_visa_chargeDeclined"


@pytest.fixture
async def operator(whole: Served, operator_key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(whole.url, operator_key) as http:
        yield http


async def test_another_card_books_the_trip(api: httpx.AsyncClient, trip: dict[str, Any]) -> None:
    refused = (await api.post("/booking/book", json=body(trip, method=DECLINED))).json()
    assert refused["state"] == "PAYMENT_PENDING"

    answer = await api.post(
        f"/booking/{refused['bookingId']}/payment-method",
        json={"paymentMethodId": "pm_card_mastercard"},
    )

    assert answer.status_code == 200, answer.text
    booked = answer.json()
    assert booked["state"] == "CONFIRMED"
    assert booked["bookingId"] == refused["bookingId"]
    assert booked["payment"]["paymentIntentId"] == refused["payment"]["paymentIntentId"]
    assert booked["payment"]["amount"] == trip["totalPrice"]


async def test_another_refused_card_waits_again(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    refused = (await api.post("/booking/book", json=body(trip, method=DECLINED))).json()
    route = f"/booking/{refused['bookingId']}/payment-method"

    poor = await api.post(
        route, json={"paymentMethodId": "pm_card_visa_chargeDeclinedInsufficientFunds"}
    )

    assert poor.status_code == 202
    assert poor.json()["state"] == "PAYMENT_PENDING"
    assert poor.json()["error"]["message"] != refused["error"]["message"]
    assert "clientSecret" not in poor.json()["payment"]


async def test_a_card_nobody_waits_for_is_refused(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()

    answer = await api.post(
        f"/booking/{booked['bookingId']}/payment-method", json={"paymentMethodId": "pm_card_visa"}
    )

    assert answer.status_code == 409
    assert answer.json()["code"] == "NO_CARD_WANTED"
    assert "was taken from your card" in answer.json()["detail"]


@pytest.mark.parametrize("number", ["", "pm card", "pm_card_visa"])
async def test_a_card_must_be_a_payment_method(
    api: httpx.AsyncClient, trip: dict[str, Any], number: str
) -> None:
    refused = (await api.post("/booking/book", json=body(trip, method=DECLINED))).json()

    answer = await api.post(
        f"/booking/{refused['bookingId']}/payment-method", json={"paymentMethodId": f"{number}!"}
    )

    assert answer.status_code == 422


async def test_the_card_of_another_caller_is_not_taken(
    api: httpx.AsyncClient, whole: Served, other_key: str, trip: dict[str, Any]
) -> None:
    refused = (await api.post("/booking/book", json=body(trip, method=DECLINED))).json()
    route = f"/booking/{refused['bookingId']}/payment-method"

    async with client(whole.url, other_key) as other:
        answer = await other.post(route, json={"paymentMethodId": "pm_card_visa"})

    assert answer.status_code == 404


async def test_operators_refund_equal_amounts_as_often_as_they_ask(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    route = f"/booking/{booked['bookingId']}/refund"
    payload = {"amount": 2500, "currency": "USD", "reason": "The tour began late."}

    for key in ("one", "one", "two"):
        answer = await operator.post(route, json=payload, headers={"Idempotency-Key": key})
        assert answer.status_code == 200, answer.text

    whole = (await api.get(f"/booking/{booked['bookingId']}")).json()
    assert whole["state"] == "CONFIRMED"
    assert [refund["amount"] for refund in whole["payment"]["refunds"]] == [2500, 2500]
    assert whole["payment"]["refunded"] == 5000


async def test_refunds_at_once_are_made_one_after_the_other(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    route = f"/booking/{booked['bookingId']}/refund"
    payload = {"amount": 100, "currency": "USD", "reason": "sorry"}

    answers = await asyncio.gather(
        *(
            operator.post(route, json=payload, headers={"Idempotency-Key": f"k{n}"})
            for n in range(4)
        )
    )

    assert [answer.status_code for answer in answers] == [200] * 4
    whole = (await api.get(f"/booking/{booked['bookingId']}")).json()
    assert whole["payment"]["refunded"] == 400


async def test_a_key_of_another_refund_is_refused(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    route = f"/booking/{booked['bookingId']}/refund"
    payload = {"amount": 2500, "currency": "USD", "reason": "The tour began late."}
    headers = {"Idempotency-Key": "one"}
    assert (await operator.post(route, json=payload, headers=headers)).status_code == 200

    other = await operator.post(route, json={**payload, "amount": 100}, headers=headers)

    assert other.status_code == 422
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    whole = (await api.get(f"/booking/{booked['bookingId']}")).json()
    assert whole["payment"]["refunded"] == 2500


async def test_a_refund_granted_under_its_bare_key_is_not_granted_again(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, trip: dict[str, Any], stack: Stack
) -> None:
    """As releases before decision 0083 granted it: the repeat may come to this one."""
    booked = (await api.post("/booking/book", json=body(trip))).json()
    with psycopg.connect(stack.settings.database.url, autocommit=True) as connection:
        connection.execute(
            "UPDATE bookings SET grants = %s, version = version + 1 WHERE id = %s",
            (Jsonb(["old"]), booked["bookingId"]),
        )
    answer = await operator.post(
        f"/booking/{booked['bookingId']}/refund",
        json={"amount": 2500, "currency": "USD", "reason": "The tour began late."},
        headers={"Idempotency-Key": "old"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["payment"]["refunded"] == 0


async def test_more_than_is_left_is_refused_at_once_whoever_was_first(
    api: httpx.AsyncClient, operator: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    """Also when each asked while there was enough for it: nobody waits for what never comes."""
    booked = (await api.post("/booking/book", json=body(trip))).json()
    route = f"/booking/{booked['bookingId']}/refund"
    most = trip["totalPrice"] * 6 // 10
    payload = {"amount": most, "currency": "USD", "reason": "sorry"}

    answers = await asyncio.gather(
        *(
            operator.post(route, json=payload, headers={"Idempotency-Key": f"m{n}"})
            for n in range(6)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    again = await operator.post(route, json=payload, headers={"Idempotency-Key": "another"})
    assert (again.status_code, again.json()["code"]) == (409, "NOTHING_TO_REFUND")
    assert "left to give back" in again.json()["detail"]
    whole = (await api.get(f"/booking/{booked['bookingId']}")).json()
    assert whole["payment"]["refunded"] == most


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"amount": 99_999_999}, 409, "NOTHING_TO_REFUND"),
        ({"currency": "EUR"}, 422, "CURRENCY_MISMATCH"),
        ({"componentId": "nothing-like-it"}, 422, "COMPONENT_UNKNOWN"),
        ({"amount": 0}, 422, "INVALID_REQUEST"),
    ],
)
async def test_a_refund_that_cannot_be_made_says_why(
    api: httpx.AsyncClient,
    operator: httpx.AsyncClient,
    trip: dict[str, Any],
    change: dict[str, Any],
    status: int,
    code: str,
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    payload = {"amount": 2500, "currency": "USD", "reason": "late", **change}

    answer = await operator.post(
        f"/booking/{booked['bookingId']}/refund", json=payload, headers={"Idempotency-Key": "one"}
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_refund_without_a_key_is_refused(operator: httpx.AsyncClient) -> None:
    """Sent again after a lost answer, it would give the money back twice."""
    payload = {"amount": 2500, "currency": "USD", "reason": "late"}

    answer = await operator.post(f"/booking/{uuid.uuid4()}/refund", json=payload)

    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")


async def test_planners_do_not_refund(api: httpx.AsyncClient, trip: dict[str, Any]) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    payload = {"amount": 2500, "currency": "USD", "reason": "mine"}

    answer = await api.post(f"/booking/{booked['bookingId']}/refund", json=payload)

    assert answer.status_code == 403
