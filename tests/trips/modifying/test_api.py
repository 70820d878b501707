"""``POST /booking/{id}/modify``: questions, consent, repeats, and words about the money."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest

from tests.api.conftest import body
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack
from tests.trips.modifying.changes import FREE, dates, judged
from tests.trips.saga.test_cancel_confirmed import set_terms


async def booked(api: httpx.AsyncClient, stack: Stack) -> tuple[dict[str, Any], dict[str, Any]]:
    """A booking that can be cancelled for nothing, and the trip it was made of."""
    trip = await stack.sandbox.trip()
    booking = (await api.post("/booking/book", json=body(trip))).json()
    assert booking["state"] == "CONFIRMED", booking
    for number in range(1, 5):
        set_terms(stack, booking["bookingId"], number, FREE)
    return booking, trip


async def hotel(sandbox: SandboxClient, nights: int) -> dict[str, Any]:
    trip = await sandbox.trip(
        dates=dates(60, nights),
        activities=0,
        suppliers={"flight": None, "hotel": "booking_com", "activity": None},
    )
    return dict(trip["components"][0])


def swapped(trip: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    (old,) = (c["componentId"] for c in trip["components"] if c["type"] == "HOTEL")
    return {"changes": {"swap": [{"componentId": old, "component": new}]}}


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


async def test_first_the_price_then_the_change(
    api: httpx.AsyncClient, stack: Stack, sandbox: SandboxClient
) -> None:
    booking, trip = await booked(api, stack)
    url = f"/booking/{booking['bookingId']}/modify"
    payload = swapped(trip, await hotel(sandbox, 7))

    asked = await api.post(url, json=payload)
    assert asked.status_code == 200, asked.text
    quote = asked.json()
    assert quote["dryRun"] is True
    figures = quote["quote"]
    assert figures["toPay"] == figures["newTotal"] - figures["oldTotal"] > 0
    assert figures["toRefund"] == 0
    assert {c["part"] for c in figures["components"]} == {"GOES", "COMES"}
    same = await api.post(f"{url}?dryRun=true", json={**payload, "acceptedTotal": 1})
    assert same.json()["quote"]["newTotal"] == figures["newTotal"]

    headers = keyed()
    accepted = {**payload, "acceptedTotal": figures["newTotal"]}
    done = await api.post(url, json=accepted, headers=headers)
    assert done.status_code == 200, done.text
    answer = done.json()
    assert answer["success"] is True
    assert answer["payment"]["captured"] == figures["toPay"]
    assert "taken from your card" in answer["money"]
    again = await api.post(url, json=accepted, headers=headers)
    assert again.json() == answer
    other = await api.post(url, json={**accepted, "acceptedTotal": 1}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")

    whole = (await api.get(f"/booking/{booking['bookingId']}")).json()
    assert whole["totalPrice"] == figures["newTotal"]
    assert whole["payment"]["captured"] == trip["totalPrice"]
    (supplement,) = whole["payment"]["supplements"]
    assert supplement["captured"] == figures["toPay"]
    ids = [c["paymentIntentId"] for c in whole["components"]]
    assert ids == [whole["payment"]["paymentIntentId"]] * 4 + [supplement["paymentIntentId"]]
    assert [c["status"] for c in whole["components"]] == [
        "CONFIRMED",
        "CANCELLED",
        "CONFIRMED",
        "CONFIRMED",
        "CONFIRMED",
    ]
    assert whole["history"][-1]["why"].startswith("changed: ")
    await judged(stack, booking["bookingId"])

    cancelled = await api.post("/booking/cancel", json={"bookingId": booking["bookingId"]})
    assert cancelled.json()["refund"]["amount"] + cancelled.json()["kept"] == figures["newTotal"]
    await judged(stack, booking["bookingId"])


async def test_less_consent_than_it_costs_changes_nothing(
    api: httpx.AsyncClient, stack: Stack, sandbox: SandboxClient
) -> None:
    booking, trip = await booked(api, stack)
    url = f"/booking/{booking['bookingId']}/modify"
    payload = swapped(trip, await hotel(sandbox, 7))
    refused = await api.post(url, json={**payload, "acceptedTotal": trip["totalPrice"]})
    assert refused.status_code == 409, refused.text
    problem = refused.json()
    assert problem["code"] == "PRICE_CHANGED"
    assert problem["details"]["oldPrice"] == trip["totalPrice"]
    assert problem["details"]["newPrice"] == problem["details"]["quote"]["newTotal"]
    assert "stands as it was" in problem["detail"]
    assert "Nothing was charged" in problem["detail"]
    # An offer is data: it names no other path of its supplier.
    tour = next(c for c in trip["components"] if c["supplier"] == "viator")
    code = "../bookings/modified-since?count=1&x="
    forged = {**tour, "componentId": "new", "offer": {**tour["offer"], "productCode": code}}
    began = time.monotonic()
    refused = await api.post(url, json={"changes": {"add": [forged]}})
    assert 400 <= refused.status_code < 500, refused.text
    assert time.monotonic() - began < 10, "asked once, of us"
    facts = await judged(stack, booking["bookingId"])
    assert len(facts.items) == 4
    assert facts.booking["version"] == 4


async def test_what_fails_says_that_the_booking_stands(
    api: httpx.AsyncClient, stack: Stack, sandbox: SandboxClient
) -> None:
    booking, trip = await booked(api, stack)
    payload = {**swapped(trip, await hotel(sandbox, 7)), "acceptedTotal": 99_999_999}
    await sandbox.arm("booking_com", "book", "refuse", reference=booking["bookingId"])
    answer = await api.post(
        f"/booking/{booking['bookingId']}/modify", json=payload, headers=keyed()
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["success"] is False
    assert told["error"]["code"] == "UNAVAILABLE"
    assert told["error"]["money"].startswith("Your booking stands as it was.")
    assert "released" in told["error"]["money"]
    assert told["state"] == "CONFIRMED"
    await judged(stack, booking["bookingId"])


async def test_a_proof_is_asked_for_and_the_same_request_tells_the_end(
    api: httpx.AsyncClient, stack: Stack, sandbox: SandboxClient
) -> None:
    booking, trip = await booked(api, stack)
    identity = booking["bookingId"]
    payload = {**swapped(trip, await hotel(sandbox, 7)), "acceptedTotal": 99_999_999}
    await sandbox.arm("stripe", "confirm", "authenticate", reference=identity)
    headers = keyed()
    waiting = await api.post(f"/booking/{identity}/modify", json=payload, headers=headers)
    assert waiting.status_code == 202, waiting.text
    payment = waiting.json()["payment"]
    assert payment["clientSecret"]
    assert "bank" in waiting.json()["message"]
    seen = (await api.get(f"/booking/{identity}")).json()
    assert seen["state"] == "CONFIRMED"
    assert seen["payment"]["supplements"][0]["clientSecret"] == payment["clientSecret"]
    async with httpx.AsyncClient() as bank:
        page = payment["nextAction"]["redirect_to_url"]["url"]
        await bank.post(page, params={"outcome": "succeed"})
    ended = await api.post(f"/booking/{identity}/modify", json=payload, headers=headers)
    assert ended.status_code == 200, ended.text
    assert ended.json()["success"] is True
    whole = (await api.get(f"/booking/{identity}")).json()
    assert whole["payment"]["supplements"][0]["clientSecret"] is None
    await judged(stack, identity)


async def with_a_declined_card(
    api: httpx.AsyncClient, stack: Stack, sandbox: SandboxClient
) -> tuple[str, dict[str, Any]]:
    """A booking, and the request of a dearer change whose card is declined."""
    booking, trip = await booked(api, stack)
    return booking["bookingId"], {
        **swapped(trip, await hotel(sandbox, 7)),
        "acceptedTotal": 99_999_999,
        "paymentInfo": {"paymentMethodId": "pm_card_visa_chargeDeclined"},
    }


async def test_another_card_for_the_difference(
    api: httpx.AsyncClient, stack: Stack, sandbox: SandboxClient
) -> None:
    identity, payload = await with_a_declined_card(api, stack, sandbox)
    headers = keyed()
    waiting = await api.post(f"/booking/{identity}/modify", json=payload, headers=headers)
    assert waiting.status_code == 202, waiting.text
    assert "another one" in waiting.json()["message"]
    url = f"/booking/{identity}/payment-method"
    poor = {"paymentMethodId": "pm_card_visa_chargeDeclinedInsufficientFunds"}
    again = await api.post(url, json=poor)
    assert again.status_code == 202, again.text
    told = again.json()
    assert (told["success"], told["error"]["code"]) == (False, "PAYMENT_DECLINED")
    assert told["error"]["nextStep"].startswith("Send another card and the change goes on; it")
    assert told["payment"]["waitsUntil"]
    assert "another one" in told["message"]
    sent = await api.post(url, json={"paymentMethodId": "pm_card_mastercard"})
    assert (sent.status_code, sent.json()["success"]) == (200, True), sent.text
    assert "error" not in sent.json()
    ended = await api.post(f"/booking/{identity}/modify", json=payload, headers=headers)
    assert ended.json()["success"] is True, ended.text
    await judged(stack, identity)


@pytest.mark.exhaustive  # test_failing has it below the door
async def test_a_card_that_no_other_may_follow_gives_the_change_up(
    api: httpx.AsyncClient, stack: Stack, sandbox: SandboxClient
) -> None:
    identity, payload = await with_a_declined_card(api, stack, sandbox)
    waiting = await api.post(f"/booking/{identity}/modify", json=payload, headers=keyed())
    assert waiting.status_code == 202, waiting.text
    stolen = {"paymentMethodId": "pm_card_visa_chargeDeclinedStolenCard"}
    ended = await api.post(f"/booking/{identity}/payment-method", json=stolen)
    assert ended.status_code == 200, ended.text
    told = ended.json()
    assert (told["success"], told["error"]["code"]) == (False, "PAYMENT_DECLINED")
    assert told["error"]["money"].startswith("Your booking stands as it was.")
    assert told["state"] == "CONFIRMED"
    await judged(stack, identity)


@pytest.mark.exhaustive  # test_failing: one after the other
async def test_two_changes_at_once_are_made_one_after_the_other_or_turned_away(
    api: httpx.AsyncClient, stack: Stack
) -> None:
    booking, trip = await booked(api, stack)
    tours = [c["componentId"] for c in trip["components"] if c["type"] == "ACTIVITY"]
    url = f"/booking/{booking['bookingId']}/modify"
    answers = await asyncio.gather(
        *(
            api.post(
                url,
                json={"changes": {"drop": [tour]}, "acceptedTotal": trip["totalPrice"]},
                headers=keyed(),
            )
            for tour in tours
        )
    )
    assert {a.status_code for a in answers} <= {200, 409}
    assert any(a.status_code == 200 and a.json()["success"] for a in answers)
    await judged(stack, booking["bookingId"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "changes"),
        ({"drop": ["a", "a"]}, "changes"),
        ({"drop": "a"}, "changes.drop"),
        ({"swap": [{"componentId": "a"}]}, "changes.swap[0].component"),
    ],
)
async def test_nonsense_is_refused(
    api: httpx.AsyncClient, stack: Stack, changes: dict[str, Any], field: str
) -> None:
    answer = await api.post(f"/booking/{uuid.uuid4()}/modify", json={"changes": changes})
    assert answer.status_code == 422, answer.text
    assert field in str(answer.json())


async def test_what_cannot_be_changed_is_a_conflict(api: httpx.AsyncClient, stack: Stack) -> None:
    booking, _ = await booked(api, stack)
    url = f"/booking/{booking['bookingId']}/modify"
    gone = {"changes": {"drop": ["nothing-like-it"]}}
    for payload in (gone, {**gone, "acceptedTotal": 1}):
        answer = await api.post(url, json=payload)
        assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CHANGEABLE")
    unknown = await api.post(f"/booking/{uuid.uuid4()}/modify", json=gone)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "BOOKING_UNKNOWN")
    await api.post("/booking/cancel", json={"bookingId": booking["bookingId"]})
    late = await api.post(url, json=gone)
    assert (late.status_code, late.json()["code"]) == (409, "NOT_CHANGEABLE")
