"""What callers' HTTP clients do: hang up, ask again for what they have, hand in too much."""

import asyncio
import json
import logging
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.routing import APIRoute

from api.trips import options, starting
from models.trips.option import TripOption
from tests.api.conftest import body
from tests.api.server import Served


async def test_a_caller_who_hangs_up_makes_no_error(
    lonely: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """A byte of ten, and the connection is closed: on every route that takes a body."""
    at = urlsplit(lonely.url)
    paths = [
        route.path.replace("{booking_id}", "x").replace("{gateway}", "stripe")
        for route in lonely.app.routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    ]
    assert len(paths) > 5
    with caplog.at_level(logging.INFO):
        for path in paths:
            _, writer = await asyncio.open_connection(at.hostname, at.port)
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: 10\r\n\r\n{{".encode())
            await writer.drain()
            writer.close()
        await asyncio.sleep(0.5)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_who_has_the_answer_is_told_so(api: httpx.AsyncClient, trip: dict[str, Any]) -> None:
    booked = (await api.post("/booking/book", json=body(trip))).json()
    url = f"/booking/{booked['bookingId']}"
    first = await api.get(url)
    tag = first.headers["ETag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await api.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    by_reference = await api.get(f"/booking/reference/{booked['bookingReference']}")
    assert by_reference.headers["ETag"] == tag
    await api.post("/booking/cancel", json={"bookingId": booked["bookingId"]})
    after = await api.get(url, headers={"If-None-Match": tag})
    assert after.status_code == 200
    assert after.headers["ETag"] != tag


async def test_offers_larger_than_the_server_takes_are_refused(
    api: httpx.AsyncClient, trip: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def padded(*asked: Any) -> TripOption:
        found = await options.accepted_trip(*asked)
        found.components[0].offer["padding"] = "x" * 2_097_152
        return found

    monkeypatch.setattr(starting, "accepted_trip", padded)
    answer = await api.post("/booking/book", json=body(trip))
    problem = json.loads(answer.content)
    assert (answer.status_code, problem["code"]) == (422, "TRIP_OPTION_UNBOOKABLE")
    assert "larger than can be processed" in problem["detail"]
