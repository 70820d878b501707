"""A slot at a venue is a reservation, and can be in no trip."""

import datetime as dt
from typing import Any

import pytest
from pydantic import ValidationError

from models.core.errors import InvalidRequest
from models.core.supply import ItemType, TripComponent
from models.core.venues import VENUE, SlotWish, VenueSlot
from models.suppliers.listings import BY_NAME, title_of
from settings import Settings
from suppliers.core.limiter import RateLimits
from suppliers.registry import ADAPTERS, check, create_suppliers, create_venues
from tests.suppliers.conftest import party_of
from tests.support.environment import PRODUCTION, settings_from

COMPONENT: dict[str, Any] = {
    "componentId": "1",
    "supplier": VENUE,
    "price": 0,
    "currency": "EUR",
    "startsAt": "2031-06-03T19:30:00+02:00",
    "endsAt": "2031-06-03T21:15:00+02:00",
    "offer": {},
}


def test_no_trip_has_one() -> None:
    with pytest.raises(ValidationError, match="type"):
        TripComponent.model_validate({**COMPONENT, "type": "VENUE_SLOT"})


@pytest.mark.parametrize("kind", ["FLIGHT", "HOTEL", "ACTIVITY"])
def test_nor_under_another_type(kind: str) -> None:
    item = TripComponent.model_validate({**COMPONENT, "type": kind})
    with pytest.raises(InvalidRequest, match="in no trip") as refused:
        check(item, party_of(), Settings())
    assert refused.value.plain


async def test_trips_suppliers_are_without_it() -> None:
    assert VENUE not in {*ADAPTERS, *BY_NAME}
    suppliers = create_suppliers(Settings(), RateLimits())
    assert VENUE not in suppliers
    assert title_of(VENUE) == "Venue inventory"
    for supplier in suppliers.values():
        await supplier.close()


async def test_it_is_made_where_reservations_are_taken() -> None:
    venues = create_venues(Settings(), RateLimits())
    assert venues is not None
    assert venues.name == VENUE
    await venues.close()
    live = settings_from({**PRODUCTION, "MOCK_STRIPE": "true"})
    assert create_venues(live, RateLimits()) is None


SLOT: dict[str, Any] = {
    "venue_id": "v-9",
    "venue_type": "RESTAURANT",
    "time_zone": "Europe/Berlin",
    "starts_at": "2031-06-03T19:30:00+02:00",
    "ends_at": "2031-06-03T21:15:00+02:00",
    "duration_minutes": 105,
    "party_size": 4,
}


def test_a_slot_is_stored_and_read_as_components_are() -> None:
    slot = VenueSlot.model_validate(SLOT)
    assert (slot.type, slot.supplier) == (ItemType.VENUE_SLOT, VENUE)
    stored = slot.model_dump(mode="json", by_alias=True)
    assert stored["startsAt"] == "2031-06-03T19:30:00+02:00"
    assert VenueSlot.model_validate(stored) == slot


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../zones"),
        ("starts_at", "2031-06-03T19:30:00"),
        ("ends_at", "2031-06-03T21:15:00Z"),
        ("starts_at", "2031-06-03T19:30:01+02:00"),
        ("duration_minutes", 0),
        ("party_size", 501),
        ("venue_type", "BAR"),
        ("supplier", "duffel"),
        ("type", "HOTEL"),
    ],
)
def test_what_is_no_slot(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        VenueSlot.model_validate({**SLOT, name: value})


def test_the_hour_that_comes_twice_is_told_by_its_offset() -> None:
    def wishes(hours: int) -> SlotWish:
        starts = dt.datetime(2031, 10, 26, hours, 30, tzinfo=dt.UTC)
        ends = starts + dt.timedelta(minutes=105)
        return VenueSlot.model_validate({**SLOT, "starts_at": starts, "ends_at": ends}).wish

    first, second = wishes(0), wishes(1)
    assert first.time == second.time == dt.time(2, 30)
    assert (first.utc_offset_minutes, second.utc_offset_minutes) == (120, 60)
    with pytest.raises(ValidationError):
        SlotWish.model_validate({**first.model_dump(), "time": dt.time(2, 30, 1)})
    with pytest.raises(ValidationError):
        SlotWish.model_validate({**first.model_dump(), "time": dt.time(2, 30, tzinfo=dt.UTC)})
