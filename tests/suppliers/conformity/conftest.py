"""Every supplier at the sandbox, over HTTP: what holds for one must hold for each."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from models.core.errors import Duplicate, ProviderError
from models.core.supply import Quote, Reservation, ReservationStatus
from sandbox.faults import Fault
from sandbox.ratehawk.ledger import ledger_of
from suppliers.core.protocol import CompletesHolds, FindsReservations, Supplier
from tests.suppliers.conformity.sellers import SELLERS, Seller
from tests.suppliers.conftest import LocalWorld, expect, now, party_of, reference, served

PATIENCE = 0.3
"""Seconds that an adapter waits where its timeout is what is tested."""
WAITS = ("hang", "commit_then_hang", "late_commit")
_DAYS = itertools.cycle(range(30, 230))
"""Each booking is for a day of its own, so that stock never runs out by the way."""


class TooBusyError(Exception):
    """The machine was too busy for a short timeout: the fault has not been met."""


class Counter:
    """One booking at one supplier, under a reference of its own."""

    def __init__(self, seller: Seller, local: LocalWorld, supplier: Supplier) -> None:
        self.seller = seller
        self.local = local
        self.supplier = supplier
        self.reference = reference()
        self.party = party_of()
        self.began = now()
        self.item = seller.offer(local.world, next(_DAYS))

    async def quote(self) -> Quote:
        return await self.supplier.quote(self.item, self.party)

    async def book(self, quote: Quote, supplier: Supplier | None = None) -> Reservation:
        who = supplier or self.supplier
        return await who.book(self.item, quote, self.party, self.reference)

    async def complete(
        self, held: Reservation, quote: Quote, supplier: Supplier | None = None
    ) -> Reservation:
        who = supplier or self.supplier
        assert isinstance(who, CompletesHolds)
        return await who.complete(held, quote, self.party, "key")

    async def booked(self) -> tuple[Quote, Reservation]:
        quote = await self.quote()
        return quote, await self.book(quote)

    async def confirmed(self) -> Reservation:
        quote, made = await self.booked()
        if made.status is ReservationStatus.HELD:
            return await self.complete(made, quote)
        return made

    async def find(self, supplier: Supplier | None = None) -> Reservation | None:
        who = supplier or self.supplier
        assert isinstance(who, FindsReservations)
        return await who.find(self.reference, since=self.began)

    @property
    def finds(self) -> bool:
        return isinstance(self.supplier, FindsReservations)

    @property
    def live(self) -> int:
        return self.local.live(self.seller.name, self.reference)

    @property
    def held(self) -> int:
        """How many temporary reservations hold places under our reference."""
        records = self.local.world.reservations.all(self.seller.name)
        return sum(r.status == "temp" and r.reference == self.reference for r in records)

    @property
    def effects(self) -> list[str]:
        return self.local.effects(self.seller.name, self.reference)

    def arm(self, operation: str, kind: str, nth: int = 1, **more: Any) -> Fault:
        return self.local.arm(self.seller.name, operation, kind, nth=nth, **more)

    async def meets(
        self,
        fault: Fault,
        expected: type[ProviderError] | None,
        call: Callable[[Supplier], Awaitable[Any]],
        operation: str = "",
    ) -> Any:
        """Make the call that meets an armed fault and must end like this; returns its end."""
        waits = fault.kind in WAITS
        if not waits and fault.kind != "refuse":
            return await self._ends(fault, expected, call, self.supplier, operation)
        for timeout in (PATIENCE, 4 * PATIENCE, 5):
            if not waits and timeout < 5:
                continue
            # With an adapter of its own: 429 makes one wait.
            own = self.seller.make(self.local.settings(provider_timeout_seconds=timeout))
            try:
                return await self._ends(fault, expected, call, own, operation)
            except TooBusyError:
                continue
            finally:
                await own.close()
        raise AssertionError("the request that should meet the fault was never made")

    async def _ends(
        self,
        fault: Fault,
        expected: type[ProviderError] | None,
        call: Callable[[Supplier], Awaitable[Any]],
        supplier: Supplier,
        operation: str,
    ) -> Any:
        try:
            end = await call(supplier)
        except ProviderError as error:
            end = error
        if not fault.fired:
            raise TooBusyError  # a request before it was not answered in time
        assert fault.fired == 1
        if expected is None:
            assert not isinstance(end, ProviderError), repr(end)
        else:
            assert type(end) is expected, repr(end)
            assert operation in ("", end.operation)
        return end


async def ends_in(
    expected: type[ProviderError] | None, call: Callable[[], Awaitable[Any]], operation: str = ""
) -> Any:
    """Make a call that must end like this; returns its error or its answer."""
    return await call() if expected is None else await expect(expected, call(), operation or None)


async def settled(counter: Counter, quote: Quote) -> Reservation | None:
    """Do what the saga does about an unanswered booking: look, then repeat where that is safe."""
    can = counter.supplier.capabilities
    if counter.finds:
        found = await counter.find()
        if found is not None:
            assert found.details.get("price_stated") is False or found.price == quote.price
            return found
    if not (can.repeats or counter.finds):
        return None
    try:
        return await counter.book(quote)
    except Duplicate:
        return await counter.find()


@pytest.fixture(scope="session")
async def sandbox_world() -> AsyncIterator[LocalWorld]:
    """One sandbox for the whole suite, in which RateHawk decides at once."""
    async with served() as local:
        pace = ledger_of(local.world).pace
        pace.decides_after = pace.info_lag = 0
        yield local


@pytest.fixture(scope="session")
async def patient(sandbox_world: LocalWorld) -> AsyncIterator[dict[str, Supplier]]:
    """An adapter for each supplier that waits long enough for every answer."""
    settings = sandbox_world.settings(provider_timeout_seconds=5)
    found = {seller.name: seller.make(settings) for seller in SELLERS}
    yield found
    for supplier in found.values():
        await supplier.close()


@pytest.fixture
def counter(
    request: pytest.FixtureRequest, sandbox_world: LocalWorld, patient: dict[str, Supplier]
) -> Counter:
    """A booking at the seller that a test is parametrised with; no faults are armed."""
    sandbox_world.world.faults.clear()
    seller: Seller = request.param
    return Counter(seller, sandbox_world, patient[seller.name])
