"""Random lives of reservations at venues, their clocks and crashes: no step is ever wrong (R6).

In every run some lives; ``make test-all`` plays thousands, by other seeds.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlalchemy import text

from models.bookings.booking import Booking
from models.bookings.events import BookingEvent, events_of
from models.bookings.lifecycle import BookingState
from models.inventory import claims, hook
from tests.reservations.lives.draws import NUMBERS, Chance
from tests.reservations.lives.moves import Moves
from tests.reservations.lives.passing import Passing
from tests.reservations.lives.world import World

S = BookingState

STEPS = 20
EFFORT = settings(
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    # Shrinking takes as long as thousands of lives: ``phases=list(Phase)`` for a failure.
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


class Lives(Moves, Passing):
    """Everything that may happen to reservations."""

    @rule(number=NUMBERS)
    def several(self, number: int) -> None:
        self.mix(Chance(number * 1_000 + self.steps), 4)


def play(world: World, lives: int, number: int = 0) -> Counter[str]:
    """Play lives, by a seed; returns how often what has happened."""
    tally: Counter[str] = Counter()

    @seed(number)
    class Played(Lives):
        def __init__(self) -> None:
            super().__init__(world, tally)

    started = time.monotonic()
    try:
        run_state_machine_as_test(Played, settings=settings(EFFORT, max_examples=lives))
    finally:
        seen = {str(what): times for what, times in sorted(tally.items()) if times}
        print(f"seed {number}, {time.monotonic() - started:.0f} s: {seen}")
    return tally


HAPPENS = {
    "reserve had", "reserve GUEST", "reserve RESOURCE", "reserve VENUE", "move had", "move GUEST",
    "move RESOURCE", "move VENUE", "moved", "put back as it was", "put back RESOURCE", "CANCELLED",
    "approved", "not approved", "hold lost", "transition refused", "by hand CHECKED_IN",
    "by hand NO_SHOW", "by hand COMPLETED", "by hand CONFIRMED", "by hand, too late",
    "sweep EXPIRED", "sweep NO_SHOW", "sweep COMPLETED", "no such time",
    "a time that is there twice", "look free", "look taken",
}  # fmt: skip
"""What lives see: where most of it has never happened, nothing is proved."""


def test_nothing_is_ever_wrong(world: World) -> None:
    deaths = world.deaths
    tally = play(world, lives=10)
    assert len([what for what in HAPPENS if not tally[what]]) < len(HAPPENS) / 3
    assert world.deaths - deaths > 12


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(1, 35))  # 100,000 steps: decision 112
def test_nothing_is_ever_wrong_by_other_seeds(world: World, number: int) -> None:
    tally = play(world, lives=90, number=number)
    assert len([what for what in HAPPENS if not tally[what]]) < 4


# -- what is planted is found ----------------------------------------------------------------------


async def no_sweep(*_: Any) -> int:
    return 0


def no_cancellation(booking: Booking, *others: Any, **more: Any) -> list[BookingEvent]:
    return [] if booking.state is S.CANCELLED else events_of(booking, *others, **more)


Plant = Callable[[World, pytest.MonkeyPatch], object]

PLANTED: dict[str, Plant] = {
    "tables are not exclusive": lambda world, _: world.eyes.execute(
        "ALTER TABLE inventory_claims DROP CONSTRAINT claims_one_per_resource"
    ),
    "guests are everywhere": lambda world, _: world.eyes.execute(
        "ALTER TABLE inventory_claims DROP CONSTRAINT claims_one_per_guest"
    ),
    "a venue has any room": lambda world, _: world.eyes.execute(
        "ALTER TABLE venue_slots DROP CONSTRAINT venue_slots_covers"
    ),
    "any state follows any other": lambda world, _: world.eyes.execute(
        "DROP TRIGGER guard_booking_state ON bookings"
    ),
    "what is held too long is not swept": lambda _, patch: patch.setattr(
        "activities.reservations.lifecycle.expire_all_overdue", no_sweep
    ),
    "a cancelled booking keeps its place": lambda _, patch: patch.delitem(
        hook._FOLLOWS, S.CANCELLED
    ),
    "a transition without its event": lambda _, patch: patch.setattr(
        "models.bookings.repository.writing.events_of", no_cancellation
    ),
    "what is over is sold": lambda _, patch: patch.setattr(
        "models.inventory.claims._SELL",
        text(claims._SELL.text.replace("AND expires_at > clock_timestamp()", "")),
    ),
    "a time that no clock shows": lambda _, patch: patch.setattr(
        "models.core.local_times.reads", lambda *_: True
    ),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_what_is_planted_is_found(
    own_world: World, monkeypatch: pytest.MonkeyPatch, plant: str
) -> None:
    PLANTED[plant](own_world, monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        play(own_world, lives=100, number=2)  # a seed that comes upon each of them soon
