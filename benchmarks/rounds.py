"""Rounds: a number of bookings one way, so many at once, timed and measured."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.usage import Meter, Usage, pace
from benchmarks.ways import Booked, Way

DISTURBED = 0.25
"""Cores kept busy by others, from which on a round says more about them than about us."""
SLOW = 1.25
"""The same for a fixed calculation's time, in units of the shortest seen in the run."""
_PAUSE_SECONDS = 5.0
"""Before a disturbed round is repeated; longer each time."""

Trips = Callable[[int], Awaitable[list[dict[str, Any]]]]
"""Has the planner make so many trips."""


@dataclass(frozen=True, order=True)
class Cell:
    """What a round measures."""

    latency: float
    """Seconds that every supplier takes for every answer."""
    concurrency: int
    way: str


@dataclass(frozen=True)
class Round:
    """What one round came to. Seconds."""

    cell: Cell
    latencies: list[float]
    booked: list[Booked]
    usage: Usage
    pace: float
    """Of the machine: a fixed calculation's time, the longer one of before and after."""

    @property
    def per_second(self) -> float:
        """Bookings per second."""
        return len(self.latencies) / self.usage.seconds

    @property
    def disturbance(self) -> float:
        """How many cores others kept busy meanwhile."""
        return max(0.0, self.usage.others / self.usage.seconds)


@dataclass
class Rounds:
    """All rounds of a run, and how many were repeated because something disturbed them."""

    kept: list[Round] = field(default_factory=list)
    repeated: int = 0

    def of(self, cell: Cell) -> list[Round]:
        """Return the rounds of a cell: the undisturbed ones, or all where there are none."""
        rounds = [one for one in self.kept if one.cell == cell]
        return [one for one in rounds if not self.is_disturbed(one)] or rounds

    def is_disturbed(self, one: Round) -> bool:
        """Tell whether others were busy, or the machine slower than it can be, in a round."""
        return one.disturbance > DISTURBED or one.pace > SLOW * self.best_pace

    async def calmest(self, tries: int, once: Callable[[], Awaitable[Round]]) -> Round:
        """Play a round until nothing disturbs it, ``tries`` times at most; keep the quietest."""
        tried: list[Round] = []
        while len(tried) < tries:
            await asyncio.sleep(_PAUSE_SECONDS * len(tried))
            tried.append(await once())
            if not self.is_disturbed(tried[-1]):
                break
        self.repeated += len(tried) - 1
        best = min(tried, key=lambda one: (self.is_disturbed(one), one.pace, one.disturbance))
        self.kept.append(best)
        return best

    @property
    def best_pace(self) -> float:
        """The machine's best in this run."""
        return min((one.pace for one in self.kept), default=float("inf"))

    @property
    def cells(self) -> list[Cell]:
        """Return all cells, in a reader's order."""
        return sorted({one.cell for one in self.kept})


async def play(cell: Cell, way: Way, trips: Trips, bookings: int, meter: Meter) -> Round:
    """Make ``bookings`` bookings, ``cell.concurrency`` at once, and measure them.

    The trips are made before the clock starts.

    Raises:
        NotBookedError: one of them did not end CONFIRMED.
    """
    waiting = deque(await trips(bookings))
    latencies: list[float] = []
    booked: list[Booked] = []

    async def customer() -> None:
        while waiting:
            trip = waiting.popleft()
            began = time.perf_counter()
            one = await way.book(trip)
            latencies.append(time.perf_counter() - began)
            booked.append(one)

    pace_before = pace()
    before = meter.read()
    await asyncio.gather(*(customer() for _ in range(cell.concurrency)))
    usage = meter.since(before)
    return Round(cell, latencies, booked, usage, max(pace_before, pace()))
