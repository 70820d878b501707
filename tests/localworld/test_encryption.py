"""What the local world keeps about travellers, who can read it, and how."""

import json
import stat
import subprocess
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory

from commands.trips import booking_request
from localworld import temporal_binary
from tests.localworld.worlds import RunningWorld
from tests.support.histories import payloads

pytestmark = pytest.mark.xdist_group("localworld")

CANARIES = {
    "first name": "Canariensis",
    "last name": "Serinuszx",
    "e-mail": "canary-7f3a@example.org",
    "phone": "+12125550177",
    "passport": "ZX7F3A19Q",
    "birth date": "1971-03-17",
    "payer": "Paymasterzx Canary",
    "street": "77 Canary Wharfzx",
    "reason": "my-canary-is-ill-7f3a",
}


def book(world: RunningWorld) -> dict[str, Any]:
    """Book the sample trip for a traveller whose every datum is a canary."""
    found = world.services
    trip = httpx.post(f"{found['sandbox']}/trip/generate", json={}).json()
    body = booking_request(trip)
    travelers = trip["travelers"]
    travelers[0] |= {
        "firstName": CANARIES["first name"],
        "lastName": CANARIES["last name"],
        "dateOfBirth": CANARIES["birth date"],
        "email": CANARIES["e-mail"],
        "phone": CANARIES["phone"],
        "document": {
            "documentType": "PASSPORT",
            "number": CANARIES["passport"],
            "expiryDate": "2035-01-01",
            "issuanceCountry": "US",
            "nationality": "US",
        },
    }
    payer = body["paymentInfo"]["billingDetails"]
    payer |= {"name": CANARIES["payer"], "email": CANARIES["e-mail"], "phone": CANARIES["phone"]}
    payer["address"]["line1"] = CANARIES["street"]
    contact = {"email": CANARIES["e-mail"], "phone": CANARIES["phone"]}
    answer = httpx.post(
        f"{found['api']}/booking/book",
        json={**body, "userContact": contact, "travelers": travelers},
        headers={"X-API-Key": found["api_key"], "Idempotency-Key": str(uuid.uuid4())},
        timeout=60,
    )
    booked: dict[str, Any] = answer.json()
    assert answer.status_code < 300, booked
    return booked


def written(var: Path, *patterns: str) -> dict[Path, bytes]:
    return {file: file.read_bytes() for each in patterns for file in var.glob(each)}


def test_no_personal_data_reaches_temporal_or_the_logs(world: RunningWorld) -> None:
    confirmed = book(world)
    assert confirmed["state"] == "CONFIRMED"
    world.tripsaga("fault", "arm", "booking_com", "book", "refuse")
    failed = book(world)
    assert failed["state"] == "FAILED"
    world.tripsaga("fault", "clear")  # the world is shared
    cancelled = world.tripsaga(
        *("cancel", confirmed["bookingId"], "--reason", CANARIES["reason"], "--json")
    )
    assert json.loads(cancelled.stdout)["state"] == "CANCELLED"

    kept = written(world.var, "temporal.db*")
    everything = b"".join(kept.values())
    # The file is where histories are, and they can be searched like this:
    for known in (confirmed["bookingId"], confirmed["bookingReference"], "BookTrip", "book_item"):
        assert known.encode() in everything
    kept |= written(world.var, "logs/*")
    found = [
        (what, file.name)
        for what, canary in CANARIES.items()
        for file, content in kept.items()
        if canary.encode() in content or canary.encode("utf-16-le") in content
    ]
    assert found == []


def test_an_operator_reads_a_history_through_the_endpoint(world: RunningWorld) -> None:
    """As ``docs/operating.md`` says: the CLI with the endpoint, and the Web UI told of it."""
    booked = book(world)
    found = world.services
    binary = temporal_binary.find()
    assert binary is not None

    def shown(*options: str) -> str:
        asked = ("workflow", "show", "--workflow-id", booked["bookingId"], "--output", "json")
        answer = subprocess.run(
            [str(binary), *asked, "--address", found["temporal"], *options],
            capture_output=True,
            text=True,
            check=True,
        )
        history = WorkflowHistory.from_json(booked["bookingId"], answer.stdout)
        found_payloads = payloads(History(events=history.events))
        assert len(found_payloads) > 20
        return b"".join(one.data for one in found_payloads).decode(errors="replace")

    assert CANARIES["passport"] not in shown()
    assert CANARIES["passport"] in shown("--codec-endpoint", found["codec"])
    without_token = found["codec"].rpartition("/")[0]
    key = ("--codec-endpoint", without_token, "--codec-auth", f"Bearer {found['api_key']}")
    assert CANARIES["passport"] in shown(*key)
    told = httpx.get(f"{found['temporal_ui']}/api/v1/settings").json()
    assert told["Codec"]["Endpoint"] == found["codec"]
    preflight = httpx.options(
        f"{found['codec']}/decode",
        headers={"Origin": found["temporal_ui"], "Access-Control-Request-Method": "POST"},
    )
    assert preflight.headers["Access-Control-Allow-Origin"] == found["temporal_ui"]


def test_keys_are_its_owners_only(world: RunningWorld) -> None:
    keys = ("payload_keys", "traveler_id_key", "webhook_master_key", "auth_pepper", "codec_token")
    for name in keys:
        assert stat.S_IMODE((world.var / name).stat().st_mode) == 0o600
