"""Commands that change a booking: they ask first, do nothing unless told to, and then do it."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from typer.testing import Result

from models.core.money import Money
from tests.api.conftest import body
from tests.api.conftest import operator_key as operator_key
from tests.api.conftest import whole as whole
from tests.api.server import Served
from tests.commands.conftest import Tripsaga, pointed
from tests.support.stack import Stack

Ask = Callable[..., Result]
Book = Callable[[], dict[str, Any]]


@pytest.fixture
def ask(
    tripsaga: Tripsaga, whole: Served, operator_key: str, monkeypatch: pytest.MonkeyPatch
) -> Ask:
    return pointed(tripsaga, whole.url, operator_key, monkeypatch)


@pytest.fixture
def someone_there(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("commands.asking.sys", terminal)


@pytest.fixture
def book(whole: Served, operator_key: str, world: Stack) -> Iterator[Book]:
    """Books a trip with a healthy worker; returns it as ``show`` has it."""
    world.ensure_worker()
    with httpx.Client(headers={"X-API-Key": operator_key}, timeout=90) as http:

        def make() -> dict[str, Any]:
            trip = http.post(f"{world.sandbox.url}/trip/generate", json={}).json()
            told = http.post(f"{whole.url}/booking/book?wait=60", json=body(trip)).json()
            return dict(http.get(f"{whole.url}/booking/{told['bookingId']}").json())

        yield make


def shown(ask: Ask, booking: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(ask("show", booking["bookingId"], "--json").output))


@pytest.mark.usefixtures("someone_there")
@pytest.mark.parametrize(
    ("words", "question"),
    [(["cancel"], "Cancel it?"), (["modify", "--drop", "4"], "Change the booking?")],
)
def test_who_says_no_has_lost_nothing(
    ask: Ask, book: Book, words: list[str], question: str
) -> None:
    booking = book()
    asked = ask(*words, booking["bookingReference"], said="n\n")
    assert question in asked.output
    assert asked.exit_code == 3
    assert "nothing was done" in asked.stderr
    assert shown(ask, booking) == booking


@pytest.mark.usefixtures("someone_there")
def test_who_says_yes_has_it_cancelled(ask: Ask, book: Book) -> None:
    booking = book()
    done = ask("cancel", booking["bookingReference"], said="y\n")
    assert done.exit_code == 0, done.output
    assert f"next: tripsaga why {booking['bookingReference']}" in done.output
    assert shown(ask, booking)["state"] == "CANCELLED"


def test_a_change_is_made(ask: Ask, book: Book) -> None:
    booking = book()
    gone = booking["components"][3]
    unasked = ask("modify", booking["bookingReference"], "--drop", "4")
    assert unasked.exit_code == 2, "nobody is there to be asked"
    assert gone["title"] in unasked.output
    assert shown(ask, booking) == booking
    done = ask("modify", booking["bookingReference"], "--drop", "4", "--yes")
    assert done.exit_code == 0, done.output
    after = shown(ask, booking)
    assert after["state"] == "CONFIRMED"
    status = {one["componentId"]: one["status"] for one in after["components"]}
    assert status[gone["componentId"]] == "CANCELLED"


def test_a_refund_is_given(ask: Ask, book: Book) -> None:
    booking = book()
    done = ask("refund", booking["bookingReference"], "12.50", "The tour began late.", "--yes")
    assert done.exit_code == 0, done.output
    assert f"refunded {Money(amount=1_250, currency='USD').format()}" in done.output
    assert shown(ask, booking)["payment"]["refunded"] == 1_250


def test_a_case_is_decided_and_every_call_is_listed(ask: Ask, book: Book, world: Stack) -> None:
    for supplier, operation in (("booking_com", "book"), ("amadeus", "cancel")):
        fault = {"supplier": supplier, "operation": operation, "kind": "refuse"}
        assert httpx.post(f"{world.sandbox.url}/_sandbox/faults", json=fault).is_success
    booking = book()
    assert (booking["state"], len(booking["cases"])) == ("FAILED", 1)
    done = ask("resolve", booking["bookingReference"], "retry", "They take it now.", "--yes")
    assert done.exit_code == 0, done.output
    assert f"next: tripsaga why {booking['bookingReference']}" in done.output
    assert shown(ask, booking)["cases"] == []

    told = ask("attempts", booking["bookingReference"])
    assert told.exit_code == 0
    calls = [line.split()[2:] for line in told.output.splitlines()[1:-1]]
    assert calls[0][:3] == ["amadeus", "cancel", "1"], "the newest first"
    assert ["booking_com", "book", "2"] in [words[:3] for words in calls]
    assert "refused" in told.output
    assert "done" in told.output
    few = ask("attempts", booking["bookingReference"], "--supplier", "amadeus", "--limit", "2")
    assert few.output.count("amadeus") == 2
    none = ask("attempts", booking["bookingReference"], "--supplier", "duffel")
    assert "No call fits." in none.output
