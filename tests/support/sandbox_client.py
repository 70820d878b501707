"""The sandbox as tests see it: its faults, its log, its state."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.processes import Process


@contextmanager
def running_sandbox(folder: Path) -> Iterator[str]:
    """Run a sandbox of one's own, which announces itself in ``folder``; yields its URL."""
    announce = folder / "sandbox-url"
    process = Process("-m", "sandbox", "--port", "0", "--announce-file", str(announce), env={})
    try:
        yield process.wait_for(announce)
    finally:
        process.stop()


class SandboxClient:
    """Arms faults and reads what happened outside."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.AsyncClient(base_url=url, timeout=30)

    async def arm(self, supplier: str, operation: str, kind: str, **more: Any) -> str:
        """Arm a fault; ``nth=1`` unless given otherwise. Returns its id."""
        answer = await self.http.post(
            "/_sandbox/faults",
            json={"supplier": supplier, "operation": operation, "kind": kind, **more},
        )
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    async def fired(self, identity: str | None = None) -> int:
        """How often the armed faults have fired, together; or the one with that id."""
        answer = await self.http.get("/_sandbox/faults")
        body = answer.json()
        faults = body["faults"] if isinstance(body, dict) else body
        return sum(fault["fired"] for fault in faults if identity in (None, fault["id"]))

    async def clear(self) -> None:
        await self.http.delete("/_sandbox/faults")

    async def log(self, booking_id: str) -> list[dict[str, Any]]:
        """The log rows about a booking: references begin with the booking's id."""
        answer = await self.http.get("/_sandbox/log", params={"reference": booking_id})
        body = answer.json()
        rows = body["log"] if isinstance(body, dict) else body
        return [row for row in rows if (row["reference"] or "").startswith(booking_id)]

    async def state(self, booking_id: str) -> dict[str, list[dict[str, Any]]]:
        """What suppliers and gateways have of a booking: ``reservations`` and ``payments``."""
        answer = await self.http.get("/_sandbox/state", params={"reference": booking_id})
        return dict(answer.json())

    async def reservations(self, booking_id: str) -> list[dict[str, Any]]:
        return (await self.state(booking_id))["reservations"]

    async def payments(self, booking_id: str) -> list[dict[str, Any]]:
        return (await self.state(booking_id))["payments"]

    async def trip(self, **criteria: Any) -> dict[str, Any]:
        """Have the planner make a trip option."""
        answer = await self.http.post("/trip/generate", json=criteria)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    async def close(self) -> None:
        await self.http.aclose()
