"""Whatever happens to a booking's money, and however its events arrive: the sum is right.

``TRIPSAGA_DELIVERIES=10000`` for the long run; ``TRIPSAGA_SEED`` for other lives;
``TRIPSAGA_SHRINK=1`` has Hypothesis look for the smallest life that fails, which takes minutes.
"""

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.money.judging import Normal, audit, judge
from tests.money.player import Manner, Player
from tests.money.plays import PLAYS, Play
from tests.money.stage import Stage, Tally

DELIVERIES = int(os.environ.get("TRIPSAGA_DELIVERIES", "500"))
SEED = int(os.environ.get("TRIPSAGA_SEED", "20310301"))
SHRINK = bool(os.environ.get("TRIPSAGA_SHRINK"))
TOGETHER = 5
"""Lives that are played at the same time."""

pytestmark = [
    pytest.mark.xdist_group("money"),
    pytest.mark.timeout(3600 if SHRINK else 240 + DELIVERIES / 3),
]

LIVES = settings(
    max_examples=max(6, DELIVERIES // 150),
    deadline=None,
    derandomize=True,  # one seed, one run; no database of examples
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if SHRINK else [])],
    # Every example is seconds of real servers at work: slow on purpose, and no fixture is spoilt.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


async def live(player: Player, stage: Stage, tally: Tally) -> Normal:
    """Play one life and judge it."""
    try:
        await player.perform()
        return await judge(stage, player, tally)
    except Exception as error:
        error.add_note(f"{player.play}\n" + "\n".join(player.log))
        error.add_note(await stage.histories(player.booking_id))
        error.add_note(stage.stack.workers[0].log()[-4000:])
        raise


async def together(lives: list[Coroutine[Any, Any, Normal]]) -> list[Normal]:
    """Play lives at the same time, each to its end; what went wrong first is raised then."""
    ends = await asyncio.gather(*lives, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if not isinstance(end, BaseException)]


def test_money_adds_up_whatever_happens(stage: Stage, runner: asyncio.Runner) -> None:
    tally = Tally()

    @seed(SEED)
    @LIVES
    @given(st.tuples(*[PLAYS] * TOGETHER))
    def lives(plays: tuple[Play, ...]) -> None:
        tally.examples += 1
        players = [Player(stage, tally, play, seed=play.seed) for play in plays]
        runner.run(together([live(player, stage, tally) for player in players]))

    with told(tally):
        lives()
        runner.run(audit(stage))
    assert tally.deliveries >= DELIVERIES


def test_the_order_of_events_changes_nothing(stage: Stage, runner: asyncio.Runner) -> None:
    tally = Tally()

    @seed(SEED)
    @LIVES
    @given(PLAYS)
    def twins(play: Play) -> None:
        tally.examples += 1
        players = [
            Player(stage, tally, play, seed=play.seed + n, manner=manner, informed=True)
            for n, manner in enumerate(Manner)
        ]
        ends = runner.run(together([live(player, stage, tally) for player in players]))
        for player, end in zip(players[1:], ends[1:], strict=True):
            assert end == ends[0], (play, players[0].log, player.log)

    with told(tally):
        twins()
        runner.run(audit(stage))
    assert tally.deliveries >= DELIVERIES


@contextmanager
def told(tally: Tally) -> Iterator[None]:
    """Print what was done, however it ends."""
    started = time.monotonic()
    try:
        yield
    finally:
        print(f"seed {SEED}: {time.monotonic() - started:.0f} s: {tally}")
