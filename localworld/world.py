"""The whole local world: what runs, in which order, and where.

PostgreSQL, Temporal and sandbox start together; then the migrations; then worker and API. What
the environment names already (``DATABASE_URL``, ``TEMPORAL_ADDRESS``, ``SANDBOX_URL``) is used and
not started.
"""

import asyncio
import fcntl
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import IO, Any

from localworld import health, ports, postgres, services, temporal, temporal_binary
from localworld.errors import LocalWorldError
from localworld.places import Places
from localworld.programs import MARK, Child, Program, end_leftovers, tail
from localworld.services import Services
from localworld.settings import WorldSettings
from localworld.supervisor import Report, Service, Status, Supervisor
from settings import Settings

STOP_ORDER = ("api", "worker", "sandbox", "temporal", "postgres")
"""Who asks stops before who is asked."""

NAMES = ("postgres", "temporal", "sandbox", "migrations", "worker", "api")
"""Everything a report may speak of, in the order of starting."""


class World:
    """One local world; at most one runs on one ``var/``."""

    def __init__(
        self, places: Places, settings: Settings, world_settings: WorldSettings, report: Report
    ) -> None:
        """Nothing is started yet; ``report`` hears of every step."""
        self.places = places
        self.settings = settings
        self._preferred = world_settings
        self._report = report
        self._given = settings.model_fields_set
        self._lock: IO[str] | None = None
        self._supervisors: dict[str, Supervisor] = {}
        self._keepers: list[asyncio.Task[Any]] = []
        self._complete = False
        self._cluster: postgres.Cluster | None = None
        self._temporal_binary: Path | None = None
        self.database_url = settings.database_url
        self.temporal_address = settings.temporal_address
        self.temporal_ui: str | None = None
        self.sandbox_url = settings.sandbox_url.rstrip("/")
        self.api_url = ""

    @property
    def started(self) -> bool:
        """Whether anything was started that is to be stopped."""
        return bool(self._supervisors)

    # -- life ------------------------------------------------------------------------------

    async def start(self) -> Services:
        """Start everything and return where it is; ``services.json`` says the same.

        Raises:
            LocalWorldError: something does not start, or a world runs here already.
        """
        self.places.create()
        self._take_lock()
        before = services.read(self.places.services)
        if before:
            pids = {name: pid for name, pid in before["pids"].items() if name != "postgres"}
            await asyncio.to_thread(end_leftovers, pids, self.places.var)
        self.places.services.unlink(missing_ok=True)
        await _together(self._postgres(), self._temporal(), self._sandbox())
        await self._migrate()
        await _together(self._start(self._worker()), self._start(self._api()))
        self._complete = True
        self._publish()
        self._keepers = [
            asyncio.create_task(supervisor.keep(), name=f"keep {name}")
            for name, supervisor in self._supervisors.items()
        ]
        return self.services()

    async def stop(self) -> None:
        """Stop everything that was started, in order; data stay."""
        self._complete = False
        await _cancel(self._keepers)
        for name in STOP_ORDER:
            if name in self._supervisors:
                await self._supervisors[name].stop()
        self._forget()

    def kill(self) -> None:
        """End everything at once."""
        self._complete = False
        for keeper in self._keepers:
            keeper.cancel()
        for supervisor in self._supervisors.values():
            supervisor.kill()
        self._forget()

    def services(self) -> Services:
        """Return where everything is now."""
        return Services(
            api=self.api_url,
            temporal=self.temporal_address,
            temporal_ui=self.temporal_ui,
            sandbox=self.sandbox_url,
            database=self.database_url,
            api_key=self.places.api_key.read_text().strip(),
            pids={name: self._pid(name) for name in services.PROCESSES},
        )

    # -- what runs -------------------------------------------------------------------------

    async def _postgres(self) -> None:
        if "database_url" in self._given:
            self._report("postgres", Status.READY, "yours (DATABASE_URL)")
            return

        async def prepare(_: bool) -> Program:
            self._cluster = await asyncio.to_thread(postgres.prepare, self.places.postgres)
            self.database_url = self._cluster.url()
            return self._cluster.program(self._log("postgres"))

        async def ready(_: Child) -> bool:
            cluster = self._cluster
            if cluster is None or not await asyncio.to_thread(cluster.answers):
                return False
            await asyncio.to_thread(cluster.create_database)
            return True

        await self._start(Service("postgres", prepare, ready, lambda: self.database_url))

    async def _temporal(self) -> None:
        if "temporal_address" in self._given:
            self._report("temporal", Status.READY, f"{self.temporal_address} (TEMPORAL_ADDRESS)")
            return
        self._temporal_binary = await self._obtain_temporal()
        port = ui_port = 0

        async def prepare(first: bool) -> Program:
            nonlocal port, ui_port
            if first:
                port = ports.choose(self._preferred.temporal_port)
                ui_port = ports.choose(self._preferred.temporal_ui_port, avoid={port})
                self.temporal_address = f"{ports.HOST}:{port}"
                self.temporal_ui = f"http://{ports.HOST}:{ui_port}"
            return temporal.program(
                self._temporal_binary or Path("temporal"),
                port,
                ui_port,
                database=self.places.temporal,
                log=self._log("temporal"),
            )

        async def ready(_: Child) -> bool:
            return ports.answers(port) and await temporal.serves(
                self.temporal_address, self.settings.temporal_namespace
            )

        await self._start(Service("temporal", prepare, ready, lambda: self.temporal_address))

    async def _obtain_temporal(self) -> Path:
        """Return the Temporal program, fetched by a process of its own that Ctrl-C can end."""
        found = temporal_binary.find()
        if found:
            return found
        log = self._log("temporal-fetch")
        log.unlink(missing_ok=True)
        argv = (sys.executable, "-m", "localworld.temporal_binary")
        await self._run("temporal", Program("temporal-fetch", argv, log))
        found = temporal_binary.find()
        if found is None:
            raise LocalWorldError(f"Temporal was fetched, but is not at {temporal_binary.cached()}")
        return found

    async def _sandbox(self) -> None:
        if "sandbox_url" in self._given:
            self._report("sandbox", Status.READY, f"{self.sandbox_url} (SANDBOX_URL)")
            return
        await self._start(
            self._http(
                "sandbox",
                port=self._preferred.sandbox_port,
                argv=(sys.executable, "-m", "sandbox"),
                ready_path="/healthz",
                found=lambda url: setattr(self, "sandbox_url", url),
                start_seconds=30,
            )
        )

    async def _migrate(self) -> None:
        self._report("migrations", Status.STARTING, "")
        argv = (
            *(sys.executable, "-m", "cli", "migrate"),
            *("--local-key", str(self.places.api_key)),
        )
        program = Program("migrations", argv, self._log("migrate"), self._environment())
        await self._run("migrations", program)
        self._report("migrations", Status.READY, "database and search attributes are up to date")

    def _worker(self) -> Service:
        program = Program(
            "worker",
            (sys.executable, "-m", "worker"),
            self._log("worker"),
            self._environment(),
            stop_seconds=self._worker_grace + 5,
        )

        async def prepare(_: bool) -> Program:
            return program

        async def ready(child: Child) -> bool:
            return await health.worker_polls(
                self.temporal_address,
                self.settings.temporal_namespace,
                self.settings.task_queue,
                since=child.started_at,
            )

        queue = self.settings.task_queue
        return Service("worker", prepare, ready, lambda: f"task queue {queue}", start_seconds=60)

    def _api(self) -> Service:
        return self._http(
            "api",
            port=self.settings.api_port,
            argv=(sys.executable, "-m", "api"),
            ready_path="/readyz",
            found=lambda url: setattr(self, "api_url", url),
            start_seconds=60,
        )

    def _http(
        self,
        name: str,
        *,
        port: int,
        argv: tuple[str, ...],
        ready_path: str,
        found: Callable[[str], None],
        start_seconds: float,
    ) -> Service:
        """Return a service that takes ``--host`` and ``--port`` and answers ``/healthz``."""
        chosen = port

        def url() -> str:
            return f"http://{ports.HOST}:{chosen}"

        async def prepare(first: bool) -> Program:
            nonlocal chosen
            if first:
                chosen = ports.choose(port)
                found(url())
            return Program(
                name,
                (*argv, "--host", ports.HOST, "--port", str(chosen)),
                self._log(name),
                self._environment(),
            )

        async def ready(_: Child) -> bool:
            return await health.answers(url() + ready_path)

        async def alive() -> bool:
            return await health.answers(url() + "/healthz", seconds=5)

        return Service(name, prepare, ready, url, alive, start_seconds)

    # -- helpers ---------------------------------------------------------------------------

    @property
    def _worker_grace(self) -> float:
        """Seconds a worker may finish what it does; short here, where somebody waits for it."""
        named = "shutdown_grace_seconds" in self._given
        return self.settings.shutdown_grace_seconds if named else 5.0

    def _environment(self) -> dict[str, str]:
        """Return what our own processes need to find each other."""
        return {
            MARK: str(self.places.var),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.database_url,
            "TEMPORAL_ADDRESS": self.temporal_address,
            "SANDBOX_URL": self.sandbox_url,
            "SHUTDOWN_GRACE_SECONDS": str(self._worker_grace),
        }

    async def _start(self, service: Service) -> None:
        supervisor = Supervisor(service, self._report, self._publish)
        self._supervisors[service.name] = supervisor
        await supervisor.start()

    async def _run(self, name: str, program: Program) -> None:
        """Run a program to its end, showing its last line as progress."""
        child = Child(program)
        try:
            while child.poll() is None:
                await asyncio.sleep(0.1)
                self._report(name, Status.STARTING, tail(program.log, 1))
        finally:
            child.kill()
        if child.poll():
            self._report(name, Status.FAILED, "")
            raise LocalWorldError(
                f"{program.name} failed. The end of {program.log}:\n{child.last_words()}"
            )

    def _log(self, name: str) -> Path:
        return self.places.logs / f"{name}.log"

    def _pid(self, name: str) -> int | None:
        supervisor = self._supervisors.get(name)
        return supervisor.child.pid if supervisor and supervisor.child else None

    def _publish(self) -> None:
        """Say where everything is, once all of it is, and again when a process is another."""
        if self._complete:
            services.write(self.places.services, self.services())

    def _forget(self) -> None:
        if self._lock:
            self.places.services.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        lock = self.places.lock.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            lock.close()
            raise LocalWorldError(
                f"a local world runs already on {self.places.var} (process {owner})",
                mend="use it (`tripsaga doctor` shows it), or stop it with Ctrl-C where it runs",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock


async def _together(*starts: Coroutine[Any, Any, None]) -> None:
    """Run all at once; when one fails, give up the others and raise its error."""
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancel(tasks)


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    waiting: Awaitable[list[Any]] = asyncio.gather(*tasks, return_exceptions=True)
    await waiting
