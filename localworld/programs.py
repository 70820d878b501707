"""Starting and stopping one program: leashed to us, in its own session, with a log file."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from localworld.places import ROOT

_LEASH = Path(__file__).with_name("leash.py")
_LOG_LIMIT = 10 * 1024 * 1024
MARK = "TRIPSAGA_WORLD"
"""Environment variable that every program of a world carries: the path of its ``var``."""


@dataclass(frozen=True)
class User:
    """A user of this machine to run a program as."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class Program:
    """What to run and how it wants to be treated."""

    name: str
    argv: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of our own environment."""
    directory: Path = ROOT
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10
    """How long it may take to stop before it is killed."""


def leashed(
    argv: Sequence[str], ending: signal.Signals = signal.SIGTERM, user: User | None = None
) -> list[str]:
    """Return the command that runs ``argv`` and gets the signal ``ending`` when we die."""
    identity = f"{user.uid}:{user.gid}" if user else "-"
    parent = str(os.getpid())
    return [sys.executable, "-I", "-S", str(_LEASH), parent, str(int(ending)), identity, *argv]


class Child:
    """A running program."""

    def __init__(self, program: Program) -> None:
        """Start it.

        Must be called in the main thread: the kernel ends the program with the *thread* that
        started it.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("programs are started in the main thread; see localworld.leash")
        self.program = program
        _rotate(program.log)
        with program.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                leashed(program.argv, program.stop_signal, program.user),
                env={**os.environ, **program.environment},
                cwd=program.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Its own session: Ctrl-C in the terminal reaches us alone, and we stop it in order.
                start_new_session=True,
            )
        self.started_at = time.time()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return its exit code (negative: the signal it died of), or None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send its stop signal, without waiting."""
        if self.poll() is None:
            self._process.send_signal(self.program.stop_signal)

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if self.poll() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                self._process.kill()
            self._process.wait()

    def stop(self) -> int:
        """Stop it, by force when its patience is over; return its exit code."""
        self.ask_to_stop()
        try:
            return self._process.wait(self.program.stop_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def last_words(self, lines: int = 15) -> str:
        """Return the end of its log, for an error message."""
        return tail(self.program.log, lines)


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a file; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 64 * 1024))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def end_leftovers(pids: Mapping[str, int | None], var: Path, *, seconds: float = 10) -> list[str]:
    """End programs that an earlier world of ``var`` left running; return their names.

    A process is only touched when it carries the mark of this very world: ids are reused.
    """
    left: dict[psutil.Process, str] = {}
    for name, pid in pids.items():
        try:
            process = psutil.Process(pid) if pid else None
            if process and process.environ().get(MARK) == str(var):
                process.terminate()
                left[process] = name
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    _, alive = psutil.wait_procs(left, timeout=seconds)
    for process in alive:
        process.kill()
    return sorted(left.values())


def _rotate(log: Path) -> None:
    """Keep a log bounded: beyond 10 MB it becomes the previous one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".1.log"))
