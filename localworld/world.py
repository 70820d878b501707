"""The whole local world: what runs, in which order, and how it ends.

PostgreSQL, Temporal and sandbox start together; then the migrations; then worker, API and codec
endpoint. What the environment names already (``DATABASE_URL``, ``TEMPORAL_ADDRESS``,
``SANDBOX_URL``) is used and not started.
"""

import asyncio
import fcntl
import os
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from localworld import members, services, temporal_binary
from localworld.errors import LocalWorldError
from localworld.members import Surroundings
from localworld.places import Places
from localworld.programs import Child, Program, end_leftovers, tail
from localworld.services import Services
from localworld.settings import WorldSettings
from localworld.supervisor import Report, Service, Status, Supervisor
from settings import Settings

STOP_ORDER = ("api", "worker", "codec", "sandbox", "temporal", "postgres")
"""Who asks stops before who is asked."""

NAMES = ("postgres", "temporal", "sandbox", "migrations", "worker", "api", "codec")
"""Everything a report may speak of, in the order of starting."""


class World:
    """One local world; at most one runs on one ``var/``."""

    def __init__(
        self, places: Places, settings: Settings, preferred: WorldSettings, report: Report
    ) -> None:
        """Nothing is started yet; ``report`` hears of every step."""
        self.places = places
        self._here = Surroundings(places, settings, preferred)
        self._report = report
        self._lock: IO[str] | None = None
        self._supervisors: dict[str, Supervisor] = {}
        self._keepers: list[asyncio.Task[Any]] = []
        self._complete = False

    @property
    def started(self) -> bool:
        """Whether anything was started that is to be stopped."""
        return bool(self._supervisors)

    async def start(self) -> Services:
        """Start everything and return where it is; ``services.json`` says the same.

        Raises:
            LocalWorldError: something does not start, or a world runs here already.
        """
        self.places.create()
        self._take_lock()
        await self._end_leftovers()
        members.choose_ports(self._here)
        promised = replace(self._here.addresses)
        await _together(self._postgres(), self._temporal(), self._sandbox())
        await self._migrate()
        await _together(
            self._start(members.worker_service(self._here)),
            self._start(members.api_service(self._here)),
            self._start(members.codec_service(self._here)),
        )
        # Somebody took a port meanwhile: started again, who was told the old one learns the new.
        if self._here.addresses.api != promised.api and "sandbox" in self._supervisors:
            self._supervisors["sandbox"].kill()
        if self._here.addresses.codec != promised.codec and "temporal" in self._supervisors:
            self._supervisors["temporal"].kill()
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
        found = self._here.addresses
        return Services(
            api=found.api,
            temporal=found.temporal,
            temporal_ui=found.temporal_ui,
            codec=found.codec,
            sandbox=found.sandbox,
            database=found.database,
            metrics=found.metrics,
            api_key=self.places.api_key.read_text().strip(),
            pids={name: self._pid(name) for name in services.PROCESSES},
        )

    # -- the parts -------------------------------------------------------------------------

    async def _postgres(self) -> None:
        if self._here.is_given("url", self._here.settings.database):
            self._report("postgres", Status.READY, "yours (DATABASE_URL)")
        else:
            await self._start(members.postgres_service(self._here))

    async def _temporal(self) -> None:
        if self._here.is_given("address", self._here.settings.temporal):
            where = self._here.addresses.temporal
            self._report("temporal", Status.READY, f"{where} (TEMPORAL_ADDRESS)")
        else:
            binary = await self._obtain_temporal()
            await self._start(members.temporal_service(self._here, binary))

    async def _sandbox(self) -> None:
        if self._here.is_given("sandbox_url"):
            where = self._here.addresses.sandbox
            self._report("sandbox", Status.READY, f"{where} (SANDBOX_URL)")
        else:
            await self._start(members.sandbox_service(self._here))

    async def _obtain_temporal(self) -> Path:
        """Return the Temporal program, fetched by a process of its own that Ctrl-C can end."""
        found = temporal_binary.find()
        if found:
            return found
        argv = (sys.executable, "-m", "localworld.temporal_binary")
        log = self._here.log("temporal-fetch")
        await self._run("temporal", Program("fetching Temporal", argv, log))
        found = temporal_binary.find()
        if found is None:
            raise LocalWorldError(f"Temporal was fetched, but is not at {temporal_binary.cached()}")
        return found

    async def _migrate(self) -> None:
        key = str(self.places.api_key)
        argv = (sys.executable, "-m", "cli", "migrate", "--local-key", key)
        environment = {**self._here.environment(), **self._here.keys()}
        program = Program("migrating", argv, self._here.log("migrate"), environment)
        await self._run("migrations", program)
        self._report("migrations", Status.READY, "database and Temporal are up to date")

    async def _start(self, service: Service) -> None:
        supervisor = Supervisor(service, self._report, self._publish)
        self._supervisors[service.name] = supervisor
        await supervisor.start()

    async def _run(self, name: str, program: Program) -> None:
        """Run a program to its end, showing its last line as progress."""
        self._report(name, Status.STARTING, "")
        program.log.unlink(missing_ok=True)
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

    # -- who runs, and that it is us ---------------------------------------------------------

    def _pid(self, name: str) -> int | None:
        supervisor = self._supervisors.get(name)
        return supervisor.child.pid if supervisor and supervisor.child else None

    def _publish(self) -> None:
        """Say where everything is, once all of it is, and again when a process is another."""
        if self._complete:
            services.write(self.places.services, self.services())
            self._here.remember_ports()

    def _forget(self) -> None:
        if self._lock:
            self.places.services.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    async def _end_leftovers(self) -> None:
        """End what a world that was killed may have left here (PostgreSQL looks after itself)."""
        before = services.read(self.places.services)
        if before:
            pids = {name: pid for name, pid in before["pids"].items() if name != "postgres"}
            await asyncio.to_thread(end_leftovers, pids, self.places.var)
        self.places.services.unlink(missing_ok=True)

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
    await asyncio.gather(*tasks, return_exceptions=True)
