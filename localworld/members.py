"""The services of the local world: how each is run, and when it is ready."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel

from localworld import health, keys, ports, postgres, temporal, webhooks
from localworld.places import Places
from localworld.programs import MARK, Child, Program
from localworld.settings import WorldSettings
from localworld.supervisor import Service
from settings import Settings

_LOCAL_GRACE_SECONDS = 5.0


@dataclass
class Addresses:
    """Where everything is; filled in while the services start."""

    database: str
    temporal: str
    sandbox: str
    api: str = ""
    codec: str = ""
    """The codec endpoint with its token."""
    temporal_ui: str | None = None
    smtp: str = ""
    """Where the sandbox takes mails."""
    metrics: str = ""


@dataclass(frozen=True)
class Surroundings:
    """What the services share."""

    places: Places
    settings: Settings
    preferred: WorldSettings
    addresses: Addresses = field(init=False)
    last_ports: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        found = Addresses(
            database=self.settings.database.url,
            temporal=self.settings.temporal.address,
            sandbox=self.settings.sandbox_url.rstrip("/"),
        )
        object.__setattr__(self, "addresses", found)
        object.__setattr__(self, "last_ports", ports.remembered(self.places.ports))

    def is_given(self, name: str, part: BaseModel | None = None) -> bool:
        """Tell whether the environment has this setting, of ``part`` or of all.

        An empty value is none.
        """
        where = self.settings if part is None else part
        return name in where.model_fields_set and bool(getattr(where, name))

    def port(self, name: str) -> int:
        """Return the port a service should have: the one named, else that of the last start."""
        part: BaseModel = self.settings.api if name == "api" else self.preferred
        field = "port" if name == "api" else f"{name}_port"
        named: int = getattr(part, field)
        return named if field in part.model_fields_set else self.last_ports.get(name, named)

    def remember_ports(self) -> None:
        """Keep the ports for the next start."""
        found = self.addresses
        urls = {
            "api": found.api,
            "codec": found.codec,
            "metrics": found.metrics,
            "sandbox": found.sandbox,
            "smtp": found.smtp,
            "temporal": f"//{found.temporal}",
            "temporal_ui": found.temporal_ui or "",
        }
        chosen = {name: urlsplit(url).port for name, url in urls.items()}
        ports.remember(self.places.ports, {name: port for name, port in chosen.items() if port})

    def log(self, name: str) -> Path:
        """Return the log file of a program."""
        return self.places.logs / f"{name}.log"

    @property
    def worker_grace(self) -> float:
        """Seconds a worker may finish what it does; short here, where somebody waits for it."""
        named = self.is_given("shutdown_grace_seconds")
        return self.settings.shutdown_grace_seconds if named else _LOCAL_GRACE_SECONDS

    def keys(self) -> dict[str, str]:
        """Return the keys that processes which speak to Temporal need."""
        return keys.of_world(self.settings, self.places)

    def environment(self) -> dict[str, str]:
        """Return what our own processes need to find each other."""
        return {
            MARK: str(self.places.var),
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.addresses.database,
            "TEMPORAL_ADDRESS": self.addresses.temporal,
            "SANDBOX_URL": self.addresses.sandbox,
            "SHUTDOWN_GRACE_SECONDS": str(self.worker_grace),
        }


def postgres_service(here: Surroundings) -> Service:
    """Return the embedded PostgreSQL."""
    cluster: postgres.Cluster | None = None

    async def prepare(_: bool) -> Program:
        nonlocal cluster
        cluster = await asyncio.to_thread(postgres.prepare, here.places.postgres)
        here.addresses.database = cluster.url()
        return cluster.program(here.log("postgres"))

    async def ready(_: Child) -> bool:
        if cluster is None or not await asyncio.to_thread(cluster.answers):
            return False
        await asyncio.to_thread(cluster.create_database)
        return True

    return Service("postgres", prepare, ready, lambda: here.addresses.database)


def temporal_service(here: Surroundings, binary: Path) -> Service:
    """Return the Temporal development server, run from ``binary``."""
    port = ui_port = 0

    async def prepare(first: bool) -> Program:
        nonlocal port, ui_port
        if first:
            port = ports.choose(here.port("temporal"))
            ui_port = ports.choose(here.port("temporal_ui"), avoid={port})
            here.addresses.temporal = f"{ports.HOST}:{port}"
            here.addresses.temporal_ui = f"http://{ports.HOST}:{ui_port}"
        program = temporal.program(
            binary,
            port,
            ui_port,
            database=here.places.temporal,
            log=here.log("temporal"),
            codec=here.addresses.codec,
        )
        return replace(program, environment={MARK: str(here.places.var)})

    async def ready(_: Child) -> bool:
        namespace = here.settings.temporal.namespace
        return ports.answers(port) and await temporal.serves(here.addresses.temporal, namespace)

    return Service("temporal", prepare, ready, lambda: here.addresses.temporal)


def sandbox_service(here: Surroundings) -> Service:
    """Return the sandbox."""

    def found(url: str) -> None:
        here.addresses.sandbox = url

    def told() -> dict[str, str]:
        return {
            **webhooks.for_sandbox(here.settings, here.places, here.addresses.api),
            **keys.planner_key(here.settings, here.places),
        }

    # What was reserved and paid must not be forgotten by the outside world when it restarts.
    port = here.port("sandbox")
    smtp = ports.choose(here.port("smtp"), avoid={port})
    here.addresses.smtp = f"smtp://{ports.HOST}:{smtp}"
    keep = ("--state-file", str(here.places.sandbox), "--smtp-port", str(smtp))
    return _http_service(here, "sandbox", port, "/healthz", found, told, keep)


def choose_ports(here: Surroundings) -> None:
    """Say where API and codec endpoint will be: sandbox and Web UI start before and must know."""
    api = ports.choose(here.port("api"))
    codec = ports.choose(here.port("codec"), avoid={api})
    here.addresses.api = f"http://{ports.HOST}:{api}"
    here.addresses.codec = _codec_url(here, f"http://{ports.HOST}:{codec}")


def _codec_url(here: Surroundings, url: str) -> str:
    return f"{url}/{keys.codec_token(here.settings, here.places)}"


def api_service(here: Surroundings) -> Service:
    """Return the API; ready means that it reaches database and Temporal.

    Its port has been chosen by :func:`choose_ports`.
    """

    def found(url: str) -> None:
        here.addresses.api = url

    def told() -> dict[str, str]:
        # Whoever tries this out books for the same traveller again and again.
        asked = here.settings.limit.model_fields_set
        limits = {} if "traveler_bookings" in asked else {"LIMIT_TRAVELER_BOOKINGS": "0"}
        return {**here.keys(), **webhooks.for_api(here.settings, here.places), **limits}

    port = int(here.addresses.api.rpartition(":")[2])
    return _http_service(here, "api", port, "/readyz", found, told)


def codec_service(here: Surroundings) -> Service:
    """Return the codec endpoint; its port has been chosen by :func:`choose_ports`."""

    def found(url: str) -> None:
        here.addresses.codec = _codec_url(here, url)

    def told() -> dict[str, str]:
        origin = here.addresses.temporal_ui or here.settings.codec_origin
        token = keys.codec_token(here.settings, here.places)
        return {**here.keys(), "CODEC_ORIGIN": origin, "CODEC_TOKEN": token}

    port = urlsplit(here.addresses.codec).port or 0
    return _http_service(here, "codec", port, "/healthz", found, told)


def worker_service(here: Surroundings) -> Service:
    """Return the worker; ready means that Temporal has been asked for work."""
    queue, namespace = here.settings.task_queue, here.settings.temporal.namespace
    shown_at = here.settings.metrics_address

    def mails() -> dict[str, str]:
        if here.is_given("url", here.settings.smtp) or not here.addresses.smtp:
            return {}
        return {"SMTP_URL": here.addresses.smtp}

    async def prepare(first: bool) -> Program:
        nonlocal shown_at
        if first:
            shown_at = shown_at or f"{ports.HOST}:{ports.choose(here.port('metrics'))}"
            here.addresses.metrics = f"http://{shown_at}/metrics"
        return Program(
            "worker",
            (sys.executable, "-m", "worker"),
            here.log("worker"),
            {**here.environment(), **here.keys(), "METRICS_ADDRESS": shown_at, **mails()},
            stop_seconds=here.worker_grace + 5,
        )

    async def ready(child: Child) -> bool:
        return await health.worker_polls(
            here.addresses.temporal, namespace, queue, since=child.started_at
        )

    return Service("worker", prepare, ready, lambda: f"task queue {queue}", start_seconds=60)


def _http_service(
    here: Surroundings,
    name: str,
    preferred: int,
    ready_path: str,
    found: Callable[[str], None],
    told: Callable[[], dict[str, str]],
    options: tuple[str, ...] = (),
) -> Service:
    """Return one of our programs that takes ``--host`` and ``--port`` and answers ``/healthz``.

    ``told`` is asked at every start what its environment must say beyond that of all.
    """
    port = preferred

    def url() -> str:
        return f"http://{ports.HOST}:{port}"

    async def prepare(first: bool) -> Program:
        nonlocal port
        if first:
            port = ports.choose(preferred)
            found(url())
        return Program(
            name,
            (sys.executable, "-m", name, "--host", ports.HOST, "--port", str(port), *options),
            here.log(name),
            {**here.environment(), **told()},
        )

    async def ready(_: Child) -> bool:
        return await health.answers(url() + ready_path)

    async def alive() -> bool:
        return await health.answers(url() + "/healthz", seconds=5)

    return Service(name, prepare, ready, url, alive, start_seconds=60)
