"""Events name the trace of the request that made them (W3C Trace Context)."""

import secrets
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.conftest import whole as whole
from tests.reservations.test_api import PATH, wanted
from tests.reservations.test_api import dinner as dinner
from tests.reservations.test_api import venue_key as venue_key


def a_trace() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def traces(database_url: str, booking_id: str) -> dict[str, set[str | None]]:
    """Return the traces by type of event."""
    found: dict[str, set[str | None]] = {}
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT type, trace FROM outbox_events WHERE booking_id = %s", [booking_id]
        )
        for type_, trace in rows:
            found.setdefault(type_, set()).add(trace)
    return found


async def test_each_request_is_followed_into_its_events(
    dinner: httpx.AsyncClient, database_url: str
) -> None:
    """Through workflows, their updates and activities, and through a transaction of the API."""
    made, changed, cancelled = a_trace(), a_trace(), a_trace()

    async def traced(method: str, path: str, trace: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await dinner.request(method, path, json=body, headers={"traceparent": trace})
        assert answer.status_code in (200, 201), answer.text
        told: dict[str, Any] = answer.json()
        return told

    booking = await traced("POST", PATH, made, wanted())
    id_, version = booking["id"], booking["version"]
    body = {"expected_version": version, "notes": "high chair"}
    await traced("PUT", f"{PATH}/{id_}", changed, body)
    await traced("POST", f"{PATH}/{id_}/cancel", cancelled, {})
    found = traces(database_url, id_)
    assert found["booking.created"] == found["booking.confirmed"] == {made}
    assert found["booking.updated"] == {changed}
    assert found["booking.cancelled"] == {cancelled}


@pytest.mark.parametrize("trace", ["00-nonsense", f"00-{'0' * 32}-{'1' * 16}-01", "\xfc" * 55])
async def test_a_malformed_trace_is_none(
    dinner: httpx.AsyncClient, database_url: str, trace: str
) -> None:
    headers = {"traceparent": trace.encode("latin-1")}
    answer = await dinner.post(PATH, json=wanted(), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 201, answer.text
    assert set().union(*traces(database_url, answer.json()["id"]).values()) == {None}
