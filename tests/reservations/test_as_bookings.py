"""A reservation where all bookings are: ``/booking/…``, in words that fit it."""

import datetime as dt
import re
from typing import Any

import httpx
import pytest

from api.bookings import texts, words
from api.trips.presenters import booking as translate
from models.bookings.lifecycle import SETTLED_STATES, BookingKind, BookingState
from models.bookings.problems import Code, Problem
from tests.api.conftest import api as api
from tests.api.conftest import client
from tests.api.conftest import key as key
from tests.api.conftest import operator_key as operator_key
from tests.api.conftest import whole as whole
from tests.api.server import Served
from tests.api.test_words import booking
from tests.reservations.test_api import PATH, wanted
from tests.support.stack import Stack

_OF_TRIPS = re.compile(r"\b(trip|travel|book(ed|ing)? again)", re.IGNORECASE)


@pytest.fixture
async def office(whole: Served, stack: Stack, operator_key: str) -> Any:
    """An operator of a system that works."""
    async with client(whole.url, operator_key) as http:
        yield http


async def made(http: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    asked = wanted("chefs-table", payment={"payment_method_id": "pm_card_visa"}, **changes)
    answer = await http.post(PATH, json=asked)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_it_is_read_watched_and_listed(office: httpx.AsyncClient) -> None:
    reservation = await made(office)
    path = f"/booking/{reservation['booking_reference']}"
    whole = (await office.get(path)).json()
    assert (whole["kind"], whole["tripOptionId"]) == ("RESERVATION", None)
    (place,) = whole["components"]
    assert (place["type"], place["vendorConfirmation"]) == (
        "VENUE_SLOT",
        reservation["inventory_reference"],
    )
    assert whole["confirmations"]["activities"] == []
    steps = (await office.get(f"{path}/steps")).json()["steps"]
    told = [step["message"] for step in steps if step["step"] == "venue_slot"]
    assert told == [
        f"Reserving {place['title']}.",
        f"{place['title']} is reserved: {place['vendorConfirmation']}.",
    ]
    stream = (await office.get(f"{path}/events")).text
    assert stream.count("event: step") == len(steps)
    assert "event: end" in stream
    for query, there in (({"kind": "RESERVATION"}, True), ({"kind": "TRIP"}, False), ({}, False)):
        for known in ({}, {"email": "ada@example.com"}, {"code": place["vendorConfirmation"]}):
            found = await office.get("/booking", params={**query, **known, "limit": 100})
            ids = {one["bookingId"]: one["kind"] for one in found.json()["bookings"]}
            assert (whole["bookingId"] in ids) is there, (query, known)
    both: dict[str, str | int | list[str]] = {
        "kind": ["TRIP", "RESERVATION"],
        "email": "ada@example.com",
        "limit": 1,
    }
    (newest,) = (await office.get("/booking", params=both)).json()["bookings"]
    assert newest["bookingId"] == whole["bookingId"]


async def test_it_is_called_as_the_venues_caller_calls_it(office: httpx.AsyncClient) -> None:
    """Not as its inventory does, nor by its id."""
    asked = wanted()
    venue = {"type": "RESTAURANT", "name": "Zum Löwen", "time_zone": "Europe/Berlin"}
    await office.put(f"/api/v1/venues/{asked['venue']['id']}", json=venue)
    now = (await office.post(PATH, json=asked)).json()
    for time in (asked["time"], "21:00"):
        if time != now["time"]:
            change = {"time": time, "expected_version": now["version"]}
            now = (await office.put(f"{PATH}/{now['id']}", json=change)).json()
        (place,) = (await office.get(f"/booking/{now['id']}")).json()["components"]
        day = dt.date.fromisoformat(asked["date"])
        assert place["title"] == f"Zum Löwen, {day:%-d %b %Y} {time}"
        assert now["venue"]["name"] == "Zum Löwen"


async def test_what_the_inventory_says_is_for_operators(
    office: httpx.AsyncClient, stack: Stack
) -> None:
    """Guests are told what happened, in our words, and what becomes of their money."""
    asked = wanted("chefs-table", payment={"payment_method_id": "pm_card_visa"})
    await stack.sandbox.arm("inventory", "reserve", "refuse")
    refused = await office.post(PATH, json=asked)
    assert (refused.status_code, refused.json()["code"]) == (409, "SLOT_UNAVAILABLE")
    (listed,) = (await office.get(f"{PATH}/guest/{asked['guest']['id']}")).json()["bookings"]
    failure = (await office.get(f"{PATH}/{listed['id']}")).json()["failure"]
    error = (await office.get(f"/booking/{listed['id']}")).json()["error"]
    assert error["supplierCode"] == "full"
    assert error["supplierSaid"] not in failure["message"]
    assert failure == {
        "code": "UNAVAILABLE",
        "message": error["message"],
        "money": "Your card was not charged.",
        "next_step": "Choose another time or another place and reserve again.",
    }


async def test_it_is_cancelled_as_any_booking(office: httpx.AsyncClient) -> None:
    reservation = await made(office)
    named = {"bookingId": reservation["booking_reference"]}
    quoted = await office.post("/booking/cancel", params={"dryRun": "true"}, json=named)
    assert quoted.json()["total"]["refund"] == 4_000
    done = (await office.post("/booking/cancel", json=named)).json()
    assert (done["success"], done["refund"]["amount"]) == (True, 4_000)
    again = (await office.post("/booking/cancel", json=named)).json()
    assert again == done
    read = (await office.get(f"{PATH}/{reservation['id']}")).json()
    assert (read["status"], read["payment"]["refunded"]) == ("CANCELLED", 4_000)
    shown = (await office.get(f"/booking/{reservation['id']}")).json()
    assert not _OF_TRIPS.search(f"{shown['error']}{shown['note']}"), shown["error"]


@pytest.mark.parametrize("code", list(Code))
def test_no_code_speaks_of_trips(code: Code) -> None:
    failed = booking(BookingState.FAILED, problem=Problem(code=code, step="claim", message=""))
    failed = failed.model_copy(update={"kind": BookingKind.RESERVATION})
    error = translate.error(failed)
    assert error is not None
    for text in (error.message, error.next_step, error.money):
        assert not _OF_TRIPS.search(text), text
        assert text[0].isupper()
        assert text[-1] == "."
    assert texts.words_of(BookingKind.TRIP, code) is texts.WORDS[code]


def test_what_its_venue_did_not_approve_was_not_unpaid() -> None:
    problem = Problem(code=Code.NOT_APPROVED, step="approve", message="not approved by 2031-03-01")
    expired = booking(BookingState.EXPIRED, problem=problem)
    error = translate.error(expired.model_copy(update={"kind": BookingKind.RESERVATION}))
    assert error is not None
    assert error.message == "The venue did not approve the reservation in time."
    assert "paid" not in error.next_step


@pytest.mark.parametrize("state", list(BookingState))
def test_no_state_speaks_of_trips(state: BookingState) -> None:
    made = booking(state).model_copy(update={"kind": BookingKind.RESERVATION})
    told = [words.progress(state, BookingKind.RESERVATION, card=card) for card in (False, True)]
    if state in texts.OVER:
        told.append(words.not_cancellable(made))
    assert (told[0] is None) is (state in SETTLED_STATES)
    assert not any(_OF_TRIPS.search(text) for text in told if text)
