"""What the doctor looks at. Each check says what it found and, when it is wrong, how to mend it."""

import asyncio
import datetime as dt
import re
import shutil
import socket
import sys
from enum import StrEnum
from importlib import metadata

import httpx
import psutil
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from commands import schedules, schema, version_checks, world
from commands.event_checks import events
from commands.findings import Finding
from commands.target import Target
from localworld import health, ports, temporal_binary
from localworld.errors import LocalWorldError
from localworld.places import ROOT, Places
from localworld.postgres import binary
from localworld.settings import WorldSettings
from models.suppliers.listings import LISTINGS
from temporal import connect

_POLLED_WITHIN = dt.timedelta(seconds=90)
"""A worker asks for work at least once a minute."""
_ROOM_NEEDED = 1024**3
_START = "start the local world with `make run`"


class Part(StrEnum):
    """A running part that can be looked at alone."""

    DATABASE = "database"
    SANDBOX = "sandbox"
    WORKER = "worker"
    API = "api"
    CODEC = "codec"


async def examine(target: Target) -> list[Finding]:
    """Make every check, the ones about services at once, and return what they found."""
    findings = [python(), packages(), programs(), room(), local_world(target), free_ports(target)]
    checks = (
        database(target),
        temporal_server(target),
        sandbox(target),
        api(target),
        codec(target),
        events(target),
    )
    for found in await asyncio.gather(*checks):
        findings += found
    return findings


async def examine_one(target: Target, part: Part, *, here: bool = False) -> list[Finding]:
    """Look at one running part only; cheap enough for a container's health check.

    ``here``: of the workers, only those on this host count.
    """
    if part is Part.WORKER:
        return [await worker(target, host=socket.gethostname() if here else None)]
    checks = {Part.API: api, Part.CODEC: codec, Part.SANDBOX: sandbox, Part.DATABASE: database}
    return await checks[part](target)


def python() -> Finding:
    """Look at the interpreter."""
    version = sys.version.split()[0]
    if tuple(sys.version_info[:2]) < (3, 11):
        return Finding("python", "wrong", version, "make PYTHON=python3.11 (or later) setup")
    return Finding("python", "ok", version)


def packages() -> Finding:
    """Compare what is installed with what is pinned."""
    pinned = re.findall(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", _requirements(), flags=re.MULTILINE)
    other = []
    for name, version in pinned:
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            other.append(f"{name} is missing")
            continue
        if installed != version:
            other.append(f"{name} is {installed}, not {version}")
    if other:
        return Finding("packages", "wrong", "; ".join(other), "rm -rf .venv; make setup")
    return Finding("packages", "ok", f"{len(pinned)} installed as pinned")


def _requirements() -> str:
    """Return the pins that hold on every platform (those with a marker are for some only)."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return "\n".join(line for line in lines if " ; " not in line)


def programs() -> Finding:
    """Look for the programs that the local world would start."""
    try:
        binary("postgres")
    except LocalWorldError as error:
        return Finding("programs", "wrong", str(error), error.mend)
    found = temporal_binary.find()
    if found:
        return Finding("programs", "ok", f"embedded PostgreSQL; Temporal: {found}")
    if shutil.which("go"):
        return Finding(
            "programs", "warning", "Temporal will be built with Go at the first start (3 minutes)"
        )
    return Finding(
        "programs",
        "warning",
        "there is no Temporal server yet and no Go to build one",
        "the first start tries to download it; offline, install the Temporal CLI or Go",
    )


def room() -> Finding:
    """Look at the disk that ``var/`` is on."""
    var = Places.of_this_checkout().var
    free = shutil.disk_usage(var if var.exists() else var.parent).free
    what = f"{free / 1024**3:.1f} GiB free for {var}"
    if free < _ROOM_NEEDED:
        return Finding("disk", "wrong", what, "make room: PostgreSQL and Temporal need some to run")
    return Finding("disk", "ok", what)


def local_world(target: Target) -> Finding:
    """Tell whether a local world runs on this checkout, with all its processes."""
    if not target.pids:
        return Finding("local world", "warning", "not running on this checkout", _START)
    dead = [name for name, pid in target.pids.items() if pid and not psutil.pid_exists(pid)]
    if dead:
        return Finding(
            "local world",
            "wrong",
            f"not running any more: {', '.join(dead)}",
            "if `tripsaga up` is still there it restarts them (see var/logs); else `make run`",
        )
    own = [name for name, pid in target.pids.items() if pid]
    return Finding("local world", "ok", f"running: {', '.join(own)}")


def free_ports(target: Target) -> Finding:
    """Tell which preferred ports are taken by somebody else."""
    if target.pids:
        return Finding("ports", "ok", f"in use by the local world: {target.api}, {target.sandbox}")
    preferred = WorldSettings()
    chosen = {
        "API_PORT": target.settings.api.port,
        "TEMPORAL_PORT": preferred.temporal_port,
        "TEMPORAL_UI_PORT": preferred.temporal_ui_port,
        "SANDBOX_PORT": preferred.sandbox_port,
        "SMTP_PORT": preferred.smtp_port,
        "CODEC_PORT": preferred.codec_port,
        "METRICS_PORT": preferred.metrics_port,
    }
    taken = [f"{name}={port}" for name, port in chosen.items() if not ports.is_free(port)]
    if taken:
        return Finding(
            "ports",
            "warning",
            f"taken: {', '.join(taken)}",
            "nothing to mend: free ports are used instead; var/services.json says which",
        )
    return Finding("ports", "ok", ", ".join(f"{name}={port}" for name, port in chosen.items()))


async def database(target: Target) -> list[Finding]:
    """Ask PostgreSQL, and compare its tables with the migrations."""
    return await asyncio.to_thread(_database, target)


def _database(target: Target) -> list[Finding]:
    settings = target.settings
    engine = create_engine(settings.database.sqlalchemy_url, connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            version = str(connection.scalar(text("SHOW server_version")))
        current, newest = schema.revisions(settings)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        return [Finding("postgresql", "wrong", reason, f"{_START}, or set DATABASE_URL")]
    finally:
        engine.dispose()
    findings = [Finding("postgresql", "ok", f"version {version}")]
    if current == newest:
        findings.append(Finding("migrations", "ok", f"at {current}"))
    else:
        what = f"the database is at {current or 'nothing'}, the code wants {newest}"
        findings.append(Finding("migrations", "wrong", what, "tripsaga migrate"))
    return findings


async def temporal_server(target: Target) -> list[Finding]:
    """Ask Temporal: is it there, does it know our search attributes, does a worker ask it?"""
    settings = target.settings
    try:
        client = await asyncio.wait_for(connect(settings), 5)
        info = await client.workflow_service.get_system_info(
            GetSystemInfoRequest(), timeout=dt.timedelta(seconds=5)
        )
        missing = await schema.missing_search_attributes(client, settings.temporal.namespace)
    except (RuntimeError, TimeoutError, RPCError) as error:
        what = f"{settings.temporal.address} does not answer as Temporal ({_short(error)})"
        return [Finding("temporal", "wrong", what, f"{_START}, or set TEMPORAL_ADDRESS")]
    where = f"server {info.server_version} at {settings.temporal.address}"
    findings = [Finding("temporal", "ok", where)]
    if missing:
        what = f"missing: {', '.join(missing)}"
        findings.append(Finding("search attributes", "wrong", what, "tripsaga migrate"))
    else:
        findings.append(Finding("search attributes", "ok", "all registered"))
    findings.append(await _worker(client, target))
    since = dt.datetime.now(dt.UTC) - _POLLED_WITHIN
    findings.append(await world.finding(client, target))
    findings.append(await version_checks.stranded(client, settings, since))
    findings.append(await schedules.finding(client, settings))
    findings.append(await schedules.follow_finding(client, settings))
    return findings


async def worker(target: Target, *, host: str | None = None) -> Finding:
    """Ask Temporal whether a worker asks it for work; with ``host``, whether one there does."""
    try:
        client = await asyncio.wait_for(connect(target.settings), 5)
    except (RuntimeError, TimeoutError) as error:
        return Finding("worker", "wrong", f"Temporal does not answer ({_short(error)})", _START)
    return await _worker(client, target, host)


def _short(error: Exception) -> str:
    """Return an error in a few words: connection errors of the SDK are long."""
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "connection refused" if "ConnectionRefused" in words else words[:120]


async def _worker(client: Client, target: Target, host: str | None = None) -> Finding:
    settings = target.settings
    try:
        found = await health.pollers(client, settings.temporal.namespace, settings.task_queue)
    except RPCError as error:
        return Finding("worker", "wrong", str(error), "see var/logs/temporal.log")
    oldest = dt.datetime.now(dt.UTC) - _POLLED_WITHIN
    active = sorted(
        {
            one.identity
            for one in found
            if one.last >= oldest and (host is None or one.identity.endswith(f"@{host}"))
        }
    )
    if not active:
        return Finding(
            "worker",
            "wrong",
            f"nobody works on the task queue {settings.task_queue!r}: bookings would wait",
            "start one: `tripsaga worker` (log of the local world's: var/logs/worker.log)",
        )
    return Finding("worker", "ok", f"{len(active)} on {settings.task_queue!r}: {', '.join(active)}")


async def sandbox(target: Target) -> list[Finding]:
    """Ask the sandbox, when anything points at it."""
    settings = target.settings
    urls = {
        ("the payment service" if settings.payment_service.url else "Stripe"): settings.gateway_url,
        **{one.title: settings.supplier_url(one.name) for one in LISTINGS},
        "the planner": settings.planner_url,
        "the venues' inventory": settings.inventory_url,
        "the venues' prices": settings.pricing_url,
    }
    standing_in = [name for name, url in urls.items() if settings.is_sandbox(url)]
    if not standing_in:
        return [Finding("sandbox", "ok", "not used: every supplier is real")]
    if await health.answers(f"{target.sandbox}/healthz"):
        return [Finding("sandbox", "ok", f"stands in for {', '.join(standing_in)}")]
    what = f"{target.sandbox} does not answer, and stands in for {', '.join(standing_in)}"
    return [Finding("sandbox", "wrong", what, f"{_START}, or `tripsaga sandbox`")]


async def api(target: Target) -> list[Finding]:
    """Ask the API whether it is ready."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(f"{target.api}/readyz")
    except httpx.HTTPError:
        return [Finding("api", "wrong", f"{target.api} does not answer", f"{_START}")]
    if answer.is_success:
        return [Finding("api", "ok", f"ready at {target.api}")]
    what = f"{target.api} is not ready ({answer.status_code}): {answer.text[:200]}"
    return [Finding("api", "wrong", what, "mend what is wrong above; see var/logs/api.log")]


async def codec(target: Target) -> list[Finding]:
    """Ask the codec endpoint; without it the Web UI shows payloads encrypted."""
    if await health.answers(f"{target.codec}/healthz"):
        return [Finding("codec", "ok", f"the Web UI decrypts with {target.codec}")]
    what = f"{target.codec} does not answer: the Web UI shows nothing decrypted"
    return [Finding("codec", "wrong", what, f"{_START}, or `tripsaga codec`")]
