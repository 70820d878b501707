"""``tripsaga api``, ``worker``, ``codec``, ``sandbox``: one process each, the same everywhere.

The local world, docker-compose.yml and a production host run these very programs.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from commands.output import Code, give_up
from localworld.places import ROOT
from settings import Settings, get_settings

Host = Annotated[str | None, typer.Option(help="Address to listen on (API_HOST).")]


def api(
    *,
    host: Host = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (API_PORT).")] = None,
) -> None:
    """Serve the public API."""
    settings = _settings_with_keys()
    _become("api", "--host", host or settings.api.host, "--port", str(port or settings.api.port))


def worker() -> None:
    """Run workflows and activities until told to stop; run as many as you like."""
    _settings_with_keys()
    _become("worker")


def codec(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", envvar="CODEC_PORT")] = 8091,
) -> None:
    """Serve the codec endpoint, with which Temporal's Web UI reads encrypted payloads."""
    _settings_with_keys()
    _become("codec", "--host", host, "--port", str(port))


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", envvar="SANDBOX_PORT")] = 8090,
    smtp_port: Annotated[
        int, typer.Option(help="Port to take mails on; 0: a free one.", envvar="SMTP_PORT")
    ] = 0,
) -> None:
    """Serve the sandbox: suppliers, Stripe and trip planner, faulty on demand."""
    if get_settings().environment == "production":
        give_up(
            "the sandbox has no place in production",
            code=Code.USAGE,
            mend="set ENVIRONMENT=local, or credentials of real suppliers",
        )
    _become("sandbox", "--host", host, "--port", str(port), "--smtp-port", str(smtp_port))


def _settings_with_keys() -> Settings:
    """Return the settings; a missing key ends the command with its name, not with a traceback."""
    settings = get_settings()
    if missing := "\n".join(settings.missing_keys()):
        give_up(missing, mend="`make run` makes keys for the local world", code=Code.USAGE)
    return settings


def _become(module: str, *arguments: str) -> NoReturn:
    """Turn into the module's own process: one process id, signals go straight to it."""
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606
