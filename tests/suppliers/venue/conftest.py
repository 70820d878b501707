"""One reservation at a venue of the sandbox, over HTTP, and the documents both sides keep to."""

import datetime as dt
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker

from localworld.places import ROOT
from models.core.errors import ProviderError
from models.core.supply import Quote, Reservation
from models.core.venues import SlotWish, VenueGuest, VenueSlot, VenueType, slot_in
from sandbox.faults import Fault
from suppliers.venue import VenueSupplier
from tests.suppliers.conftest import Exchange, LocalWorld, Scripted, reference, served

PATIENCE = 0.3
"""Seconds that an adapter waits where its timeout is what is tested."""
GUEST = VenueGuest(name="Ada Okafor", notes="high chair")
_NUMBERS = itertools.count()

TYPES: dict[str, VenueType] = {"atelier": "RETAIL", "hudson-day": "HOTEL", "nachtcafe": "CAFE"}


def coming(weekday: int) -> dt.date:
    """A weekday (Monday is 0) of a June to come."""
    day = dt.date(dt.datetime.now(dt.UTC).year + 1, 6, 1)
    return day + dt.timedelta(days=(weekday - day.weekday()) % 7)


TUESDAY = coming(1)


def wish(venue: str, time: str = "19:00", **more: Any) -> SlotWish:
    """A slot as a guest asks for it."""
    kind = TYPES.get(venue.partition("~")[0], "RESTAURANT")
    named = {"venue_id": venue, "venue_type": kind, "date": TUESDAY, "party_size": 4}
    return SlotWish(**{**named, "time": dt.time.fromisoformat(time), **more})


class Desk:
    """One reservation, under a reference of its own, at a venue of its own."""

    def __init__(self, local: LocalWorld, supplier: VenueSupplier) -> None:
        self.local = local
        self.supplier = supplier
        self.reference = reference()
        self.venue = f"hudson-day~{next(_NUMBERS)}"
        self.wish = wish(self.venue, "10:00", duration_minutes=240)
        self.later = wish(self.venue, "14:00", duration_minutes=240)

    async def quoted(self, asked: SlotWish | None = None, **more: Any) -> tuple[VenueSlot, Quote]:
        quote = await self.supplier.quote(asked or self.wish, GUEST, **more)
        return slot_in(quote), quote

    async def booked(self) -> tuple[VenueSlot, Quote, Reservation]:
        slot, quote = await self.quoted()
        return slot, quote, await self.supplier.book(slot, quote, GUEST, self.reference)

    @property
    def live(self) -> int:
        return self.local.live("inventory", self.reference)

    @property
    def effects(self) -> list[str]:
        return self.local.effects("inventory", self.reference)

    def arm(self, operation: str, kind: str, **more: Any) -> Fault:
        priced = operation in ("calculate", "estimate")
        service = "pricing" if priced else "inventory"
        if not priced and operation != "check":
            more = {"reference": self.reference, **more}  # not at the probe
        return self.local.arm(service, operation, kind, **more)

    async def meets(
        self,
        fault: Fault,
        expected: type[ProviderError] | None,
        call: Callable[[VenueSupplier], Awaitable[Any]],
    ) -> Any:
        """Make the call that meets an armed fault and must end like this; returns its end."""
        waits = fault.kind in ("hang", "commit_then_hang", "late_commit")
        for timeout in (PATIENCE, 4 * PATIENCE, 5) if waits else (5.0,):
            own = VenueSupplier(self.local.settings(provider_timeout_seconds=timeout))
            try:
                end = await call(own)
            except ProviderError as error:
                end = error
            finally:
                await own.close()
            if fault.fired:
                break
        assert fault.fired == 1
        if expected is None:
            assert not isinstance(end, ProviderError), repr(end)
        else:
            assert type(end) is expected, repr(end)
            assert end.provider == "venue"
        return end


@pytest.fixture(scope="module")
async def venues_world() -> AsyncIterator[LocalWorld]:
    async with served() as local:
        yield local
        check_exchanges(local.recorder.exchanges)


@pytest.fixture(scope="module")
async def supplier(venues_world: LocalWorld) -> AsyncIterator[VenueSupplier]:
    made = VenueSupplier(venues_world.settings())
    yield made
    await made.close()


@pytest.fixture
def desk(venues_world: LocalWorld, supplier: VenueSupplier) -> Desk:
    """A reservation to be; no faults are armed."""
    venues_world.world.faults.clear()
    return Desk(venues_world, supplier)


@pytest.fixture
async def told(scripted: Scripted) -> AsyncIterator[VenueSupplier]:
    """The adapter at services that say what a test tells them."""
    made = VenueSupplier(
        scripted.settings(
            inventory_service={"url": scripted.url}, pricing_service={"url": scripted.url}
        )
    )
    yield made
    await made.close()


# -- the documents -----------------------------------------------------------------------------

DOCUMENTS: dict[str, dict[str, Any]] = {
    name: yaml.safe_load((ROOT / f"docs/{name}-service.openapi.yaml").read_text())
    for name in ("inventory", "pricing")
}


def problems(document: dict[str, Any], schema: dict[str, Any], value: Any) -> list[str]:
    validator = Draft202012Validator(
        {**schema, "components": document["components"]}, format_checker=FormatChecker()
    )
    return [f"{one.json_path}: {one.message[:200]}" for one in validator.iter_errors(value)]


def resolved(document: dict[str, Any], node: Any) -> Any:
    """The part of a document that a reference names."""
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def check_exchange(exchange: Exchange) -> None:
    """An exchange is as documented: its path, method, body, status and answer."""
    _, service, path = exchange.path.split("/", 2)
    document = DOCUMENTS[service.removesuffix("_service")]
    operation = document["paths"][f"/{path}"][exchange.method.lower()]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert problems(document, body, exchange.body) == []
    answer = resolved(document, operation["responses"][str(exchange.status)])
    schema = answer["content"]["application/json"]["schema"]
    assert problems(document, schema, exchange.answer) == []


def check_exchanges(exchanges: list[Exchange]) -> None:
    """Every answer that came whole is as documented, and so is every request."""
    for exchange in exchanges:
        if "_service/" in exchange.path and isinstance(exchange.answer, dict):
            check_exchange(exchange)
