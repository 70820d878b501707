"""PostgreSQL and Temporal of one's own, to be killed and started again while they are needed."""

import time
from pathlib import Path

import psutil

from localworld import postgres, temporal
from localworld.errors import LocalWorldError


class Servers:
    """Both keep what they were told: the database survives a crash, Temporal has a file."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._database = postgres.start(place / "postgres")
        self._temporal = temporal.start(database=place / "temporal.db", log=place / "temporal.log")

    @property
    def database_url(self) -> str:
        return self._database.url

    @property
    def temporal_address(self) -> str:
        return self._temporal.address

    def kill_database(self) -> None:
        """End the server as a crash would, with everything that serves a connection."""
        child = self._database.child
        backends = psutil.Process(child.pid).children(recursive=True)
        child.kill()
        psutil.wait_procs(backends, timeout=5)

    def start_database(self) -> None:
        """Start it again; it recovers from its log."""
        for _ in range(20):
            try:
                self._database = postgres.start(self._place / "postgres")
            except LocalWorldError:  # the killed one's memory is kept for a moment
                time.sleep(0.2)
            else:
                return
        raise AssertionError("the database does not start again")

    def kill_temporal(self) -> None:
        """End the server as a crash would."""
        self._temporal.child.kill()

    def start_temporal(self) -> None:
        """Start it again, at the same address and on the same file."""
        port = self._temporal.port
        self._temporal = temporal.start(
            database=self._place / "temporal.db", log=self._place / "temporal.log", port=port
        )
        assert self._temporal.port == port, "somebody took its port"

    def stop(self) -> None:
        self._temporal.child.kill()
        self._database.child.kill()
