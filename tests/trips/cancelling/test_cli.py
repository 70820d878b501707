"""``tripsaga cancel --dry-run``, as people and scripts use it."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from models.core.money import Money
from tests.api.conftest import body
from tests.api.server import Served
from tests.commands.conftest import Tripsaga, pointed
from tests.commands.conftest import tripsaga as tripsaga
from tests.commands.conftest import var as var
from tests.support.stack import Stack
from tests.trips.cancelling.conftest import keep

Ask = Callable[..., Any]


@pytest.fixture
def ask(tripsaga: Tripsaga, whole: Served, key: str, monkeypatch: pytest.MonkeyPatch) -> Ask:
    return pointed(tripsaga, whole.url, key, monkeypatch)


@pytest.fixture
def operate(
    tripsaga: Tripsaga, whole: Served, operator_key: str, monkeypatch: pytest.MonkeyPatch
) -> Ask:
    return pointed(tripsaga, whole.url, operator_key, monkeypatch)


@pytest.fixture
def booking(whole: Served, key: str, world: Stack) -> dict[str, Any]:
    world.ensure_worker()
    with httpx.Client(headers={"X-API-Key": key}, timeout=90) as http:
        trip = http.post(f"{world.sandbox.url}/trip/generate", json={}).json()
        told = http.post(f"{whole.url}/booking/book?wait=60", json=body(trip)).json()
        assert told["state"] == "CONFIRMED", told
        return dict(http.get(f"{whole.url}/booking/{told['bookingId']}").json())


def test_it_shows_what_would_be_kept_and_cancels_nothing(
    ask: Ask, booking: dict[str, Any], world: Stack
) -> None:
    booking_id, hotel = booking["bookingId"], booking["components"][1]
    keep(world, booking, 2, 4_321, hotel["amount"])
    shown = ask("cancel", booking_id, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "nothing is cancelled" in shown.output
    assert Money(amount=4_321, currency="USD").format() in shown.output
    assert "not as agreed" in shown.output
    assert "names no fee" in shown.output
    assert "Nothing has been cancelled." in shown.output

    part = json.loads(
        ask("cancel", booking_id, "--dry-run", "--component", hotel["componentId"], "--json").output
    )
    assert part["total"]["kept"] == 4_321
    assert [line["type"] for line in part["components"]] == ["HOTEL"]

    assert "CONFIRMED" in ask("show", booking_id).output
    done = json.loads(
        ask("cancel", booking_id, "--component", hotel["componentId"], "--json").output
    )
    assert done["refund"]["amount"] == part["total"]["refund"]


def test_a_person_who_will_be_needed_is_announced(
    ask: Ask, booking: dict[str, Any], world: Stack
) -> None:
    reference = booking["components"][0]["reference"]
    url = f"{world.sandbox.url}/_sandbox/amadeus/orders/{reference}/ticket"
    assert httpx.post(url).status_code == 200
    shown = ask("cancel", booking["bookingId"], "--dry-run")
    assert "a person would have to settle a part of it" in shown.output
    assert "tickets are issued" in shown.output


def test_an_unknown_booking_is_reported(ask: Ask) -> None:
    shown = ask("cancel", "7f8b1d6e-6e2c-5a55-8f6b-0b0c7a3d9a10", "--dry-run")
    assert shown.exit_code == 3
    assert "There is no booking with this id." in shown.output


def case_of(operate: Ask, reference: str) -> dict[str, Any]:
    (case,) = json.loads(operate("show", reference, "--json").output)["cases"]
    return dict(json.loads(operate("cases", "show", str(case["caseId"]), "--json").output))


def test_what_the_gateway_refuses_to_give_back_is_no_success(
    operate: Ask, booking: dict[str, Any], world: Stack
) -> None:
    reference = booking["bookingReference"]
    about = {"reference": booking["bookingId"], "times": 9}
    arm = {"supplier": "stripe", "operation": "refund", "kind": "refuse", **about}
    fault = httpx.post(f"{world.sandbox.url}/_sandbox/faults", json=arm).json()["id"]
    try:
        refund = operate("refund", reference, "10", "late", "--yes")
        first = case_of(operate, reference)
        quoted = json.loads(operate("cancel", reference, "--dry-run", "--json").output)["total"]
        cancel = operate("cancel", reference, "--yes")
        second = case_of(operate, reference)
        again = operate("resolve", reference, "retry", "again", "--yes")
        third = case_of(operate, reference)
    finally:
        httpx.delete(f"{world.sandbox.url}/_sandbox/faults/{fault}")
    number = first["id"]

    assert refund.exit_code == 1, refund.output
    assert f"10.00 USD is granted and not paid yet: case {number} about the money is open" in (
        refund.stderr
    )
    assert f"`tripsaga resolve {reference} retry 'what was found or done'`" in refund.stderr
    assert cancel.exit_code == 1, cancel.output
    assert f"case {number} about the money is open" in cancel.stderr

    owed = Money(amount=quoted["refund"] + min(1_000, quoted["kept"]), currency="USD")
    assert first["summary"].startswith(
        f"{reference}: the traveller is owed 10.00 USD: stripe refus"
    )
    assert second["summary"].startswith(f"{reference}: the traveller is owed {owed}: stripe refus")
    assert again.exit_code == 1
    assert third["summary"] == second["summary"]
    assert first["details"]["code"] == "PAYMENT_DOWN"
    assert first["id"] == second["id"] == third["id"]

    shown = operate("show", reference)
    assert f"! case {number} about the money is open" in shown.output
    assert f"next: tripsaga resolve {reference} retry" in shown.output
    assert operate("resolve", reference, "retry", "again", "--yes").exit_code == 0
    assert "case" not in operate("show", reference).output
