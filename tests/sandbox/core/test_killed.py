"""The sandbox dies of SIGKILL in the middle of its work: state and log still tell one story."""

import asyncio
import random
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from models.core.errors import ProviderError
from models.core.people import Contact
from models.core.supply import ReservationStatus, TripComponent
from models.trips.option import TripOption
from settings import Settings
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import CompletesHolds, Party, Supplier
from suppliers.registry import ADAPTERS, create_suppliers
from tests.support.processes import Process
from tests.support.sandbox_client import SandboxClient

TRIPS = (
    {"flight": "amadeus", "hotel": "booking_com", "activity": "viator"},
    {"flight": "duffel", "hotel": "ratehawk", "activity": "getyourguide"},
)
BEGUN = frozenset({"created", "confirmed"})
ENDED = frozenset({"cancelled", "released"})


class Sandbox:
    """A sandbox that keeps its state, and its next life on the same file and port."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lives, self.url = folder, 0, ""

    async def start(self) -> None:
        self._lives += 1
        announce = self._folder / f"url-{self._lives}"
        port = self.url.rpartition(":")[2] or "0"
        files = ("--announce-file", str(announce), "--state-file", str(self._folder / "state"))
        self.process = Process("-m", "sandbox", "--port", port, *files, env={})
        self.url = await asyncio.to_thread(self.process.wait_for, announce)


async def use(
    supplier: Supplier, item: TripComponent, party: Party, dice: random.Random, told: set[str]
) -> None:
    """Book and mostly cancel, until the sandbox is gone; ``told`` takes what was answered."""
    reference = f"{uuid.uuid4()}-1-1"
    kept = dice.random() < 0.2
    try:
        quote = await supplier.quote(item, party)
        made = await supplier.book(item, quote, party, reference)
        if made.status is ReservationStatus.HELD and isinstance(supplier, CompletesHolds):
            made = await supplier.complete(made, quote, party, f"{reference}-complete")
        told.add(f"{reference} live")
        if not kept:
            told.discard(f"{reference} live")
            await supplier.cancel(made, f"{reference}-cancel")
            told.add(f"{reference} gone")
    except ProviderError:
        return  # it was killed, or has sold out


def differences(rows: list[dict[str, Any]], records: list[dict[str, Any]]) -> list[str]:
    """What the log says of reservations that the state says otherwise."""
    live = {(one["supplier"], one["id"]): one["live"] for one in records}
    last: dict[tuple[str, str], str] = {}
    for row in rows:
        if row["supplier"] in ADAPTERS and row["effect"] in BEGUN | ENDED:
            last[row["supplier"], str(row["id"])] = row["effect"]
    wrong = [
        f"{supplier} {name}: {effect} in the log, live={live.get((supplier, name))}"
        for (supplier, name), effect in last.items()
        if live.get((supplier, name)) is not (effect in BEGUN)
    ]
    made = {key for key, is_live in live.items() if is_live}
    return wrong + [f"{key} lives, but is not in the log" for key in made - last.keys()]


@pytest.mark.parametrize("seed", [1, 2])
async def test_state_and_log_agree_after_a_kill(tmp_path: Path, seed: int) -> None:
    sandbox, dice, told = Sandbox(tmp_path), random.Random(seed), set[str]()
    await sandbox.start()
    client = SandboxClient(sandbox.url)
    settings = Settings(sandbox_url=sandbox.url, provider_timeout_seconds=5)
    suppliers = create_suppliers(settings, RateLimits())
    try:
        options = [
            TripOption.model_validate(await client.trip(suppliers=parts, travelers=1, activities=1))
            for parts in TRIPS
            for _ in range(8)
        ]
        # While one request waits here, others are answered: the moment in which changes were lost.
        await client.http.post("/_sandbox/latency", json={"seconds": 0.05})
        users = [
            asyncio.create_task(use(suppliers[item.supplier], item, party_of(option), dice, told))
            for option in options
            for item in option.components
        ]
        await _until(lambda: sum("gone" in one for one in told) >= 4 + dice.randrange(12))
        sandbox.process.kill()
        await asyncio.gather(*users)
        await sandbox.start()
        rows = (await client.http.get("/_sandbox/log")).json()
        records = (await client.http.get("/_sandbox/state")).json()["reservations"]
        assert differences(rows, records) == []
        # What somebody was told is so. (An order may have been told by a number of its own.)
        state = {one["reference"]: one["live"] for one in records}
        assert [one for one in told if state[one.split()[0]] is not one.endswith("live")] == []
        assert len(told) > 3
    finally:
        for supplier in suppliers.values():
            await supplier.close()
        await client.close()
        sandbox.process.kill()


def party_of(option: TripOption) -> Party:
    return Party(
        travelers=tuple(option.travelers),
        contact=Contact(email="ana@example.com", phone="+1 202 555 0133"),
    )


async def _until(condition: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the suppliers do not work"
        await asyncio.sleep(0.005)
