"""Each thing that must never be is seen by the checker, whatever the model says."""

import datetime as dt
from collections.abc import Iterator

import pytest

from tests.reservations.books import EVENING, HOUR, Diary, slot
from tests.reservations.lives.facts import wrong
from tests.reservations.lives.world import World

CORRUPTED = {
    "two parties at one table": """
        ALTER TABLE inventory_claims DROP CONSTRAINT claims_one_per_resource;
        UPDATE inventory_claims SET resource_no = 1,
            during = '[2031-03-14 12:00Z, 2031-03-15 12:00Z)'""",
    "one guest twice": """
        ALTER TABLE inventory_claims DROP CONSTRAINT claims_one_per_guest;
        UPDATE inventory_claims SET guest_no = 1, resource_no = NULL,
            during = '[2031-03-14 12:00Z, 2031-03-15 12:00Z)',
            visit = '[2031-03-14 18:00Z, 2031-03-14 19:00Z)'""",
    "counters are not what claims make": "UPDATE venue_slots SET starts_taken = starts_taken + 1",
    "more than there is room for": """
        ALTER TABLE venue_slots DROP CONSTRAINT venue_slots_covers;
        UPDATE venue_slots SET covers = 1""",
    "two live claims of one booking": """
        UPDATE inventory_claims SET version = id, booking_id = (SELECT id FROM bookings LIMIT 1)""",
    "live, though over: CANCELLED": "UPDATE bookings SET state = 'CANCELLED'",
    "paid for and not sold: CONFIRMED": "UPDATE inventory_claims SET state = 'RELEASED'",
    "listed in another state": "UPDATE reservations SET state = 'HELD'",
    "a version is missing": "DELETE FROM booking_history WHERE version = 2",
    "a history that is none": "UPDATE booking_history SET to_state = 'HELD' WHERE version = 3",
    "an event that nobody will send": "DELETE FROM outbox_pending",
    "an event of no version": "UPDATE outbox_events SET booking_version = 9",
    "the clock at the wall shows another time": """
        UPDATE reservations SET local_time = local_time + interval '1 hour'""",
    "held for too long": """
        UPDATE inventory_claims SET state = 'HELD', expires_at = '2031-03-14 12:00Z'""",
    "the claim is elsewhere": "UPDATE reservations SET party_size = party_size + 1",
}


@pytest.fixture(scope="module")
def house(world: World) -> Iterator[Diary]:
    """A venue with two reservations."""
    world.turn_clock(dt.datetime.now(dt.UTC))
    made = Diary(world.books)
    world.run(made.open_venue(capacity_mode="COVERS", covers=4))
    for table, begins in (("t", EVENING), ("u", EVENING + 3 * HOUR)):
        world.run(made.confirmed(slot(begins, table=table)))
    yield made
    world.forget([made.venue])


def found(world: World, house: Diary) -> list[str]:
    now = dt.datetime(2031, 3, 14, 18, tzinfo=dt.UTC)
    return wrong(world.eyes, [house.venue], now, moving=[], swept=True)


def test_nothing_is_found_where_nothing_is_wrong(world: World, house: Diary) -> None:
    assert found(world, house) == []


@pytest.mark.parametrize("what", CORRUPTED)
def test_what_is_wrong_is_found(world: World, house: Diary, what: str) -> None:
    with world.eyes.transaction(force_rollback=True):
        world.eyes.execute("SET LOCAL session_replication_role = replica")  # no triggers
        world.eyes.execute(CORRUPTED[what])
        assert what in found(world, house)
