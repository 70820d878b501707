"""Stripe's own mock server: where its program comes from, and how it is run.

It is stateless: it checks every parameter against Stripe's specification and answers fixtures.
"""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localworld.places import cache_directory

VERSION = "0.203.0"
MODULE = f"github.com/stripe/stripe-mock@v{VERSION}"
BUILD_SECONDS = 600
START_SECONDS = 30


class NotToBeHad(Exception):
    """There is no stripe-mock on this machine, and no way to build one."""


def cached() -> Path:
    """Return where our copy lies or would lie."""
    return cache_directory() / f"stripe-mock-{VERSION}" / "stripe-mock"


def find() -> Path | None:
    """Return a stripe-mock that is already on this machine, or None."""
    on_path = shutil.which("stripe-mock")
    places = [Path(on_path)] if on_path else []
    places += [cached(), Path.home() / "go" / "bin" / "stripe-mock"]
    return next((place for place in places if os.access(place, os.X_OK)), None)


def obtain() -> Path:
    """Return a stripe-mock, built with Go when there is none; two callers at once build one.

    Raises:
        NotToBeHad: no Go, or the build failed.
    """
    if found := find():
        return found
    place = cached()
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := find():  # somebody else may have built it while we waited
            return found
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="building-") as scratch:
            _build(Path(scratch)).replace(place)
    return place


def _build(scratch: Path) -> Path:
    go = shutil.which("go")
    if go is None:
        raise NotToBeHad("stripe-mock is not on this machine, and there is no Go to build it")
    try:
        done = subprocess.run(
            [go, "install", MODULE],
            env={**os.environ, "GOBIN": str(scratch), "CGO_ENABLED": "0"},
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotToBeHad(f"stripe-mock was not built within {BUILD_SECONDS} s") from None
    if done.returncode or not (scratch / "stripe-mock").exists():
        raise NotToBeHad(f"stripe-mock could not be built with Go: {done.stderr[-500:]}")
    return scratch / "stripe-mock"


@contextmanager
def serving(program: Path) -> Iterator[str]:
    """Run the mock server on a free port of this machine and yield its URL."""
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [program, "-http-addr", "127.0.0.1:0"], stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield f"http://{_address(process, log.fileno())}"
        finally:
            process.terminate()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: int) -> str:
    """Return where it says that it listens."""
    end = time.monotonic() + START_SECONDS
    while True:
        output = os.pread(log, 100_000, 0).decode(errors="replace")
        match = re.search(r"Listening for HTTP at address: (127\.0\.0\.1):(\d+)\n", output)
        # It says so a moment before it does.
        if match and _listens(match[1], int(match[2])):
            return f"{match[1]}:{match[2]}"
        if process.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"stripe-mock did not start:\n{output[-2000:]}")
        time.sleep(0.02)


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def main() -> None:
    """Obtain the program for a test run; without it the tests that want it say so themselves."""
    try:
        print(obtain())
    except NotToBeHad as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
