"""Compensations: registered before each step, run in reverse, never cut short."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from models.bookings.problems import Problem

T = TypeVar("T")

Compensation = Callable[[], Awaitable[Problem | None]]
"""Undoes one step if present; answers what keeps it from being undone, None when it is gone."""


@dataclass
class _Step:
    name: str
    undo: Compensation
    problem: Problem | None = None


class Compensations:
    """The steps taken so far, each with its compensation."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []

    def register(self, name: str, undo: Compensation) -> None:
        """Register the compensation of a step, before the step is called.

        A second registration under the same name changes nothing.
        """
        if all(step.name != name for step in self._steps):
            self._steps.append(_Step(name, undo))

    async def run(self) -> list[Problem]:
        """Undo everything, last step first; answers what could not be undone.

        One step that cannot be undone does not keep the others from it.
        """
        for step in reversed(self._steps):
            step.problem = await step.undo()
        problems = [step.problem for step in self._steps if step.problem is not None]
        self._steps = []
        return problems

    async def run_one(self, name: str) -> None:
        """Undo one step now. If that fails it stays registered, and is tried again by ``run``."""
        for step in self._steps:
            if step.name == name:
                step.problem = await step.undo()
                if step.problem is None:
                    self._steps.remove(step)
                return

    def keep_failed(self) -> None:
        """Forget all steps but those whose compensation was tried and failed: the rest stands."""
        self._steps = [step for step in self._steps if step.problem is not None]


async def shielded(work: Coroutine[Any, Any, T], *, on_cancel: Callable[[], None]) -> T:
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


def ignore_cancel() -> None:
    """Let a cancel of the workflow pass: there is nothing left that it could stop."""
