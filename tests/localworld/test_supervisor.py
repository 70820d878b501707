"""Supervision: started, waited for, restarted."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from localworld import supervisor as module
from localworld.errors import LocalWorldError
from localworld.programs import Child, Program
from localworld.supervisor import Service, Status, Supervisor

Reports = list[tuple[Status, str]]


class Sleeper:
    """A service that is ready when its program reports it; fails as told."""

    def __init__(self, tmp_path: Path, script: str = "print('up', flush=True)") -> None:
        self.script = script
        self.healthy = True
        self.firsts: list[bool] = []
        self.reports: Reports = []
        self.changes = 0
        self._log = tmp_path / "sleeper.log"
        self.supervisor = Supervisor(
            Service(
                "sleeper", self._prepare, self._ready, lambda: "here", self._alive, start_seconds=10
            ),
            lambda _, status, detail: self.reports.append((status, detail)),
            self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    async def _prepare(self, first: bool) -> Program:
        self.firsts.append(first)
        self._log.unlink(missing_ok=True)
        code = f"{self.script}\nimport time; time.sleep(300)"
        return Program("sleeper", (sys.executable, "-c", code), self._log)

    async def _ready(self, child: Child) -> bool:
        return "up" in child.last_words()

    async def _alive(self) -> bool:
        return self.healthy

    @property
    def pid(self) -> int:
        assert self.supervisor.child
        return self.supervisor.child.pid

    async def until(self, status: Status, count: int = 1) -> str:
        async with asyncio.timeout(15):
            while [seen for seen, _ in self.reports].count(status) < count:
                await asyncio.sleep(0.02)
        return [detail for seen, detail in self.reports if seen is status][count - 1]


async def test_it_is_started_and_stopped(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path)
    await sleeper.supervisor.start()
    await sleeper.supervisor.stop()
    assert sleeper.reports == [(Status.STARTING, ""), (Status.READY, "here"), (Status.STOPPED, "")]
    assert sleeper.firsts == [True]
    with pytest.raises(ProcessLookupError):
        os.kill(sleeper.pid, 0)


async def test_a_killed_process_is_restarted_again_and_again(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path)
    await sleeper.supervisor.start()
    keeper = asyncio.create_task(sleeper.supervisor.keep())
    pids = {sleeper.pid}
    for count in (1, 2):
        os.kill(sleeper.pid, signal.SIGKILL)
        assert await sleeper.until(Status.RESTARTING, count) == "killed by signal 9"
        await sleeper.until(Status.READY, count + 1)
        pids.add(sleeper.pid)
    assert len(pids) == 3
    assert sleeper.supervisor.restarts == 2
    assert sleeper.firsts == [True, False, False]
    assert sleeper.changes == 3
    keeper.cancel()
    await sleeper.supervisor.stop()


async def test_one_that_no_longer_answers_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LIVENESS_EVERY", 0.05)
    monkeypatch.setattr(module, "_LIVENESS_FAILURES", 3)
    sleeper = Sleeper(tmp_path)
    await sleeper.supervisor.start()
    keeper = asyncio.create_task(sleeper.supervisor.keep())
    sleeper.healthy = False
    assert await sleeper.until(Status.RESTARTING) == "it no longer answered"
    sleeper.healthy = True
    await sleeper.until(Status.READY, 2)
    keeper.cancel()
    await sleeper.supervisor.stop()


async def test_a_restart_that_fails_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.05)
    sleeper = Sleeper(tmp_path)
    await sleeper.supervisor.start()
    keeper = asyncio.create_task(sleeper.supervisor.keep())
    sleeper.script = "raise SystemExit(3)"
    os.kill(sleeper.pid, signal.SIGKILL)
    assert await sleeper.until(Status.RESTARTING, 2) == "ended with code 3"
    sleeper.script = "print('up', flush=True)"
    await sleeper.until(Status.READY, 2)
    keeper.cancel()
    await sleeper.supervisor.stop()


async def test_an_unexpected_error_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(module, "_LIVENESS_EVERY", 0.05)
    sleeper = Sleeper(tmp_path)
    await sleeper.supervisor.start()
    surprises = [ValueError("surprise")]

    async def alive() -> bool:
        if surprises:
            raise surprises.pop()
        return True

    object.__setattr__(sleeper.supervisor.service, "alive", alive)
    keeper = asyncio.create_task(sleeper.supervisor.keep())
    assert await sleeper.until(Status.FAILED) == "surprise"
    os.kill(sleeper.pid, signal.SIGKILL)
    await sleeper.until(Status.READY, 2)
    keeper.cancel()
    await sleeper.supervisor.stop()


async def test_one_that_does_not_start_says_why(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path, "raise SystemExit('no such thing as a free lunch')")
    with pytest.raises(LocalWorldError, match="no such thing as a free lunch"):
        await sleeper.supervisor.start()
    assert sleeper.reports[-1][0] is Status.FAILED
    assert sleeper.firsts == [True]


async def test_a_port_lost_to_somebody_else_is_chosen_anew(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path, "raise SystemExit('[Errno 98] Address already in use')")
    with pytest.raises(LocalWorldError, match="already in use"):
        await sleeper.supervisor.start()
    assert sleeper.firsts == [True, True, True]
