"""Programs: logged, stopped with patience, and never left behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from localworld import programs
from localworld.places import ROOT
from localworld.programs import MARK, Child, Program

SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(300)")
STUBBORN_CODE = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(300)
"""
STUBBORN = (sys.executable, "-c", STUBBORN_CODE)


def until(true: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def program(tmp_path: Path, argv: tuple[str, ...] = SLEEP, **options: object) -> Program:
    return Program("p", argv, tmp_path / "p.log", **options)  # type: ignore[arg-type]


def says(child: Child, text: str) -> bool:
    return text in child.last_words()


def test_it_runs_logs_and_stops(tmp_path: Path) -> None:
    child = Child(program(tmp_path))
    assert until(lambda: says(child, "up"))
    assert child.poll() is None
    assert child.stop() == -signal.SIGTERM
    assert not psutil.pid_exists(child.pid)


def test_it_gets_the_environment_and_directory_it_asks_for(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import os; print(os.environ['X'], os.getcwd())")
    child = Child(program(tmp_path, argv, environment={"X": "1"}, directory=tmp_path))
    assert until(lambda: child.poll() == 0)
    assert child.last_words() == f"1 {tmp_path}"


def test_a_stubborn_program_is_killed_when_its_patience_is_over(tmp_path: Path) -> None:
    child = Child(program(tmp_path, STUBBORN, stop_seconds=0.2))
    assert until(lambda: says(child, "up"))
    assert child.stop() == -signal.SIGKILL


def test_killing_takes_what_it_started_along(tmp_path: Path) -> None:
    script = "sleep 300 & echo $!; wait"
    child = Child(program(tmp_path, ("/bin/sh", "-c", script)))
    assert until(lambda: child.last_words().isdigit())
    grandchild = int(child.last_words())
    child.kill()
    assert until(lambda: not _runs(grandchild))


def test_it_cannot_be_started_from_another_thread(tmp_path: Path) -> None:
    code = (
        "import threading\n"
        "from pathlib import Path\n"
        "from localworld.programs import Child, Program\n"
        f"p = Program('p', ('true',), Path({str(tmp_path)!r}) / 'p.log')\n"
        "def start():\n"
        "    try:\n"
        "        Child(p)\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
        "thread = threading.Thread(target=start); thread.start(); thread.join()\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "main thread" in answer.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import time\n"
        "from pathlib import Path\n"
        "from localworld.programs import Child, Program\n"
        f"child = Child(Program('p', {SLEEP!r}, Path({str(tmp_path)!r}) / 'p.log'))\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(300)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    assert until(lambda: "up" in programs.tail(tmp_path / "p.log", 1))
    parent.kill()
    parent.wait()
    assert until(lambda: not _runs(child))


def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    child = Child(program(tmp_path, ("/nonexistent/program",)))
    assert until(lambda: child.poll() is not None)
    assert child.poll() == 1
    assert "cannot run /nonexistent/program" in child.last_words()


def test_a_long_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_LOG_LIMIT", 10)
    log = tmp_path / "p.log"
    log.write_text("x" * 11)
    Child(program(tmp_path, ("true",))).stop()
    assert (tmp_path / "p.1.log").read_text() == "x" * 11
    assert log.read_text() == ""


def test_leftovers_are_ended_only_when_they_are_ours(tmp_path: Path) -> None:
    own = Child(program(tmp_path, environment={MARK: str(tmp_path)}))
    other = Child(program(tmp_path, environment={MARK: "/another/checkout"}))
    try:
        assert until(lambda: _runs_python(own.pid) and _runs_python(other.pid))
        pids = {"worker": own.pid, "api": other.pid, "sandbox": None, "temporal": 2**22 - 1}
        assert programs.end_leftovers(pids, tmp_path) == ["worker"]
        assert own.poll() is not None
        assert other.poll() is None
    finally:
        own.kill()
        other.kill()


def test_tail_is_empty_without_a_file(tmp_path: Path) -> None:
    assert programs.tail(tmp_path / "none", 5) == ""


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _runs_python(pid: int) -> bool:
    """Whether the leash has become the program."""
    return "leash.py" not in " ".join(psutil.Process(pid).cmdline())
