"""What is drawn for the lives of reservations.

Hypothesis draws the rules, and for each a number that all else of it is made of: what it draws
one by one is small and repeated, and such lives were tame.
"""

import functools
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from models.core.venues import VenueType
from models.reservations.policy import VenuePolicy
from tests.reservations.lives.scissors import AGAIN

T = TypeVar("T")

GUESTS = ["ada", "bob", "eve", "kim", "lou"]
_CUTS = [*[0] * 20, AGAIN, AGAIN, 1, 2, 3, 4, 5, 6, 8, 10, 12]
_KINDS: list[VenueType] = ["RESTAURANT", "HOTEL", "CAFE", "RETAIL"]
_PACING: list[dict[str, int]] = [{}, {}, {"parties": 1}, {"covers": 4}, {"parties": 2, "covers": 5}]


class Chance(random.Random):
    """The choices of one step."""

    def one(self, options: Sequence[T]) -> T:
        """Choose one of ``options``."""
        return self.choice(options)

    def yes(self) -> bool:
        """Toss a coin."""
        return self.random() < 0.5

    def cut(self) -> int:
        """Choose where a connection is cut, if at all."""
        return self.one(_CUTS)

    def kinds(self) -> list[VenueType]:
        """Choose two kinds of venues."""
        return self.sample(_KINDS, 2)

    def place(self) -> dict[str, Any]:
        """Choose a time at the wall, for so long and so many, at a table or any."""
        return {
            "quarters": self.randint(-8, 14),
            "later": self.yes(),
            "minutes": self.one([15, 45, 60, 120, 120]),
            "party": self.randint(1, 4),
            "table": self.one([None, None, "t1", "t1", "t2"]),
        }

    def policy(self) -> VenuePolicy:
        """Choose what a venue lets be reserved."""
        return VenuePolicy.model_validate(
            {
                "slot_minutes": self.one([15, 15, 20, 30, 60]),
                "buffer_before_minutes": self.one([0, 0, 10]),
                "buffer_after_minutes": self.one([0, 0, 20]),
                "check_in": self.one(["tracked", "untracked"]),
                "no_show_grace_minutes": self.one([0, 30, 30]),
                "capacity_mode": self.one(["NONE", "COVERS", "COVERS"]),
                "covers": self.randint(3, 8),
                "pacing": self.one(_PACING),
            }
        )


NUMBERS = st.integers(0, 2**32 - 1)

Play = Callable[[Any, Chance], None]

PLAYS: dict[str, tuple[Callable[[Any], object], Play]] = {}
"""All that may happen, by name, and when it may."""


def step(may_be: Callable[[Any], object]) -> Callable[[Play], Play]:
    """Make a rule of a method, which holds while ``may_be`` is true.

    A number that is drawn again is another chance at another step.
    """

    def ruled(play: Play) -> Play:
        @functools.wraps(play)
        def numbered(self: Any, number: int) -> None:
            self.steps += 1
            play(self, Chance(number * 1_000 + self.steps))

        PLAYS[play.__name__] = (may_be, play)
        made: Play = precondition(lambda self: bool(may_be(self)))(rule(number=NUMBERS)(numbered))
        return made

    return ruled


def always(_: object) -> bool:
    return True
