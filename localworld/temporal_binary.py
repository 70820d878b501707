"""Where the ``temporal`` program comes from, on a machine that may have nothing.

In this order: ``temporal`` on PATH, our cache, the Temporal SDK's own download, a build with Go.
"""

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from localworld.errors import LocalWorldError
from localworld.places import cache_directory
from localworld.programs import leashed

VERSION = "1.5.1"
"""Of the Temporal CLI (server 1.29.1, Web UI 2.42.1).

Later ones have ``replace`` lines in their go.mod, which ``go install`` refuses (design.md).
"""

_DOWNLOAD_HOST = "temporal.download"
_REACH_SECONDS = 3.0
_DOWNLOAD_SECONDS = 180.0
_PROGRESS_EVERY = 2.0
_MODULE = f"github.com/temporalio/cli/cmd/temporal@v{VERSION}"
_MEND = (
    "install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on PATH, or Go"
    " 1.23 or later to build it, or set TEMPORAL_ADDRESS to a server of your own"
)

Report = Callable[[str], None]
"""Takes a line that says what is happening."""


def cached() -> Path:
    """Return where our copy lies or would lie."""
    return cache_directory() / f"temporal-{VERSION}" / "temporal"


def find() -> Path | None:
    """Return a ``temporal`` program that is already on this machine, or None."""
    on_path = shutil.which("temporal")
    if on_path:
        return Path(on_path)
    return cached() if os.access(cached(), os.X_OK) else None


def obtain(report: Report | None = None) -> Path:
    """Return a ``temporal`` program, fetching or building it when there is none.

    Two callers at once do the work once. Blocks for minutes when it has to build (about 2 m 45 s
    on two cores).

    Raises:
        LocalWorldError: there is no way to have one.
    """
    report = report or (lambda _: None)
    found = find()
    if found:
        return found
    place = cached()
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place.parent, report):
        found = find()  # somebody else may have fetched it while we waited
        if found:
            return found
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetching-") as scratch:
            fresh = _download(Path(scratch), report) or _build(Path(scratch), report)
            fresh.chmod(0o755)
            fresh.replace(place)
    return place


@contextmanager
def _alone(directory: Path, report: Report) -> Iterator[None]:
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another process is fetching Temporal; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(scratch: Path, report: Report) -> Path | None:
    """Let the SDK download the program; None when its host cannot be reached."""
    report(f"looking for {_DOWNLOAD_HOST}")
    if not _reachable(_DOWNLOAD_HOST):
        return None
    report("downloading Temporal")

    from temporalio.testing import WorkflowEnvironment  # slow to import, and seldom needed

    async def fetch() -> None:
        # The SDK downloads only in order to start; what it leaves behind is the program.
        environment = await asyncio.wait_for(
            WorkflowEnvironment.start_local(
                download_dest_dir=str(scratch), dev_server_download_version=f"v{VERSION}"
            ),
            _DOWNLOAD_SECONDS,
        )
        await environment.shutdown()

    try:
        _run_aside(lambda: asyncio.run(fetch()))
    except (RuntimeError, TimeoutError, OSError) as error:
        report(f"no download: {error}")
        return None
    return next((path for path in scratch.iterdir() if os.access(path, os.X_OK)), None)


def _reachable(host: str) -> bool:
    """Tell within seconds whether a download is worth trying: offline, name look-ups may hang."""
    answer: list[bool] = []

    def ask() -> None:
        try:
            socket.create_connection((host, 443), _REACH_SECONDS).close()
        except OSError:
            return
        answer.append(True)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_REACH_SECONDS)
    return bool(answer)


def _run_aside(work: Callable[[], None]) -> None:
    """Run ``work`` in a thread of its own, where no event loop runs; raise what it raises."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  (handed to the caller below)
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


def _build(scratch: Path, report: Report) -> Path:
    """Build the program from the Go module registry."""
    go = shutil.which("go")
    if go is None:
        raise LocalWorldError("there is no Temporal server on this machine", mend=_MEND)
    report("building Temporal with Go (about three minutes, once)")
    started = time.monotonic()
    environment = {**os.environ, "GOBIN": str(scratch), "CGO_ENABLED": "0"}
    process = subprocess.Popen(  # noqa: S603
        # -v names every package as it is compiled: that is the progress.
        leashed([go, "install", "-v", "-ldflags", "-s -w", _MODULE]),
        env=environment,
        cwd=scratch,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    try:
        for line in process.stderr or ():
            lines.append(line.rstrip())
            seconds = time.monotonic() - started
            report(f"building Temporal with Go: {len(lines)} packages, {seconds:.0f} s")
        code = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if code or not (scratch / "temporal").exists():
        raise LocalWorldError(
            "Temporal could not be built with Go:\n" + "\n".join(lines[-15:]), mend=_MEND
        )
    return scratch / "temporal"


def main() -> None:
    """Obtain the program and print where it is; progress every two seconds, for logs."""
    last = -_PROGRESS_EVERY

    def say(line: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _PROGRESS_EVERY:
            last = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    try:
        print(obtain(say))
    except LocalWorldError as error:
        sys.exit(f"{error}\n→ {error.mend}")


if __name__ == "__main__":
    main()
