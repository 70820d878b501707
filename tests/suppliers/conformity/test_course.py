"""The ordinary course: quoted, booked, completed, found, looked at, cancelled."""

import asyncio
import datetime as dt
import re
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from models.core.errors import InvalidRequest, Retryable, Unavailable
from models.core.legs import LegKind
from models.core.money import Money
from models.core.supply import ItemType, Quote, Reservation, ReservationStatus
from models.suppliers.listings import BY_NAME
from suppliers.core.protocol import (
    CompletesHolds,
    FindsReservations,
    ListsChanges,
    QuotesCancellation,
)
from tests.suppliers.conformity.conftest import Counter, ends_in
from tests.suppliers.conformity.sellers import SELLERS, Seller
from tests.suppliers.conftest import changed, party_of, reference, traveler

each = pytest.mark.parametrize("counter", SELLERS, indirect=True, ids=str)


def those(sellers: list[Seller]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("counter", sellers, indirect=True, ids=str)


_KINDS = {
    ItemType.FLIGHT: LegKind.FLIGHT,
    ItemType.HOTEL: LegKind.STAY,
    ItemType.ACTIVITY: LegKind.EXPERIENCE,
}


@each
async def test_where_the_traveller_has_to_be_and_when(counter: Counter) -> None:
    item, legs = counter.item, (await counter.quote()).legs
    first, last = legs[0], legs[-1]
    assert {leg.kind for leg in legs} == {_KINDS[item.type]}
    assert all(leg.title and leg.provider for leg in legs)
    away = abs(first.start.date - item.starts_at.date())
    assert away <= dt.timedelta(days=1), "a local date may be a day beside that in UTC"
    for leg in legs:
        assert leg.place is not None
        assert leg.place.name
        if leg.start.utc is not None and leg.end is not None and leg.end.utc is not None:
            assert leg.start.utc < leg.end.utc
    if item.type is ItemType.FLIGHT:
        assert first.place is not None
        assert last.destination is not None
        assert all(leg.start.zone and leg.end and leg.end.zone for leg in legs)
        assert last.end is not None
        assert last.end.utc == item.ends_at
        assert first.title.endswith(
            f"{first.place.code}–{first.destination and first.destination.code}"
        )
    if item.type is ItemType.HOTEL:
        assert first.place is not None
        assert first.place.address
        assert (first.start.time, last.end and last.end.time) == (dt.time(15), dt.time(11))
    if first.start.utc is not None:
        assert first.start.utc == item.starts_at
    stored = Quote.model_validate((await counter.quote()).model_dump(mode="json"))
    assert stored.legs == legs


@each
async def test_the_whole_way(counter: Counter) -> None:
    seller, supplier, item = counter.seller, counter.supplier, counter.item
    quote = await counter.quote()
    assert quote.price == item.money
    if counter.finds:
        assert await counter.find() is None
    made = await counter.book(quote)
    assert (made.reference, made.price) == (counter.reference, item.money)
    held = quote.holdable and isinstance(supplier, CompletesHolds)
    assert made.status is (ReservationStatus.HELD if held else ReservationStatus.CONFIRMED)
    seen = await supplier.look(made)
    assert (seen.supplier_id, seen.status, seen.price) == (
        made.supplier_id,
        made.status,
        made.price,
    )
    if counter.finds:
        found = await counter.find()
        assert found is not None
        assert (found.supplier_id, found.status, found.price) == (
            made.supplier_id,
            made.status,
            made.price,
        )

    # Once more under the same reference.
    if supplier.capabilities.repeats or counter.finds:
        if seller.again is None or supplier.capabilities.lapses:
            assert (await counter.book(quote)).reference == counter.reference
        else:
            await ends_in(seller.again, lambda: counter.book(quote), "book")

    done = made
    if made.status is ReservationStatus.HELD:
        done = await counter.complete(made, quote)
        assert (done.status, done.held_until) == (ReservationStatus.CONFIRMED, None)
        again = await counter.complete(made, quote)
        assert (again.status, again.supplier_id) == (done.status, done.supplier_id)
    assert counter.live == 1
    assert counter.effects.count("created") == 1
    assert counter.effects.count("confirmed") <= 1

    fee = item.money if seller.variant else None
    if seller.fee is not None and not seller.variant:
        fee = Money(amount=seller.fee, currency="USD")
    assert isinstance(supplier, QuotesCancellation)
    quoted = await supplier.cancel_quote(done)
    assert (quoted.cancellable, quoted.fee) == (True, fee)
    assert counter.live == 1, "a quote cancels nothing"
    cancelled = await supplier.cancel(done, "key")
    assert (cancelled.already, cancelled.fee) == (False, fee)
    assert (await supplier.cancel(done, "key")).already
    assert (await supplier.look(done)).status is ReservationStatus.CANCELLED
    if counter.finds:
        gone = await counter.find()
        assert gone is not None
        assert gone.status is ReservationStatus.CANCELLED
    assert counter.live == 0
    assert counter.effects[-1] == "cancelled"
    assert counter.effects.count("cancelled") == 1


@each
async def test_what_it_can_do(counter: Counter) -> None:
    supplier, name = counter.supplier, counter.seller.name
    protocols = (FindsReservations, CompletesHolds, QuotesCancellation, ListsChanges)
    assert [isinstance(supplier, one) for one in protocols] == {
        "amadeus": [False, False, True, False],
        "duffel": [True, True, True, False],
        "booking_com": [True, False, True, False],
        "ratehawk": [True, False, True, False],
        "viator": [True, False, True, True],
        "getyourguide": [False, True, True, False],
    }[name]
    can = supplier.capabilities
    assert can.repeats is (name not in ("amadeus", "duffel"))
    assert can.lapses is (name == "getyourguide")
    settles = isinstance(supplier, FindsReservations) or can.lapses
    assert BY_NAME[name].once_only is not settles, "then no local activity may ask it"
    if isinstance(supplier, CompletesHolds):
        late = name == "duffel"
        assert supplier.completes == ("after_capture" if late else "before_capture")


@each
async def test_nobody_there(counter: Counter) -> None:
    quote, made = await counter.booked()
    url = "http://127.0.0.1:9"
    absent = counter.seller.make(counter.local.settings(**{counter.seller.name: {"base_url": url}}))
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "quote": lambda: absent.quote(counter.item, counter.party),
        "book": lambda: counter.book(quote, absent),
        "look": lambda: absent.look(made),
        "cancel": lambda: absent.cancel(made, "key"),
    }
    if counter.finds:
        calls["find"] = lambda: counter.find(absent)
    if isinstance(absent, CompletesHolds):
        calls["complete"] = lambda: counter.complete(made, quote, absent)
    for call in calls.values():
        error = await ends_in(Retryable, call)
        assert error.code == "not_sent"
    await absent.close()


@those([seller for seller in SELLERS if seller.claims])
async def test_offers_that_are_not_what_they_claim(
    counter: Counter, subtests: pytest.Subtests
) -> None:
    for change, expected in counter.seller.claims:
        with subtests.test(str(change)):
            claimed = changed(counter.item, **change)
            quote = partial(counter.supplier.quote, claimed, counter.party)
            await ends_in(expected, quote, "quote")


@each
async def test_a_quote_of_another(counter: Counter) -> None:
    quote = (await counter.quote()).model_copy(update={"offer": {}})
    await ends_in(InvalidRequest, lambda: counter.book(quote), "book")
    assert counter.effects == []


@those([seller for seller in SELLERS if seller.phone])
async def test_phone_numbers(counter: Counter) -> None:
    seller = counter.seller
    counter.party = party_of(traveler("Ana"), traveler("Bo"), phone=None)
    none = seller.make(counter.local.settings(agency_phone=""))
    error = await ends_in(InvalidRequest, lambda: none.quote(counter.item, counter.party), "quote")
    assert "phone" in str(error)
    await none.close()
    counter.supplier = seller.make(counter.local.settings(agency_phone="+1 212 555 0199"))
    await counter.confirmed()
    assert "12125550199" in _last_body(counter)
    ways = traveler("Ana"), traveler("Bo", phone="0034 600 000 000")
    counter.party = party_of(*ways, phone="600 000 000")  # of no country
    counter.reference = reference()
    await counter.confirmed()
    assert "+34600000000" in str(counter.local.recorder.exchanges)
    await counter.supplier.close()


@each
async def test_a_phone_number_that_cannot_be_used(counter: Counter) -> None:
    """The supplier gets the agency's, and the traveller is told."""
    counter.supplier = counter.seller.make(counter.local.settings(agency_phone="+1 212 555 0199"))
    counter.party = party_of(phone="+1234567890")
    exchanges = counter.local.recorder.exchanges
    before = len(exchanges)
    (warning,) = (await counter.quote()).warnings
    assert "'+1234567890' has too few or too many digits" in warning
    assert "our number instead" in warning
    await counter.confirmed()
    sent = str([exchange.body for exchange in exchanges[before:]])
    assert "2125550199" in sent
    assert "234567890" not in sent
    await counter.supplier.close()


def _last_body(counter: Counter) -> str:
    bodies = [str(exchange.body) for exchange in counter.local.recorder.exchanges[-6:]]
    return re.sub(r"[ +()-]", "", " ".join(bodies))


@those([seller for seller in SELLERS if seller.scarce])
async def test_the_last_places_are_sold_once(counter: Counter) -> None:
    seller = counter.seller
    assert seller.scarce is not None
    counter.item = seller.scarce(counter.local.world)
    rivals = [Counter(seller, counter.local, counter.supplier) for _ in range(5)]
    for rival in rivals:
        rival.item = counter.item
    quotes = [await rival.quote() for rival in rivals]
    ends = await asyncio.gather(
        *(rival.book(quote) for rival, quote in zip(rivals, quotes, strict=True)),
        return_exceptions=True,
    )
    sold = [end for end in ends if isinstance(end, Reservation)]
    assert [type(end) for end in ends if not isinstance(end, Reservation)] == [Unavailable] * (
        5 - seller.places
    )
    await ends_in(Unavailable, counter.quote)
    for one in sold:
        await counter.supplier.cancel(one, "key")
    assert (await counter.quote()).price == counter.item.money
