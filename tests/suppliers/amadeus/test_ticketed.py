"""Amadeus once tickets are issued: it shows them, says so when asked, and refuses to cancel."""

from collections.abc import AsyncIterator

import httpx
import pytest

from models.core.errors import NotCancellable
from suppliers.amadeus.adapter import AmadeusSupplier
from tests.suppliers.amadeus.test_adapter import OURS
from tests.suppliers.amadeus.world import flight, people, serve_flights
from tests.suppliers.conftest import LocalWorld


@pytest.fixture
async def served() -> AsyncIterator[LocalWorld]:
    async with serve_flights() as world:
        yield world


async def test_a_ticketed_order_is_for_the_consolidator(served: LocalWorld) -> None:
    air = AmadeusSupplier(served.settings())
    item, party = flight(served), people()
    booked = await air.book(item, await air.quote(item, party), party, OURS)
    assert (await air.cancel_quote(booked)).cancellable
    async with httpx.AsyncClient(base_url=served.url) as outside:
        told = await outside.post(f"/_sandbox/amadeus/orders/{OURS}/ticket")
        assert told.json()["status"] == "TICKETED"
        assert (await outside.post("/_sandbox/amadeus/orders/nobody/ticket")).status_code == 404
    assert (await air.look(booked)).details["ticketed"] is True
    quoted = await air.cancel_quote(booked)
    assert (quoted.cancellable, quoted.gone) == (False, False)
    assert "tickets are issued" in quoted.reason
    with pytest.raises(NotCancellable):
        await air.cancel(booked, "key")
    assert served.live("amadeus", OURS) == 1
    await air.close()
