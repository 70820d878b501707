"""What a benchmark runs on: its own servers, sandbox, worker and API, as in production.

PostgreSQL is as safe against power cuts as ``make run`` has it, Temporal keeps a database file,
the worker runs unsandboxed with the patience of the settings' defaults. Nothing of the
environment's own settings gets in: a benchmark must never reach a live supplier.
"""

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg
from sqlalchemy import create_engine

from benchmarks import UNLIMITED
from commands import callers, schema
from localworld import keys, ports, postgres, temporal
from localworld.places import ROOT, Places
from localworld.programs import Child, Program, tail
from settings import Settings, names

WORKER_RUNS = "worker is running"


@dataclass(frozen=True)
class Stage:
    """Everything a booking needs, running."""

    settings: Settings
    api_url: str
    api_key: str
    database_log: Path
    children: Mapping[str, Child]

    def pids(self) -> dict[str, int]:
        """Return the process ids by name: worker, temporal, postgres, sandbox, api."""
        return {name: child.pid for name, child in self.children.items()}


@contextlib.contextmanager
def stage(
    changes: Mapping[str, str],
    *,
    name: str = "",
    prepare: Callable[[Settings], None] = lambda _: None,
) -> Iterator[Stage]:
    """Have a stage while in the context; ``changes`` are settings (``DISPATCH_VIATOR`` …).

    ``name`` tells several of one program apart; ``prepare`` is called with the database migrated,
    before anything uses it. Main thread only. Its files are gone afterwards.

    Raises:
        LocalWorldError, RuntimeError: something does not start.
    """
    forget_own_settings()
    directory = ROOT / "var" / "benchmarks" / f"{os.getpid()}{name}"
    directory.mkdir(parents=True)
    with contextlib.ExitStack() as running:
        running.callback(shutil.rmtree, directory, ignore_errors=True)
        database = postgres.start(directory / "postgres", log=directory / "postgres.log")
        running.callback(database.stop)
        server = temporal.start(database=directory / "temporal.db", log=directory / "temporal.log")
        running.callback(server.stop)
        sandbox, sandbox_url = _sandbox(directory, running)
        environment = {
            **UNLIMITED,
            **changes,
            **keys.of_world(Settings(), Places(directory)),
            "DATABASE_URL": database.url,
            "TEMPORAL_ADDRESS": server.address,
            "SANDBOX_URL": sandbox_url,
        }
        os.environ.update(environment)
        settings = Settings()
        _migrate(settings)
        api_key = _make_caller(settings)
        prepare(settings)
        worker = _start(running, directory, "worker", ("worker",), environment)
        _wait_for_line(worker, WORKER_RUNS)
        port = ports.choose(0)
        api = _start(
            running,
            directory,
            "api",
            ("api", "--host", ports.HOST, "--port", str(port)),
            environment,
        )
        api_url = f"http://{ports.HOST}:{port}"
        _wait_until_ready(api, f"{api_url}/readyz")
        yield Stage(
            settings=settings,
            api_url=api_url,
            api_key=api_key,
            database_log=directory / "postgres.log",
            children={
                "worker": worker,
                "temporal": server.child,
                "postgres": database.child,
                "sandbox": sandbox,
                "api": api,
            },
        )


def forget_own_settings() -> None:
    """Drop every setting of this system from the environment, so that none reaches a child."""
    settings = names()
    for name in [name for name in os.environ if name.upper() in settings]:
        del os.environ[name]


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return psutil.cpu_count() or 1


def _sandbox(directory: Path, running: contextlib.ExitStack) -> tuple[Child, str]:
    announcement = directory / "sandbox.url"
    child = _start(
        running,
        directory,
        "sandbox",
        ("sandbox", "--port", "0", "--announce-file", str(announcement)),
        {},
    )
    _wait(child, announcement.exists)
    return child, announcement.read_text().strip()


def _start(
    running: contextlib.ExitStack,
    directory: Path,
    name: str,
    module: tuple[str, ...],
    environment: Mapping[str, str],
) -> Child:
    child = Child(
        Program(
            name,
            (sys.executable, "-m", *module),
            directory / f"{name}.log",
            # libpq shows the name to the server, whose log then says who sent a statement.
            {"PYTHONUNBUFFERED": "1", "PGAPPNAME": name, **environment},
            stop_seconds=40,
        )
    )
    running.callback(child.stop)
    return child


def _migrate(settings: Settings) -> None:
    schema.upgrade(settings)
    with psycopg.connect(settings.database.url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _make_caller(settings: Settings) -> str:
    engine = create_engine(settings.database.sqlalchemy_url)
    try:
        return callers.create(engine, "benchmark")
    finally:
        engine.dispose()


def _wait_for_line(child: Child, text: str) -> None:
    _wait(child, lambda: text in tail(child.program.log, 50))


def _wait_until_ready(child: Child, url: str) -> None:
    def ready() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    _wait(child, ready)


def _wait(child: Child, ready: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if child.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{child.program.name} did not start:\n{child.last_words()}")
        time.sleep(0.05)
