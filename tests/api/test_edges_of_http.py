"""What callers' HTTP clients do: hang up, ask again for what they have, hand in too much."""

import asyncio
import json
import logging
import secrets
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.core.audience import policies
from api.trips import options, starting
from models.trips.option import TripOption
from tests.api.conftest import body
from tests.api.server import Served


async def test_a_caller_who_hangs_up_makes_no_error(
    lonely: Served, operator_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A byte of ten, and the connection is closed: on every route that takes a body."""
    at = urlsplit(lonely.url)
    paths = [
        path.replace("{bookingId}", "x").replace("{gateway}", "stripe")
        for method, path in policies(lonely.app.routes)
        if method == "POST"
    ]
    assert len(paths) > 5
    with caplog.at_level(logging.INFO):
        for path in paths:
            _, writer = await asyncio.open_connection(at.hostname, at.port)
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {operator_key}\r\n"
            head += "Content-Type: application/json\r\nContent-Length: 10\r\n"
            writer.write(f"{head}\r\n{{".encode())
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
        # What is sent is compressed: digits to a half.
        found.components[0].offer["padding"] = secrets.token_hex(2_900_000)
        return found

    monkeypatch.setattr(starting, "accepted_trip", padded)
    answer = await api.post("/booking/book", json=body(trip))
    problem = json.loads(answer.content)
    assert "code" in problem, problem
    assert (answer.status_code, problem["code"]) == (422, "TRIP_OPTION_UNBOOKABLE")
    assert "larger than can be processed" in problem["detail"]


_CHUNKED = b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"
_TWO_VERSIONS = b'If-Match: "1"\r\nIf-Match: "2"\r\nContent-Length: 2\r\n'
_TWO_KEYS = b"Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize("headers", [_CHUNKED, _TWO_KEYS, _TWO_VERSIONS])
async def test_what_can_be_read_in_two_ways_is_refused(
    lonely: Served, key: str, headers: bytes
) -> None:
    at = urlsplit(lonely.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    head = f"POST /booking/book HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n".encode()
    writer.write(head + b"Content-Type: application/json\r\n" + headers + b"\r\n{}")
    async with asyncio.timeout(10):
        assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()


@pytest.mark.parametrize(
    "path", ["/%6fperator/bookings", "/operator%2Fbookings", "/operator/..%5Cx", "/%2E/operator"]
)
async def test_a_path_in_disguise_leads_nowhere(
    lonely: Served, operator_key: str, path: str
) -> None:
    at = urlsplit(lonely.url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {operator_key}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"NOT_FOUND" in answer
    writer.close()


async def test_head_is_get_without_the_body(alone: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/booking/00000000-0000-4000-8000-000000000000", "/nowhere"):
        got, head = await alone.get(path), await alone.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]


async def test_head_of_a_stream_ends(api: httpx.AsyncClient, trip: dict[str, Any]) -> None:
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()
    head = await api.head(taken["eventsUrl"], timeout=10)
    assert head.headers["Content-Type"].startswith("text/event-stream")


async def test_allow_names_every_method_of_a_path(lonely: Served, alone: httpx.AsyncClient) -> None:
    offered: dict[str, set[str]] = {}
    for method, path in policies(lonely.app.routes):
        offered.setdefault(path, set()).add(method)
    assert max(map(len, offered.values())) > 1
    for path, methods in offered.items():
        answer = await alone.request("TRACE", path.replace("{", "").replace("}", ""))
        assert answer.status_code == 405, path
        named = set(answer.headers["Allow"].split(", "))
        assert methods <= named, path
        assert ("HEAD" in named) == ("GET" in named)


async def test_what_is_written_out_is_no_bookings_name(alone: httpx.AsyncClient) -> None:
    for path in ("/booking/book", "/booking/cancel"):
        assert (await alone.options(path)).headers["Allow"] == "POST"


@pytest.mark.parametrize("since", ["0.5", "0", "1767225600", "2031-03-01", "2031-03-01T09:00:00"])
async def test_a_moment_is_no_number(lonely: Served, operator_key: str, since: str) -> None:
    async with httpx.AsyncClient(base_url=lonely.url, headers={"X-API-Key": operator_key}) as http:
        answer = await http.get("/operator/ledger/check", params={"since": since})
        day = await http.get("/operator/reconciliations/0")
    assert (answer.status_code, answer.json()["field"]) == (422, "since")
    assert "such as 2031-03-01T09:00:00Z" in answer.json()["detail"]
    assert (day.status_code, day.json()["field"]) == (422, "day")
