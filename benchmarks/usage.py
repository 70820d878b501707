"""CPU time of process trees, and how the machine was meanwhile: its other users, its pace."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """CPU seconds since some moment, by name; ``others`` is every foreign process."""

    seconds: float
    """Wall time."""
    cpu: dict[str, float]
    others: float


class Meter:
    """Reads the CPU time of named process trees and of this process (``client``)."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = {**pids, "client": os.getpid()}

    def read(self) -> Usage:
        """Return the counters as they are now."""
        cpu = {name: self._tree(pid) for name, pid in self._pids.items()}
        return Usage(time.perf_counter(), cpu, _busy() - sum(cpu.values()))

    def since(self, before: Usage) -> Usage:
        """Return what was used since ``before``."""
        now = self.read()
        return Usage(
            now.seconds - before.seconds,
            {name: now.cpu[name] - before.cpu[name] for name in now.cpu},
            now.others - before.others,
        )

    def _tree(self, pid: int) -> float:
        root = psutil.Process(pid)
        if pid == os.getpid():  # its children are counted under their own names
            return _own(root)
        # Of children that have ended the parent keeps the sum (PostgreSQL's backends come and go).
        ended = root.cpu_times()
        total = _own(root) + ended.children_user + ended.children_system
        for child in root.children(recursive=True):
            try:
                total += _own(child)
            except psutil.NoSuchProcess:
                continue
        return total


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times[:3])) + float(getattr(times, "irq", 0) + getattr(times, "softirq", 0))


def pace() -> float:
    """Return the seconds a fixed calculation takes now: cores of shared hosts change their speed.

    About 30 ms altogether; the best of three, so that a moment's interruption does not count.
    """
    best = float("inf")
    for _ in range(3):
        began, total = time.perf_counter(), 0
        for number in range(150_000):
            total += number * number % 7
        best = min(best, time.perf_counter() - began)
    return best
