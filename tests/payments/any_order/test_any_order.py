"""Whatever happens to a booking's money, and however its events arrive: the sum is right.

``TRIPSAGA_DELIVERIES=10000`` for the long run; ``TRIPSAGA_SEED`` for other lives;
``TRIPSAGA_SHRINK=1`` has Hypothesis look for the smallest life that fails, which takes minutes.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings

from tests.payments.any_order.booking import LiveBooking
from tests.payments.any_order.judging import Normal, audit, judge
from tests.payments.any_order.player import Manner, Player
from tests.payments.any_order.plays import RICH, UNTOLD, Kind, Opening, Play, casts
from tests.payments.any_order.stage import Stage, Tally
from tests.support.selection import table

DELIVERIES = int(os.environ.get("TRIPSAGA_DELIVERIES", "500"))
SEED = int(os.environ.get("TRIPSAGA_SEED", "20310301"))
SHRINK = bool(os.environ.get("TRIPSAGA_SHRINK"))
LONG = DELIVERIES > 500
EXAMPLES = max(5, DELIVERIES // 350)
SOME = 110
"""So many deliveries there are in every run, of two examples and one that is written down."""
TOGETHER = 6
"""Lives that are played at the same time."""

pytestmark = [
    pytest.mark.timeout(3600 if SHRINK else 300 + DELIVERIES / 3),
]

EFFORT = settings(
    deadline=None,
    derandomize=True,  # one seed, one run; no database of examples
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if SHRINK else [])],
    # An example is seconds of real servers at work: slow on purpose.
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize(
    ("deliveries", "examples"), table([(SOME, 2), (DELIVERIES, EXAMPLES)], quick=[(SOME, 2)])
)
def test_money_adds_up_whatever_happens(
    stage: Stage, runner: asyncio.Runner, deliveries: int, examples: int
) -> None:
    tally = Tally()

    @seed(SEED)
    @settings(EFFORT, max_examples=examples)
    @given(casts(TOGETHER))
    @example(UNTOLD)
    def lives(cast: tuple[Play, ...]) -> None:
        tally.examples += 1
        bookings = [LiveBooking(stage, tally, play, seed=play.seed) for play in cast]
        runner.run(together([Player(booking) for booking in bookings]))

    with told(tally):
        lives()
        runner.run(audit(stage))
    assert tally.deliveries >= deliveries
    assert len(tally.openings) > len(Opening) / 2
    assert len(tally.done) > len(Kind) / 2


@pytest.mark.exhaustive
def test_the_order_of_events_changes_nothing(stage: Stage, runner: asyncio.Runner) -> None:
    tally = Tally()

    @seed(SEED)
    @settings(EFFORT, max_examples=max(2, DELIVERIES // 600))
    @given(casts(2))
    @example(RICH)
    def twins(cast: tuple[Play, ...]) -> None:
        tally.examples += 1
        manners = list(Manner) * (17 if LONG and cast == RICH else 1)
        players = [
            Player(LiveBooking(stage, tally, play, seed=play.seed + n), manner, informed=True)
            for n, manner in enumerate(manners)
            for play in cast
        ]
        ends = runner.run(together(players))
        for number, player in enumerate(players):
            first = number % len(cast)
            assert ends[number] == ends[first], (players[first].booking.log, player.booking.log)

    with told(tally):
        twins()
        runner.run(audit(stage))
    assert tally.deliveries >= DELIVERIES
    assert set(tally.done) >= set(Kind) - {Kind.DECIDE}, "some of them were never possible"


async def together(players: Sequence[Player]) -> list[Normal]:
    """Play lives, some at the same time, each to its end; then raise what went wrong first."""
    ends: list[Normal | BaseException] = []
    for first in range(0, len(players), TOGETHER):
        lives = [live(player) for player in players[first : first + TOGETHER]]
        ends += await asyncio.gather(*lives, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if not isinstance(end, BaseException)]


async def live(player: Player) -> Normal:
    """Play one life and judge it."""
    booking = player.booking
    try:
        await player.perform()
        return await judge(booking)
    except Exception as error:
        error.add_note(f"{booking.play}\n" + "\n".join(booking.log))
        error.add_note(await booking.stage.histories(booking.id))
        error.add_note(booking.stage.stack.workers[0].log()[-4000:])
        raise


@contextmanager
def told(tally: Tally) -> Iterator[None]:
    """Print what was done, however it ends."""
    started = time.monotonic()
    try:
        yield
    finally:
        print(f"seed {SEED}, {time.monotonic() - started:.0f} s: {tally}")
