"""One PostgreSQL and one Temporal for several processes, such as the workers of a test run.

Whoever needs the servers holds a shared lock on a file; the first one starts a keeper process,
which starts the servers and stops them when it can have the lock for itself: when nobody needs
them any more. The kernel gives locks back whatever a process dies of, so nothing is left behind.
"""

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localworld import postgres, temporal
from localworld.errors import LocalWorldError
from localworld.places import ROOT
from localworld.programs import tail

_START_SECONDS = 400
"""Long enough for Temporal to be built first."""

_TEMPORAL_CONFIG = {
    **temporal.DYNAMIC_CONFIG,
    # Tests have many queues and few tasks: four partitions of each only forward to one another.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # How soon a worker version that nothing runs on counts as drained; three minutes as shipped.
    "matching.wv.VersionDrainageStatusVisibilityGracePeriod": '"2s"',
    "matching.wv.VersionDrainageStatusRefreshInterval": '"1s"',
}


@dataclass(frozen=True)
class Servers:
    """Where the servers are. ``database_url`` names the database ``tripsaga``, empty at first."""

    database_url: str
    temporal_address: str

    def create_database(self, name: str) -> str:
        """Make sure that a database exists and return its URL; for a user's own data."""
        data = self.database_url.partition("?host=")[2]
        cluster = postgres.Cluster(Path(data), Path(data), None)
        cluster.create_database(name)
        return cluster.url(name)


@contextlib.contextmanager
def servers(directory: Path) -> Iterator[Servers]:
    """Have the servers of ``directory`` while in the context; start them when nobody has yet.

    Their data are in memory or unsafe against power cuts, and gone with the last user.

    Raises:
        LocalWorldError: they do not start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "users.lock").open("a") as needed:
        fcntl.flock(needed, fcntl.LOCK_SH)
        with (directory / "start.lock").open("a") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            found = _running(directory) or _launch(directory)
        yield found


def _running(directory: Path) -> Servers | None:
    """Return the servers when their keeper lives (it holds ``keeper.lock`` while they run)."""
    with (directory / "keeper.lock").open("a") as lock:
        if _try_lock(lock):
            return None
    try:
        return Servers(**json.loads((directory / "servers.json").read_text()))
    except FileNotFoundError:
        return None


def _launch(directory: Path) -> Servers:
    (directory / "servers.json").unlink(missing_ok=True)
    log = directory / "keeper.log"
    with log.open("ab") as output:
        # Not leashed: it outlives the process that happened to be first.
        keeper = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "localworld.shared", str(directory)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        found = _running(directory)
        if found:
            return found
        if keeper.poll() is not None:
            break
        time.sleep(0.05)
    raise LocalWorldError(f"the shared servers did not start:\n{tail(log, 20)}")


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def keep(directory: Path) -> None:
    """Serve until nobody needs the servers any more; the keeper's life."""
    with (directory / "keeper.lock").open("a") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)  # an earlier keeper may be tidying up still
        with contextlib.ExitStack() as running:
            running.callback(shutil.rmtree, directory / "postgres", ignore_errors=True)
            shutil.rmtree(directory / "postgres", ignore_errors=True)
            database = postgres.start(
                directory / "postgres", log=directory / "postgres.log", fast=True
            )
            running.callback(database.stop)
            server = temporal.start(log=directory / "temporal.log", config=_TEMPORAL_CONFIG)
            running.callback(server.child.kill)  # nothing of it is kept; stopping takes 1.4 s
            _announce(directory, Servers(database.url, server.address))
            with (directory / "users.lock").open("a") as needed:
                fcntl.flock(needed, fcntl.LOCK_EX)  # granted when the last user is gone
                (directory / "servers.json").unlink(missing_ok=True)
                running.close()


def _announce(directory: Path, found: Servers) -> None:
    text = json.dumps(
        {"database_url": found.database_url, "temporal_address": found.temporal_address}
    )
    fresh = directory / "servers.json.new"
    fresh.write_text(text)
    fresh.replace(directory / "servers.json")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    os.umask(0o022)
    keep(parser.parse_args().directory.resolve())
