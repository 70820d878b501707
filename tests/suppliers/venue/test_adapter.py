"""The ordinary course at the sandbox, and what is particular about venues."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from activities.suppliers.health import SupplierHealth, watched
from models.core.errors import Duplicate, InvalidRequest, Unavailable
from models.core.money import Money
from models.core.supply import Quote, Reservation, ReservationStatus
from models.core.venues import SlotWish, VenueSlot, price_in, slot_in
from suppliers.core.protocol import (
    ChangesReservations,
    CompletesHolds,
    FindsReservations,
    ReleasesReferences,
    Sells,
)
from suppliers.venue import VenueSupplier
from tests.suppliers.conftest import expect
from tests.suppliers.venue.conftest import GUEST, TUESDAY, Desk, wish


async def test_the_whole_way(desk: Desk) -> None:
    slot, quote = await desk.quoted()
    assert (slot.time_zone, slot.venue_name) == ("America/New_York", "Hudson House, by day")
    assert slot.starts_at == dt.datetime.combine(TUESDAY, dt.time(14), dt.UTC)
    assert quote.title == f"Hudson House, by day, {TUESDAY:%-d %b %Y} 10:00"
    assert quote.price == Money(amount=8_900, currency="USD") == price_in(quote).due
    stored = Quote.model_validate_json(quote.model_dump_json())
    assert (slot_in(stored), price_in(stored)) == (slot, price_in(quote))
    again = await desk.supplier.quote(slot, GUEST)
    assert slot_in(again) == slot

    made = await desk.supplier.book(slot, stored, GUEST, desk.reference)
    assert made == Reservation(
        reference=desk.reference,
        supplier_id=made.supplier_id,
        confirmation_code=made.supplier_id,
        provider="Hudson House, by day",
        price=quote.price,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        details={"revision": 1, "assigned_resource_id": "room-5"},
    )
    assert await desk.supplier.book(slot, stored, GUEST, desk.reference) == made
    assert await desk.supplier.look(made) == made

    later, price = await desk.quoted(desk.later, excluding=desk.reference)
    moved = await desk.supplier.change(made, later, price, GUEST, "move:1")
    assert (moved.starts_at, moved.supplier_id) == (later.starts_at, made.supplier_id)
    assert moved.details["revision"] == 2

    assert not (await desk.supplier.cancel(moved, "key")).already
    assert (await desk.supplier.cancel(moved, "key")).already
    assert (await desk.supplier.look(moved)).status is ReservationStatus.CANCELLED
    assert desk.effects == ["created", "changed", "released"]


async def test_what_it_can_do(desk: Desk) -> None:
    seller: Sells[VenueSlot, Any] = desk.supplier
    can = desk.supplier.capabilities
    assert (seller.name, can.repeats, can.lapses) == ("venue", True, False)
    assert isinstance(desk.supplier, ReleasesReferences)
    assert isinstance(desk.supplier, ChangesReservations)
    assert not isinstance(desk.supplier, FindsReservations | CompletesHolds)


async def test_what_is_sent_of_a_guest_is_a_name_and_notes(desk: Desk) -> None:
    await desk.booked()
    bodies = [
        exchange.body
        for exchange in desk.local.recorder.to("/reserve")
        if exchange.body["reference"] == desk.reference
    ]
    assert [set(body) for body in bodies] == [{"reference", "slot", "guest_name", "notes"}]
    assert (bodies[0]["guest_name"], bodies[0]["notes"]) == (GUEST.name, GUEST.notes)


async def test_another_body_under_a_reference(desk: Desk) -> None:
    await desk.booked()
    later, price = await desk.quoted(desk.later)
    error = await expect(Duplicate, desk.supplier.book(later, price, GUEST, desk.reference))
    assert error.code == "reference_reused"
    assert (desk.live, desk.effects) == (1, ["created"])


async def test_the_last_rooms_are_reserved_once(desk: Desk) -> None:
    slot, quote = await desk.quoted(desk.wish.model_copy(update={"party_size": 2}))
    references = [f"{desk.reference}-{number}" for number in range(20)]
    ends = await asyncio.gather(
        *(desk.supplier.book(slot, quote, GUEST, one) for one in references),
        return_exceptions=True,
    )
    sold = [end for end in ends if isinstance(end, Reservation)]
    assert len(sold) == 5
    refused = [end for end in ends if not isinstance(end, Reservation)]
    assert {(type(end), getattr(end, "code", None)) for end in refused} == {(Unavailable, "full")}
    error = await expect(Unavailable, desk.supplier.quote(slot, GUEST), "quote")
    assert error.code == "full"
    found = await desk.supplier.availability(slot.wish)
    assert (found.available, found.reason, found.capacity.free) == (False, "full", 0)
    for reservation in sold:
        await desk.supplier.cancel(reservation, "key")
    assert (await desk.supplier.availability(slot.wish)).capacity.free == 5


async def test_alternatives_and_shifts(desk: Desk) -> None:
    await desk.booked()
    found = await desk.supplier.availability(desk.wish)  # the only room for four
    assert (found.capacity.total, found.capacity.free) == (1, 0)
    (shift,) = found.shifts
    assert (shift.closes_at - shift.opens_at) == dt.timedelta(hours=9)
    (other,) = found.alternatives
    assert other.starts_at == slot_in((await desk.quoted(desk.later))[1]).starts_at


async def test_a_deposit_is_what_is_due(desk: Desk) -> None:
    asked = wish("chefs-table", "19:00", date=TUESDAY + dt.timedelta(days=1), party_size=2)
    price = price_in(await desk.supplier.quote(asked, GUEST))
    assert (price.due, price.whole) == (
        Money(amount=4_000, currency="EUR"),
        Money(amount=19_000, currency="EUR"),
    )
    before = dt.datetime.combine(TUESDAY, dt.time(15, 59), dt.UTC)
    assert price.terms.fee_at(before, price.due.amount) == 0
    assert price.terms.fee_at(before + dt.timedelta(minutes=1), price.due.amount) == 4_000
    estimate = await desk.supplier.estimate(asked)
    assert estimate.model_copy(update={"valid_until": price.valid_until}) == price


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("venue.id", wish("nowhere")),
        ("venue.type", wish("kantine").model_copy(update={"venue_type": "HOTEL"})),
        ("resource_id", wish("kantine", resource_id="table-99")),
        ("utc_offset", wish("kantine", utc_offset_minutes=300)),
    ],
)
async def test_what_is_wrong_is_named(desk: Desk, field: str, asked: SlotWish) -> None:
    for call in (desk.supplier.availability(asked), desk.supplier.quote(asked, GUEST)):
        error = await expect(InvalidRequest, call, "quote")
        assert isinstance(error, InvalidRequest)
        assert (error.field, error.plain) == (field, True)


def _last_sunday(month: int) -> dt.date:
    day = dt.date(TUESDAY.year, month, 31)
    return day - dt.timedelta(days=(day.weekday() - 6) % 7)


async def test_the_hour_that_is_skipped(desk: Desk) -> None:
    asked = wish("nachtcafe", "02:30", date=_last_sunday(3), party_size=2)
    found = await desk.supplier.availability(asked)
    assert (found.available, found.reason) == (False, "time_does_not_exist")
    assert f"{found.slot.local:%H:%M}" == "03:00"
    error = await expect(Unavailable, desk.supplier.quote(asked, GUEST), "quote")
    assert error.code == "time_does_not_exist"


async def test_the_hour_that_comes_twice(desk: Desk) -> None:
    venue = desk.venue.replace("hudson-day", "nachtcafe")
    both = [
        wish(venue, "02:30", date=_last_sunday(10), party_size=7, utc_offset_minutes=offset)
        for offset in (120, 60)
    ]
    first, second = [await desk.quoted(one) for one in both]
    assert second[0].starts_at - first[0].starts_at == dt.timedelta(hours=1)
    for number, (slot, quote) in enumerate((first, second)):
        made = await desk.supplier.book(slot, quote, GUEST, f"{desk.reference}-{number}")
        assert (made.starts_at, made.ends_at) == (slot.starts_at, slot.ends_at)
    assert [slot.wish for slot, _ in (first, second)] == [
        one.model_copy(update={"duration_minutes": 60, "time_zone": "Europe/Berlin"})
        for one in both
    ]


async def test_a_quote_of_another_reserves_nothing(desk: Desk) -> None:
    slot, quote = await desk.quoted()
    other = quote.model_copy(update={"offer": {}})
    await expect(InvalidRequest, desk.supplier.book(slot, other, GUEST, desk.reference), "book")
    assert desk.effects == []


async def test_keys_are_sent_where_they_are_set(desk: Desk) -> None:
    keys = {"inventory_service": {"api_key": "test_i"}, "pricing_service": {"api_key": "test_p"}}
    keyed = VenueSupplier(desk.local.settings(**keys))
    seen = len(desk.local.recorder.exchanges)
    await keyed.quote(desk.wish, GUEST)
    await keyed.close()
    sent = {
        exchange.path.split("/")[1]: exchange.headers.get("authorization")
        for exchange in desk.local.recorder.exchanges[seen:]
    }
    assert sent == {"inventory_service": "Bearer test_i", "pricing_service": "Bearer test_p"}
    told = json.dumps(desk.local.world.log.rows())
    assert "test_i" not in told


class _Health:
    """Who is told how calls end; here nobody."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @asynccontextmanager
    async def watching(self, supplier: str) -> AsyncIterator[None]:
        self.told.append(supplier)
        yield


async def test_its_calls_can_be_watched_as_those_of_suppliers(desk: Desk) -> None:
    health = _Health()
    seen = watched(desk.supplier, cast("SupplierHealth", health))
    assert isinstance(seen, ReleasesReferences)
    assert isinstance(seen, ChangesReservations)
    await seen.quote(desk.wish, GUEST)
    await seen.availability(desk.wish)
    await seen.release(desk.reference)
    assert health.told == ["venue"] * 3
