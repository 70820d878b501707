"""Child processes of a test run: they die with it, and say why they did not start."""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parents[2]
FORKED = frozenset(
    {"api", "worker", "sandbox", "tests.support.crashing_worker", "tests.support.dying_api"}
)
"""Programs that the nursery starts: its imports are theirs."""


class _Running(Protocol):
    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


class _Forked:
    """A child of the nursery, with what ``subprocess.Popen`` would offer."""

    def __init__(self, pid: int, told: Path) -> None:
        self.pid = pid
        self._told = told
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None and self._told.exists():
            self._code = int(self._told.read_text())
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            time.sleep(0.01)
        return code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, sig)


class _Nursery:
    """The process that forks the others; one for each process of the test run."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="tripsaga-nursery-")
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nursery"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._born = 0
        atexit.register(self.close)

    def start(self, arguments: list[str], env: dict[str, str], log: str) -> _Forked:
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._born += 1
        told = Path(self._home.name) / f"{self._born}.exit"
        order = {"arguments": arguments, "env": env, "log": log, "exit": str(told)}
        self._popen.stdin.write(json.dumps(order).encode() + b"\n")
        self._popen.stdin.flush()
        answer = self._popen.stdout.readline()
        assert answer, "the nursery has died"
        return _Forked(int(answer), told)

    def close(self) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.close()
        self._popen.wait(10)
        self._home.cleanup()


_nursery: _Nursery | None = None


def _forked(arguments: list[str], env: dict[str, str], log: str) -> _Forked:
    global _nursery
    if _nursery is None:
        _nursery = _Nursery()
    return _nursery.start(arguments, env, log)


class Process:
    """A Python program of this system, running."""

    def __init__(self, *arguments: str, env: dict[str, str]) -> None:
        self._log = tempfile.NamedTemporaryFile(prefix="tripsaga-", suffix=".log")  # noqa: SIM115
        whole = {**os.environ, **env}
        self._popen: _Running
        if arguments[0] == "-m" and arguments[1] in FORKED:
            self._popen = _forked([*arguments[1:]], whole, self._log.name)
        else:
            self._popen = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=whole,
                stdout=self._log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def running(self) -> bool:
        return self._popen.poll() is None

    def log(self) -> str:
        return Path(self._log.name).read_text()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._popen.send_signal(signal.SIGKILL)
        self._popen.wait()

    def wait_until_dead(self, seconds: float = 60) -> None:
        """Wait until it has died of SIGKILL, as planned."""
        assert self._popen.wait(seconds) == -signal.SIGKILL, self.log()[-3000:]

    def pause(self) -> None:
        self._popen.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._popen.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 20) -> int:
        """Ask it to stop; returns its exit code."""
        if self.running:
            self._popen.send_signal(signal.SIGTERM)
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop on SIGTERM:\n{self.log()[-3000:]}") from None

    def wait_for(self, path: Path, seconds: float = 30) -> str:
        """Wait for the file in which it announces itself; returns its text."""
        end = time.monotonic() + seconds
        while not path.exists():
            if not self.running or time.monotonic() > end:
                raise AssertionError(f"did not start:\n{self.log()[-3000:]}")
            time.sleep(0.02)
        return path.read_text().strip()

    def wait_for_line(self, text: str, seconds: float = 30) -> None:
        """Wait until it has logged ``text``."""
        end = time.monotonic() + seconds
        while text not in self.log():
            if not self.running or time.monotonic() > end:
                raise AssertionError(f"did not log {text!r}:\n{self.log()[-3000:]}")
            time.sleep(0.05)
