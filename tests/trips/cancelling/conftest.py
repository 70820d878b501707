"""Booked trips whose stored terms a test may put as it likes."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.api.conftest import api as api
from tests.api.conftest import body, client
from tests.api.conftest import key as key
from tests.api.conftest import lonely as lonely
from tests.api.conftest import operator_key as operator_key
from tests.api.conftest import other_key as other_key
from tests.api.conftest import trip as trip
from tests.api.conftest import whole as whole
from tests.api.server import Served
from tests.support.stack import Stack

HOUR = dt.timedelta(hours=1)


@pytest.fixture
async def operator(whole: Served, operator_key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client(whole.url, operator_key) as http:
        yield http


async def booked(api: httpx.AsyncClient, trip: dict[str, Any]) -> dict[str, Any]:
    """Book a trip; returns the whole booking."""
    answer = (await api.post("/booking/book?wait=60", json=body(trip))).json()
    assert answer["state"] == "CONFIRMED", answer
    return dict((await api.get(f"/booking/{answer['bookingId']}")).json())


def keep(stack: Stack, booking: dict[str, Any], number: int, fee: int, *later: int) -> str:
    """Have the stored terms keep ``fee`` now, and ``later`` from an hour on; returns when."""
    change = dt.datetime.now(dt.UTC).replace(microsecond=0) + HOUR
    steps = [{"until": change.isoformat() if later else None, "fee": fee}]
    steps += [{"until": None, "fee": other} for other in later]
    with psycopg.connect(stack.settings.database.url) as connection:
        connection.execute(
            "UPDATE booking_items SET quote = jsonb_set(quote, '{terms,steps}', %s::jsonb)"
            " WHERE booking_id = %s AND number = %s",
            [Jsonb(steps), booking["bookingId"], number],
        )
    return change.isoformat().replace("+00:00", "Z")


async def quote(api: httpx.AsyncClient, booking_id: str, *components: str) -> dict[str, Any]:
    """Ask what cancelling would cost."""
    answer = await api.post(
        "/booking/cancel?dryRun=true",
        json={"bookingId": booking_id, "components": list(components)},
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def cancel(api: httpx.AsyncClient, booking_id: str, *components: str) -> dict[str, Any]:
    answer = await api.post(
        "/booking/cancel?wait=60", json={"bookingId": booking_id, "components": list(components)}
    )
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())
