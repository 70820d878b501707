"""Child processes of a test run: they die with it, and say why they did not start."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """A Python program of ours, running."""

    def __init__(self, *arguments: str, env: dict[str, str]) -> None:
        self._log = tempfile.NamedTemporaryFile(prefix="tripsaga-", suffix=".log")  # noqa: SIM115
        self._popen = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **env},
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
        self._popen.kill()
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
            self._popen.terminate()
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
