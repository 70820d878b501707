"""Runs several tasks against the real database in any order of their steps, and kills some of them.

A task stops at a gate before every statement and every call to a provider. One task moves at a
time, from its gate to the next, so that an order of steps is a list of choices: Hypothesis draws
it, repeats it and shrinks it. A task that is killed is gone like one whose process died: none of
its statements and calls is made any more.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any, Self, TypeVar

from sqlalchemy import Engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from models.core.database import Sessions, create_sessions
from models.trips.messages import BookTripRequest, OpenBooking
from models.trips.repository import insert_trip
from tests.support.environment import settings_from

T = TypeVar("T")

_moving: ContextVar["Actor | None"] = ContextVar("moving", default=None)


class Killed(BaseException):
    """The process of a task has died."""


class Dice:
    """So many choices of a seed. When they are used up every choice is the first one: the calm.

    Not drawn one by one by Hypothesis, which likes small numbers and repeats: its plays were tame.
    """

    def __init__(self, *thrown: int, name: str = "calm") -> None:
        self._left = list(thrown)[::-1]
        self._name = name

    def __repr__(self) -> str:
        return self._name

    @classmethod
    def of(cls, seed: int, choices: int) -> Self:
        """Return the choices of a seed."""
        source = random.Random(seed)
        return cls(*(source.getrandbits(16) for _ in range(choices)), name=f"seed {seed}")

    @property
    def thrown(self) -> bool:
        """Whether all choices are used up."""
        return not self._left

    def pick(self, options: Sequence[T]) -> T:
        """Choose one of ``options``."""
        return options[self._left.pop() % len(options)] if self._left else options[0]


class Actor:
    """One task under control."""

    def __init__(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        self.name = name
        self.at = "begin"
        """The gate at which it stands."""
        self._gate: asyncio.Future[None] | None = None
        self._reached = asyncio.Event()
        self.task: asyncio.Task[Any] = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        _moving.set(self)
        try:
            await self.stand("begin")
        except BaseException:
            work.close()
            raise
        return await work

    async def stand(self, gate: str) -> None:
        """Stand at a gate until told to go on, or killed."""
        self.at = gate
        self._gate = asyncio.get_running_loop().create_future()
        self._reached.set()
        await self._gate

    async def step(self) -> None:
        """Let it go on to its next gate, or its end."""
        gate = await self._standing()
        gate.set_result(None)
        await self._next()

    async def start_step(self, seconds: float) -> None:
        """As :meth:`step`, but wait no longer: another task may have what it needs."""
        gate = await self._standing()
        gate.set_result(None)
        reached = asyncio.ensure_future(self._reached.wait())
        await asyncio.wait(
            [reached, self.task], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        reached.cancel()

    @property
    def stands(self) -> bool:
        """Whether it is at a gate, and not on its way to one."""
        return self._reached.is_set() and not self.task.done()

    async def kill(self) -> None:
        """Have its process die where it stands."""
        gate = await self._standing()
        gate.set_exception(Killed())
        with contextlib.suppress(Killed):
            await self.task

    async def finish(self) -> None:
        """Let it go on to its end."""
        while not self.task.done():
            await self.step()

    async def _standing(self) -> asyncio.Future[None]:
        await self._next()
        assert self._gate is not None
        self._reached.clear()
        return self._gate

    async def _next(self) -> None:
        reached = asyncio.ensure_future(self._reached.wait())
        await asyncio.wait([reached, self.task], return_when=asyncio.FIRST_COMPLETED)
        reached.cancel()


async def gate(name: str) -> None:
    """Stop here until it is this task's turn; tasks that are not under control pass."""
    actor = _moving.get()
    if actor is not None:
        await actor.stand(name)


def _wait_for_turn(*_: Any) -> None:
    """Wait for its turn before every statement, whoever runs it."""
    await_only(gate("statement"))


class Record:
    """The real database, on a loop of its own: Hypothesis calls plain functions."""

    def __init__(self, database_url: str, runner: asyncio.Runner) -> None:
        self._engine = create_async_engine(
            settings_from({"DATABASE_URL": database_url}).database.sqlalchemy_url
        )
        event.listen(self._engine.sync_engine, "before_cursor_execute", _wait_for_turn)
        self._runner = runner
        self.sessions: Sessions = create_sessions(self._engine)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end."""
        return self._runner.run(work)

    async def close(self) -> None:
        await self._engine.dispose()

    async def open(self, request: BookTripRequest, now: Any) -> None:
        """Write a new booking down."""
        async with self.sessions.begin() as session:
            await insert_trip(session, OpenBooking(request=request, run="test"), now)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Return the rows of a query."""
        async with self._engine.connect() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def do(self, statement: str, **values: Any) -> None:
        """Execute a statement."""
        async with self._engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def age_attempts(self, by: str, *, booking_id: str, key: str | None = None) -> None:
        """Let ``by`` (an interval of PostgreSQL's) pass for a booking's attempts, or for one key's.

        They are as if they had been made so much earlier.
        """
        await self.do(
            "UPDATE attempts SET started_at = started_at - CAST(:by AS text)::interval,"
            " finished_at = finished_at - CAST(:by AS text)::interval"
            " WHERE booking_id = :id AND (CAST(:key AS text) IS NULL OR key = :key)",
            by=by,
            id=booking_id,
            key=key,
        )


BLOCKED_SECONDS = 0.02
"""A task that has not come to its next gate by then waits for a lock of another one."""


async def in_any_order(dice: Dice, works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run tasks to their ends, one statement of one of them at a time; returns their results.

    A task that waits for another's lock is passed over until it has it.
    """
    actors = [Actor(f"task {number}", work) for number, work in enumerate(works)]
    while not all(actor.task.done() for actor in actors):
        standing = [actor for actor in actors if actor.stands]
        if standing:
            await dice.pick(standing).start_step(BLOCKED_SECONDS)
        else:
            await asyncio.sleep(0.001)
    return [actor.task.result() for actor in actors]


def with_gates(engine: Engine) -> None:
    """Have tasks under control wait for their turn before each statement on an engine."""
    event.listen(engine, "before_cursor_execute", _wait_for_turn)


class Actors:
    """The tasks of one play."""

    def __init__(self) -> None:
        self.all: list[Actor] = []

    @property
    def alive(self) -> list[Actor]:
        """Those that have not ended."""
        return [actor for actor in self.all if not actor.task.done()]

    def begin(self, name: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> Actor:
        """Begin a task; it stands at its first gate."""
        actor = Actor(f"{name} {len(self.all) + 1}", work())
        self.all.append(actor)
        return actor

    async def kill_all(self) -> None:
        """Have every process die."""
        for actor in self.alive:
            await actor.kill()

    @contextlib.asynccontextmanager
    async def ended(self) -> AsyncIterator[None]:
        """See that no task outlives a play, however it ends, and that none failed unnoticed."""
        try:
            yield
        finally:
            await self.kill_all()
        for actor in self.all:
            if (error := _error(actor.task)) is not None and not isinstance(error, Killed):
                raise error


def _error(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


def new_name() -> str:
    """Return a name that nothing else has."""
    return uuid.uuid4().hex
