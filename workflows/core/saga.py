"""Undo: registered before each step, run in reverse, never cut short, never silently given up."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from models.bookings.problems import Problem

T = TypeVar("T")

Undo = Callable[[], Awaitable[Problem | None]]
"""Undoes one step if present; answers what keeps it from being undone, None when it is gone."""


@dataclass
class _Registered:
    name: str
    undo: Undo
    problem: Problem | None = None


class Saga:
    """The steps taken so far, each with its undo."""

    def __init__(self) -> None:
        self._steps: list[_Registered] = []

    def register(self, name: str, undo: Undo) -> None:
        """Register the undo of a step, before the step is called; a second time changes nothing."""
        if all(step.name != name for step in self._steps):
            self._steps.append(_Registered(name, undo))

    async def undo(self) -> None:
        """Undo everything that is not undone yet, last step first.

        One that cannot be undone does not keep the others from it; it stays in ``unsettled``.
        """
        for step in reversed(self._steps):
            step.problem = await step.undo()
        self._steps = self.unsettled_steps

    async def undo_one(self, name: str) -> Problem | None:
        """Undo one step now; answers what keeps it from being undone, None when it is gone."""
        for step in self._steps:
            if step.name == name:
                step.problem = await step.undo()
                if step.problem is None:
                    self._steps.remove(step)
                return step.problem
        return None

    @property
    def unsettled_steps(self) -> list[_Registered]:
        """The steps whose undo was tried and did not succeed, in the order they were taken."""
        return [step for step in self._steps if step.problem is not None]

    @property
    def unsettled(self) -> list[Problem]:
        """What keeps steps from being undone."""
        return [step.problem for step in self._steps if step.problem is not None]

    def accept(self) -> None:
        """Keep only what is unsettled: the rest stands, there is nothing to undo any more."""
        self._steps = self.unsettled_steps

    def settle(self, name: str) -> None:
        """Drop a step's undo: a person has settled it."""
        self._steps = [step for step in self._steps if step.name != name]


async def finish(work: Coroutine[Any, Any, T], *, on_cancel: Callable[[], None]) -> T:
    """Await ``work`` to its very end; a cancel of the workflow on the way only calls ``on_cancel``.

    What is under way must not be abandoned: the call may yet commit. One ``asyncio.shield`` is not
    enough, for the cancel still leaves the await (reliability.md §5, pitfalls 3 and 5).
    """
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            on_cancel()
        except Exception:  # noqa: BLE001, S112  (the task's own: result() raises it below)
            continue
    return task.result()
