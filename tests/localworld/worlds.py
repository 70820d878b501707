"""A local world run by ``tripsaga up`` in a process of its own, for tests."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from localworld.places import ROOT
from localworld.programs import MARK

PORTS = (
    "API_PORT",
    "CODEC_PORT",
    "SANDBOX_PORT",
    "SMTP_PORT",
    "TEMPORAL_PORT",
    "TEMPORAL_UI_PORT",
    "METRICS_PORT",
)
_OTHERS = (
    *("DATABASE_URL", "TEMPORAL_ADDRESS", "SANDBOX_URL"),
    *("PAYLOAD_KEYS", "TRAVELER_ID_KEY", "WEBHOOK_MASTER_KEY", "AUTH_PEPPER"),
)


class RunningWorld:
    """``tripsaga up`` on a ``var/`` of its own, on ports nobody else prefers."""

    def __init__(self, var: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.var = var
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in _OTHERS},
            "TRIPSAGA_VAR": str(var),
            **dict.fromkeys(PORTS, "0"),
            **(environment or {}),
        }
        self._output = var.with_name(f"{var.name}.out")
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli", "up", *options],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def services_file(self) -> Path:
        return self.var / "services.json"

    @property
    def services(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.services_file.read_text())
        return found

    def log(self, name: str) -> str:
        """Return what a program has logged."""
        return (self.var / "logs" / f"{name}.log").read_text()

    def wait_until_up(self, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        while not self.services_file.exists():
            assert self._process.poll() is None, self.output
            assert time.monotonic() < end, self.output
            time.sleep(0.05)

    def wait_for_another(self, name: str, pid: int, seconds: float = 60) -> int:
        """Wait until a service has another process than ``pid``, and is ready."""
        end = time.monotonic() + seconds
        while self.services["pids"][name] == pid or f"{name:<11}ready" not in self._since(name):
            assert time.monotonic() < end, self.output
            time.sleep(0.05)
        return int(self.services["pids"][name])

    def _since(self, name: str) -> str:
        """What was printed since the service was last restarted."""
        return self.output.rpartition(f"{name:<11}restarting")[2]

    def tripsaga(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the world."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, seconds: float = 60) -> int:
        return self._process.wait(seconds)

    def left(self) -> list[str]:
        """Processes of this world that still run, PostgreSQL's among them."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get(MARK) == str(self.var)
                mine = mine or str(self.var / "postgres") in process.cmdline()
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(" ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def wait_until_nothing_is_left(self, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while self.left():
            assert time.monotonic() < end, self.left()
            time.sleep(0.1)
