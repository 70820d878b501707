"""Starts this system's programs by forking a process that has imported what they need.

Importing the worker takes 1.6 s of CPU, and tests that kill workers start hundreds of them. A
forked one has a life of its own: its environment, its log, its signals. It is the same code, run
as ``python -m`` would run it.

Reads one order a line on standard input, answers with the process id; the exit code goes into the
file that the order names.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import sys
from pathlib import Path
from typing import Any

from temporalio.worker._worker import load_default_build_id

PRELOADED = (
    *("worker", "sandbox.app", "uvicorn", "uvicorn.protocols.http.h11_impl"),
    # What these import only when they start.
    *("sqlalchemy.dialects.postgresql.psycopg", "psycopg", "stripe._stripe_client"),
    *("stripe._v1_services", "stripe._v2_services"),
)
ON_DEMAND = {"api": "api.app", "tests.support.dying_api": "api.app"}
"""What only some programs need: imported before the first of them is started."""


def main() -> None:
    """Take orders until nobody gives any; whoever still runs then is ended."""
    for name in PRELOADED:
        importlib.import_module(name)
    # Temporal's workers read and hash the code of all modules; who is forked has the answer.
    load_default_build_id()
    gc.freeze()
    exits: dict[int, Path] = {}
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests
    ready = selectors.DefaultSelector()
    ready.register(sys.stdin.fileno(), selectors.EVENT_READ, "order")
    ready.register(wake_read, selectors.EVENT_READ, "exit")
    buffer = b""
    while True:
        for key, _ in ready.select():
            if key.data == "exit":
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
                _reap(exits)
                continue
            piece = os.read(sys.stdin.fileno(), 65536)
            if not piece:
                for pid in exits:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                return
            *lines, buffer = (buffer + piece).split(b"\n")
            for line in lines:
                _start(json.loads(line), exits, (wake_read, wake_write))


def _start(order: dict[str, Any], exits: dict[int, Path], inherited: tuple[int, int]) -> None:
    more = ON_DEMAND.get(order["arguments"][0])
    if more is not None:
        importlib.import_module(more)
    pid = os.fork()
    if pid == 0:
        for descriptor in inherited:
            os.close(descriptor)
        _become(order)
    exits[pid] = Path(order["exit"])
    sys.stdout.write(f"{pid}\n")
    sys.stdout.flush()


def _reap(exits: dict[int, Path]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        told = exits.pop(pid)
        part = told.with_suffix(".part")
        part.write_text(str(os.waitstatus_to_exitcode(status)))
        part.rename(told)


def _become(order: dict[str, Any]) -> None:
    """Be the program that was ordered, in a forked child; never returns."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    os.environ.clear()
    os.environ.update(order["env"])
    name, *arguments = order["arguments"]
    sys.argv = [name, *arguments]
    code = 1
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    except BaseException:  # noqa: BLE001
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
