"""The two services by plain HTTP, as anybody's client would ask them."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.suppliers.conftest import LocalWorld, served

INVENTORY = "/inventory_service/api/v1/inventory"
PRICING = "/pricing_service/api/v1/pricing"
TYPES = {
    "cafe-aurora": "CAFE",
    "nachtcafe": "CAFE",
    "atelier": "RETAIL",
    "hudson-day": "HOTEL",
    "hudson-nights": "HOTEL",
}


class Caller:
    """Asks the services of one sandbox."""

    def __init__(self, local: LocalWorld) -> None:
        self.world = local.world
        self.http = httpx.AsyncClient(
            base_url=local.url, timeout=30, limits=httpx.Limits(max_connections=60)
        )

    async def ask(self, path: str, body: Any) -> tuple[int, Any]:
        base = PRICING if path in ("calculate", "estimate") else INVENTORY
        answer = await self.http.post(f"{base}/{path}", json=body)
        assert answer.headers["X-Request-Id"]
        return answer.status_code, answer.json()

    async def check(self, slot: dict[str, Any], excluding: str | None = None) -> Any:
        status, body = await self.ask("check-availability", {"slot": slot, "excluding": excluding})
        assert status == 200, body
        return body

    async def reserve(self, slot: dict[str, Any], reference: str = "") -> tuple[int, Any]:
        named = {"reference": reference or str(uuid.uuid4()), "guest_name": "Ada", "notes": ""}
        return await self.ask("reserve", {**named, "slot": slot})

    async def refused(self, slot: dict[str, Any]) -> str:
        """The code with which reserving a slot is refused; checking says the same."""
        status, body = await self.reserve(slot)
        reason = (await self.check(slot))["reason"]
        assert (status, body["error"]["code"]) == (422 if "exist" in reason else 409, reason)
        return str(reason)


@pytest.fixture(scope="module")
async def caller() -> AsyncIterator[Caller]:
    async with served() as local:
        made = Caller(local)
        yield made
        await made.http.aclose()


def slot(venue: str, date: str, time: str, party: int = 2, **more: Any) -> dict[str, Any]:
    kind = TYPES.get(venue.partition("~")[0], "RESTAURANT")
    return {
        "venue": {"id": venue, "type": kind},
        "date": date,
        "time": time,
        "utc_offset": None,
        "duration_minutes": None,
        "party_size": party,
        "resource_id": None,
        **more,
    }


def twin(venue: str) -> str:
    """A venue of one's own."""
    return f"{venue}~{uuid.uuid4().hex}"


def coming(weekday: int, month: int = 6) -> str:
    """A weekday (Monday is 0) of a June to come, far from any change of clocks."""
    today = dt.datetime.now(dt.UTC).date()
    day = dt.date(today.year + 1, month, 1)
    return (day + dt.timedelta(days=(weekday - day.weekday()) % 7)).isoformat()


def last_sunday(month: int) -> dt.date:
    """When clocks in Europe change next year: the last Sunday of March or of October."""
    day = dt.date(dt.datetime.now(dt.UTC).year + 1, month, 31)
    return day - dt.timedelta(days=(day.weekday() - 6) % 7)
