"""Whose booking it is, and what only operators may do."""

import asyncio
import uuid
from typing import Any

import httpx

from tests.api.conftest import body, client
from tests.api.server import Served
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack


async def test_what_cannot_be_undone_waits_for_an_operator(
    api: httpx.AsyncClient,
    trip: dict[str, Any],
    sandbox: SandboxClient,
    whole: Served,
    operator_key: str,
) -> None:
    await sandbox.arm("amadeus", "cancel", "refuse", rate=1.0)
    await sandbox.arm("booking_com", "book", "refuse", nth=1)

    answer = await api.post("/booking/book?wait=60", json=body(trip))

    assert answer.status_code == 200, answer.text
    failed = answer.json()
    assert failed["state"] == "FAILED"
    assert failed["success"] is False
    assert failed["needsAttention"] is True
    assert failed["error"]["money"]
    (case,) = failed["cases"]
    assert case["componentId"] == trip["components"][0]["componentId"]
    where = f"/booking/{failed['bookingId']}"
    assert (await api.get(where)).json()["cases"] == [case]
    decision = {"caseId": case["caseId"], "decision": "resolved", "note": "Cancelled by phone."}
    refused = await api.post(f"{where}/resolve", json=decision)
    assert refused.status_code == 403
    await sandbox.clear()
    async with client(whole.url, operator_key) as operator:
        assert (await operator.get(where)).status_code == 200
        without_note = await operator.post(f"{where}/resolve", json={**decision, "note": ""})
        assert without_note.status_code == 422, "a decision wants a note"
        settled = await operator.post(f"{where}/resolve", json=decision)
        assert settled.status_code == 200, settled.text
        assert settled.json()["state"] == "FAILED"
        assert "needsAttention" not in settled.json()
        again = await operator.post(f"{where}/resolve", json=decision)
        assert again.status_code == 409
        assert again.json()["code"] == "NOTHING_TO_RESOLVE"


async def test_another_callers_booking_looks_unknown(
    api: httpx.AsyncClient, trip: dict[str, Any], whole: Served, other_key: str
) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    mine, unknown = booked["bookingId"], str(uuid.uuid4())
    async with client(whole.url, other_key) as other:
        for path in ("/booking/{}", "/booking/{}/events"):
            theirs = await other.get(path.format(mine))
            nobodys = await other.get(path.format(unknown))
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content
        theirs = await other.post("/booking/cancel", json={"bookingId": mine})
        nobodys = await other.post("/booking/cancel", json={"bookingId": unknown})
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.content == nobodys.content
        reference = await other.get(f"/booking/reference/{booked['bookingReference']}")
        assert reference.content == nobodys.content
    assert (await api.get(f"/booking/{mine}")).json()["state"] == "CONFIRMED"


async def test_a_booking_without_a_row_is_its_callers_alone(
    api: httpx.AsyncClient, trip: dict[str, Any], whole: Served, other_key: str, stack: Stack
) -> None:
    stack.stop_workers()
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()
    async with client(whole.url, other_key) as other:
        theirs = await other.get(taken["statusUrl"])
        assert theirs.status_code == 404
    mine = await api.get(taken["statusUrl"])
    assert mine.status_code == 503  # it exists, and nobody can tell how it stands
    stack.ensure_worker()
    end = await api.get(taken["statusUrl"])
    async with asyncio.timeout(30):
        while end.json().get("state") != "CONFIRMED":
            end = await api.get(taken["statusUrl"])
            await asyncio.sleep(0.1)
