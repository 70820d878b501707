"""Offers, answers and operators' ids are data: none changes which request is made (path, query,
headers), whatever is in it.

Every string of an offer, a quote, a reservation and of the supplier's answers is replaced by
something nasty, everywhere at once, so that what compares them is content. Whatever requests are
made then are among those that the supplier publishes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final, Self
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.core.errors import ProviderError
from models.core.supply import FOUND_BY_HAND, Quote, Reservation, TripComponent
from settings import Settings
from suppliers.core.protocol import (
    CompletesHolds,
    FindsReservations,
    ListsChanges,
    Party,
    QuotesCancellation,
    Supplier,
)
from suppliers.registry import ADAPTERS
from tests.suppliers.conftest import Reply, Scripted, now
from tests.suppliers.scripts import Script
from tests.support.injection import INJECTED, NASTY, fits
from tests.support.selection import table

PUBLISHED: Final = {
    "amadeus": (
        "POST /v1/security/oauth2/token",
        "POST /v1/shopping/flight-offers/pricing?include",
        "POST /v1/booking/flight-orders",
        "GET /v1/booking/flight-orders/{}",
        "DELETE /v1/booking/flight-orders/{}",
    ),
    "duffel": (
        "GET /air/offers/{}?return_available_services",
        "POST /air/orders",
        "GET /air/orders/{}",
        "GET /air/orders?offer_id&limit",
        "GET /air/orders?limit",
        "GET /air/orders?limit&after",
        "GET /air/webhooks/deliveries?type&limit",
        "GET /air/webhooks/deliveries?type&limit&created_at[after]",
        "GET /air/webhooks/events/{}",
        "POST /air/payments",
        "POST /air/order_cancellations",
        "POST /air/order_cancellations/{}/actions/confirm",
    ),
    "booking_com": (
        "POST /3.2/accommodations/details",
        "POST /3.2/accommodations/availability",
        "POST /3.2/orders/preview",
        "POST /3.2/orders/create",
        "POST /3.2/orders/details",
        "POST /3.2/orders/details/accommodations",
        "POST /3.2/orders/cancel",
    ),
    "ratehawk": (
        "POST /v3/hotel/info/",
        "POST /v3/search/hp/",
        "POST /v3/hotel/prebook/",
        "POST /v3/hotel/order/booking/form/",
        "POST /v3/hotel/order/booking/finish/",
        "POST /v3/hotel/order/booking/finish/status/",
        "POST /v3/hotel/order/info/",
        "POST /v3/hotel/order/cancel/",
    ),
    "viator": (
        "GET /partner/products/{}",
        "POST /partner/availability/check",
        "POST /partner/bookings/hold",
        "POST /partner/bookings/book",
        "POST /partner/bookings/status",
        "GET /partner/bookings/{}/cancel-quote",
        "POST /partner/bookings/{}/cancel",
        "GET /partner/bookings/modified-since?modified-since&count",
        "GET /partner/bookings/modified-since?cursor&count",
        "POST /partner/bookings/modified-since/acknowledge",
    ),
    "getyourguide": (
        "GET /1/tours/{}?cnt_language&currency",
        "GET /1/tours/{}/options?cnt_language&currency&limit",
        "GET /1/tours/{}/availability?cnt-language",
        "POST /1/tours/{}/price-breakdown",
        "POST /1/bookings",
        "GET /1/bookings/{}?cnt_language&currency",
        "DELETE /1/bookings/{}?cnt_language&currency",
        "POST /1/carts",
        "GET /1/carts/{}?cnt_language&currency",
    ),
}
"""Every request that an adapter makes: its path, and the names in its query."""


@dataclass(frozen=True)
class Play:
    """What is booked and answered, with one string replaced everywhere."""

    item: TripComponent
    quote: Quote
    reservations: tuple[Reservation, ...]
    replies: dict[str, Reply]


def documents(script: Script) -> tuple[Any, ...]:
    """What an adapter is given, and what it is answered."""
    module = import_module(f"tests.suppliers.{script.name}.script")
    known = next(
        getattr(module, name)
        for name in ("RESERVATION", "KEPT", "reservation")
        if hasattr(module, name)
    )
    known = known() if callable(known) else known
    replies = dict(script.replies)
    if script.name == "viator":
        replies["cursor=next&count=50"] = Reply(200, {"bookings": []})
        replies["count=50"] = Reply(200, {"bookings": [module.EVENT], "nextCursor": "next"})
        replies["/acknowledge"] = Reply(200, {})
    if script.name == "duffel":
        deliveries = [{"event_id": "wev_1", "type": "order.creation_failed"}]
        replies["/air/webhooks/deliveries?type=order.creation_failed&limit=50"] = module.answered(
            deliveries
        )
    return module.ITEM, module.QUOTE, known, replies, module.PARTY


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value."""
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from strings(inner)
        case list() | tuple():
            for inner in value:
                yield from strings(inner)


def replaced(value: Any, old: str, new: str) -> Any:
    match value:
        case str():
            return new if value == old else value
        case dict():
            return {name: replaced(inner, old, new) for name, inner in value.items()}
        case list() | tuple():
            return [replaced(inner, old, new) for inner in value]
    return value


def all_strings(script: Script) -> list[str]:
    item, quoted, known, replies, _ = documents(script)
    whole = [item.offer, quoted.offer, known.supplier_id, known.confirmation_code, known.details]
    return [*dict.fromkeys(strings([*whole, *(reply.body for reply in replies.values())]))]


def play_of(script: Script, old: str, new: str) -> tuple[Play, Party]:
    item, quoted, known, replies, party = documents(script)
    there = known.model_copy(
        update={
            name: replaced(getattr(known, name), old, new)
            for name in ("supplier_id", "confirmation_code", "details")
        }
    )
    by_hand = there.model_copy(update={"details": {**there.details, FOUND_BY_HAND: True}})
    encoded = quote(new.encode("utf-8", "replace"), safe="")
    play = Play(
        item.model_copy(update={"offer": replaced(item.offer, old, new)}),
        quoted.model_copy(update={"offer": replaced(quoted.offer, old, new)}),
        (there, by_hand) if script.name == "amadeus" else (there,),
        {
            path.replace(quote(old, safe=""), encoded): Reply(
                reply.status, replaced(reply.body, old, new), reply.headers
            )
            for path, reply in replies.items()
        },
    )
    return play, party


async def course(supplier: Supplier, play: Play, party: Party) -> None:
    """Do everything that an adapter can do, with what it is answered and with what is on record."""

    async def of(call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await call()
        except ProviderError:
            return None

    quoted = await of(lambda: supplier.quote(play.item, party)) or play.quote
    made = await of(lambda: supplier.book(play.item, quoted, party, "ref-1"))
    if isinstance(supplier, FindsReservations):
        made = await of(lambda: supplier.find("ref-1", since=now())) or made
    for one in (made, *play.reservations):
        if one is None:
            continue
        if isinstance(supplier, CompletesHolds):
            await of(partial(supplier.complete, one, quoted, party, "key"))
        await of(partial(supplier.look, one))
        if isinstance(supplier, QuotesCancellation):
            await of(partial(supplier.cancel_quote, one))
        await of(partial(supplier.cancel, one, "key"))
    if isinstance(supplier, ListsChanges):
        changes = await of(lambda: supplier.changes(now()))
        await of(lambda: supplier.acknowledge(changes or []))


Heads = list[tuple[str, list[tuple[str, str]]]]
"""Request lines, each with its headers."""


class Ear:
    """A scripted supplier, and every request that is made of it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._server = Scripted()
        self._settings = Settings()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._server.serve, "127.0.0.1", 0)
        port = self._listening.sockets[0].getsockname()[1]
        base = {"base_url": f"http://127.0.0.1:{port}{self._script.base}"}
        given: dict[str, Any] = {"provider_timeout_seconds": 5, self._script.name: base}
        self._settings = Settings(**given)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()

    async def hear(self, old: str, new: str) -> Heads:
        """Return what is asked for in a course in which one string is another."""
        play, party = play_of(self._script, old, new)
        supplier = self._script.make(self._settings)
        self._server.replies = {path: [reply] for path, reply in play.replies.items()}
        self._server.heads = []
        await course(supplier, play, party)
        await supplier.close()
        return self._server.heads

    async def check(self, old: str, new: str, usual: set[str]) -> None:
        for line, headers in await self.hear(old, new):
            assert fits(line, PUBLISHED[self._script.name]), (old, new, line)
            assert names_of(headers) in usual, (old, new, headers)


def names_of(headers: list[tuple[str, str]]) -> str:
    return str(sorted(name.lower() for name, _ in headers))


SCRIPTS: list[Script] = [
    import_module(f"tests.suppliers.{name}.script").SCRIPT for name in ADAPTERS
]


@pytest.mark.parametrize(
    ("script", "examples"),
    table(SCRIPTS, (12, 500), quick=lambda _, examples: examples == 12),
    ids=lambda one: one.name if isinstance(one, Script) else str(one),
)
def test_no_string_changes_a_request(script: Script, examples: int) -> None:
    ear, found = Ear(script), all_strings(script)
    with asyncio.Runner() as runner:
        runner.run(ear.__aenter__())
        heads = runner.run(ear.hear("nothing is", "replaced"))
        assert len({line for line, _ in heads}) >= 3
        usual = {names_of(headers) for _, headers in heads}
        for old in found:
            runner.run(ear.check(old, INJECTED, usual))

        @settings(
            max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
        )
        @given(old=st.sampled_from(found), new=NASTY)
        def whatever(old: str, new: str) -> None:
            runner.run(ear.check(old, new, usual))

        whatever()
        runner.run(ear.__aexit__())
