"""Keeping one program running: started, waited for, restarted when it dies or hangs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from localworld.errors import LocalWorldError
from localworld.programs import Child, Program

_TICK = 0.05
_START_ATTEMPTS = 3
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
_STEADY_SECONDS = 30.0
"""After so long a run the next death is answered at once again."""
_LIVENESS_EVERY = 5.0
_LIVENESS_FAILURES = 6


class Status(StrEnum):
    """Where a service stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"


Report = Callable[[str, Status, str], None]
"""Takes a service's name, its status and a detail for a person."""


@dataclass(frozen=True)
class Service:
    """What a supervisor must know about a service."""

    name: str
    prepare: Callable[[bool], Awaitable[Program]]
    """Makes it ready to run. The flag: for the first time, so that ports may still be chosen."""
    ready: Callable[[Child], Awaitable[bool]]
    """Whether it does its work now."""
    where: Callable[[], str]
    """Its address, for people."""
    alive: Callable[[], Awaitable[bool]] | None = None
    """Whether it still answers; None: only its process is watched."""
    start_seconds: float = 30


class Supervisor:
    """Runs one service."""

    def __init__(
        self, service: Service, report: Report, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Nothing runs yet. ``changed`` is called whenever the service has a new process."""
        self.service = service
        self.child: Child | None = None
        self.restarts = 0
        self._report = report
        self._changed = changed

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    async def start(self) -> None:
        """Start it and return when it is ready.

        Raises:
            LocalWorldError: it does not come up; the message has the end of its log.
        """
        self._say(Status.STARTING)
        for attempt in range(1, _START_ATTEMPTS + 1):
            program = await self.service.prepare(True)
            if await self._launch(program):
                self._say(Status.READY, self.service.where())
                return
            last_words = self._end()
            # Somebody else may have taken our port between the choice and the start.
            if attempt < _START_ATTEMPTS and "in use" in last_words.lower():
                continue
            self._say(Status.FAILED)
            raise LocalWorldError(
                f"{self.name} does not start. The end of {program.log}:\n{last_words}"
            )

    async def keep(self) -> NoReturn:
        """Restart it whenever it dies or stops answering, until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            try:
                reason = await self._until_it_fails()
                if self.child and time.time() - self.child.started_at > _STEADY_SECONDS:
                    pause = _FIRST_PAUSE
                self._say(Status.RESTARTING, reason)
                self._end()
                self.restarts += 1
                if await self._launch(await self.service.prepare(False)):
                    self._say(Status.READY, f"{self.service.where()} (restarted: {reason})")
                    continue
            except Exception as error:  # noqa: BLE001  (whatever happens, it is tried again)
                self._say(Status.FAILED, f"{error or type(error).__name__}".splitlines()[0])
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def stop(self) -> None:
        """Stop it and wait for its end; kill it when its patience is over."""
        child = self.child
        if child is None:
            return
        child.ask_to_stop()
        end = time.monotonic() + child.program.stop_seconds
        while child.poll() is None and time.monotonic() < end:  # noqa: ASYNC110  (a process)
            await asyncio.sleep(_TICK)
        self._end()
        self._say(Status.STOPPED)

    def kill(self) -> None:
        """End it at once."""
        self._end()

    async def _launch(self, program: Program) -> bool:
        """Start the program; tell whether it became ready in time."""
        self.child = Child(program)
        self._changed()
        end = time.monotonic() + self.service.start_seconds
        while self.child.poll() is None and time.monotonic() < end:
            if await self.service.ready(self.child):
                return True
            await asyncio.sleep(_TICK)
        return False

    async def _until_it_fails(self) -> str:
        """Return why it must be restarted, as soon as it must."""
        failures, next_question = 0, time.monotonic() + _LIVENESS_EVERY
        while self.child is not None:
            code = self.child.poll()
            if code is not None:
                return f"killed by signal {-code}" if code < 0 else f"ended with code {code}"
            if self.service.alive and time.monotonic() >= next_question:
                failures = 0 if await self.service.alive() else failures + 1
                if failures == _LIVENESS_FAILURES:
                    return "it no longer answered"
                next_question = time.monotonic() + _LIVENESS_EVERY
            await asyncio.sleep(_TICK)
        return "it was not running"

    def _end(self) -> str:
        if self.child is None:
            return ""
        self.child.kill()
        return self.child.last_words()

    def _say(self, status: Status, detail: str = "") -> None:
        self._report(self.name, status, detail)
