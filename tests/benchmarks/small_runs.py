"""Small runs of benchmarks, as processes of their own."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.support.processes import ROOT


def small_run(benchmark: str, options: str, *, seconds: float = 150) -> Any:
    """Run a benchmark by its name in ``benchmarks``; returns its report, as JSON has it."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{benchmark}", *options.split()],
        cwd=ROOT,
        # A setting of the machine must not reach the benchmark's own world.
        env={**os.environ, "TASK_QUEUE": "nobody-serves-this", "DATABASE_URL": "postgresql://no"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)
