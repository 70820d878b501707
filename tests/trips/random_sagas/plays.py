"""What happens in each random saga: decided by its seed alone, before anything runs."""

import random
from dataclasses import dataclass
from typing import Any

from sandbox.sellers import SELLERS, names

FAULTY = 0.2
"""The share of calls that go wrong (reliability.md §4, G2)."""

BEFORE = {"error": 2, "reset": 2, "hang": 1, "slow": 2, "refuse": 1}
"""Kinds of fault that leave nothing behind, with their weights."""
AFTER = {"commit_then_hang": 1, "late_commit": 0.7, "commit_then_error": 1, "malformed": 0.6}
"""Kinds that do, though the caller is told nothing or something else: a quarter and more."""
TWICE = {"duplicate": 1}
HARMLESS = frozenset({"error", "reset", "hang", "slow", "malformed"})
"""What can go wrong with a call that only looks."""

SECONDS = {"hang": 3.0, "commit_then_hang": 3.0, "late_commit": 1.4, "slow": 0.3}
"""The provider timeout is 1 s here: hanging is timing out."""

GATEWAY = ("create", "confirm", "capture", "cancel", "refund")
REQUESTS = {"cancel all": 2, "cancel one": 2, "swap": 3, "goodwill": 1}
"""What is asked of a booking, with weights."""
DESTINATIONS = ("LIS", "MAD", "BCN", "CDG", "FCO", "BER", "VIE", "PRG")


@dataclass(frozen=True)
class Trouble:
    """One call of one saga that goes wrong."""

    supplier: str
    operation: str
    kind: str
    nth: int

    def armed(self, reference: str) -> dict[str, Any]:
        """Return what arms it for the calls about ``reference``."""
        more = {"seconds": SECONDS[self.kind]} if self.kind in SECONDS else {}
        return {**self.__dict__, "reference": reference, "times": 1, **more}


@dataclass(frozen=True)
class Asked:
    """Something that somebody asks of a booking."""

    what: str
    """``cancel all``, ``cancel one``, ``swap`` one for another, or ``goodwill``."""
    after: float
    """Seconds: since the booking was begun, or since it was confirmed."""
    place: float
    """Which component it is about: 0 is the first, nearly 1 the last."""


@dataclass(frozen=True)
class Play:
    """One saga."""

    number: int
    criteria: dict[str, Any]
    by_hand: bool
    """An experience that its operator confirms by hand, where Viator sells it."""
    troubles: tuple[Trouble, ...]
    meanwhile: tuple[Asked, ...]
    """What is asked while it is being booked, as a rule."""
    then: tuple[Asked, ...]
    """What is asked once it is confirmed, one while another is still carried out."""
    quick: tuple[str, ...]
    """Who is asked as if measured to be fast: by local activities, but who has no look-up."""

    @property
    def suppliers(self) -> list[str]:
        """Who delivers it."""
        return [name for name in self.criteria["suppliers"].values() if name]


def make_plays(seed: int, count: int, first_day: str) -> list[Play]:
    """Return ``count`` plays; the same seed and day make the same ones.

    ``first_day`` (ISO) is the earliest day of travel.
    """
    return [_play(random.Random(f"{seed}/{number}"), number, first_day) for number in range(count)]


def _play(dice: random.Random, number: int, first_day: str) -> Play:
    import datetime as dt

    start = dt.date.fromisoformat(first_day) + dt.timedelta(days=number * 7 % 250)
    suppliers: dict[str, str | None] = {
        "flight": dice.choice(names("flight")),
        "hotel": dice.choice(names("hotel")),
        "activity": dice.choice(names("activity")),
    }
    if dice.random() < 0.25:  # a pair of suppliers
        suppliers[dice.choice(("flight", "hotel", "activity"))] = None
    criteria = {
        "destination": dice.choice(DESTINATIONS),
        "dates": {
            "start": start.isoformat(),
            "end": (start + dt.timedelta(days=dice.choice((2, 3, 5)))).isoformat(),
        },
        "suppliers": suppliers,
        "activities": dice.choice((1, 2)),
        "travelers": dice.choice((1, 2)),
    }
    used = [name for name in suppliers.values() if name]
    calls = [(name, operation) for name in used for operation in _operations(name)]
    calls += [("stripe", operation) for operation in GATEWAY]
    return Play(
        number=number,
        criteria=criteria,
        by_hand=suppliers["activity"] == "viator" and dice.random() < 0.2,
        troubles=tuple(_troubles(dice, calls)),
        meanwhile=_asked(dice, 1, within=3.0) if dice.random() < 0.2 else (),
        then=_asked(dice, dice.choice((1, 2, 3)), within=1.5) if dice.random() < 0.35 else (),
        quick=tuple(n for n in (*used, "stripe") if dice.random() < 0.5),
    )


def _asked(dice: random.Random, count: int, *, within: float) -> tuple[Asked, ...]:
    kinds = dice.choices([*REQUESTS], [*REQUESTS.values()], k=count)
    return tuple(Asked(what, dice.uniform(0.02, within), dice.random()) for what in kinds)


def _operations(supplier: str) -> list[str]:
    return sorted(SELLERS[supplier].operations - {"quote", "changes"})  # those carry no reference


def _troubles(dice: random.Random, calls: list[tuple[str, str]]) -> list[Trouble]:
    found = []
    for supplier, operation in calls:
        for nth in (1, 2):
            if dice.random() < FAULTY:
                kinds = {**BEFORE, **AFTER, **TWICE}
                if operation == "find":
                    kinds = {kind: weight for kind, weight in kinds.items() if kind in HARMLESS}
                (kind,) = dice.choices([*kinds], [*kinds.values()])
                found.append(Trouble(supplier, operation, kind, nth))
                break  # the switch counts calls from arming: one at a time keeps it readable
    return found
