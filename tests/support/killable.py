"""Servers that a test kills as a power cut would, and that come back where they were."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localworld import postgres
from localworld.ports import choose
from tests.support.processes import Process


class Database:
    """A PostgreSQL. Not the fast one of other tests, which forgets what it has just committed."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "postgres"
        self.running = postgres.start(self._data)
        self.url = self.running.url

    def kill(self) -> None:
        self.running.child.kill()
        self.running = postgres.start(self._data)


@contextmanager
def a_database() -> Iterator[Database]:
    # Not below pytest's own folder, into which it lets nobody: PostgreSQL is another user.
    with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as folder:
        made = Database(Path(folder))
        try:
            yield made
        finally:
            made.running.child.kill()


class Program:
    """A program of ours at one port."""

    def __init__(self, name: str, env: dict[str, str], *options: str) -> None:
        self._start = ("-m", name, *options)
        self._env = env
        self.process = Process(*self._start, env=env)

    def kill(self) -> None:
        self.process.kill()
        self.process = Process(*self._start, env=self._env)


class Outside(Program):
    """The sandbox: suppliers, venues and gateways."""

    def __init__(self, folder: Path) -> None:
        port = choose(0)
        self.url = f"http://127.0.0.1:{port}"
        super().__init__("sandbox", {}, "--port", str(port), "--state-file", str(folder / "world"))
