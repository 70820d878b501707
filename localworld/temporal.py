"""The Temporal development server: one program with Web UI, its state in one file."""

import asyncio
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from localworld import ports, temporal_binary
from localworld.errors import LocalWorldError
from localworld.programs import Child, Program
from models.core import search_attributes

NAMESPACE = "default"

DYNAMIC_CONFIG: Mapping[str, str] = {
    # As shipped, the first makes every booking about five times slower (measured, design.md).
    "history.transferProcessorMaxPollRPS": "5000",
    "system.enableActivityEagerExecution": "true",
}

WRITE_AHEAD = ("--sqlite-pragma", "journal_mode=wal")
"""One write to the disk for a commit in place of two; as safe against power cuts."""

RUNTIME = {"GOGC": "400"}
"""Go looks for garbage a quarter as often: a twentieth less CPU of the server, for more memory."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    ui_port: int | None
    child: Child

    @property
    def address(self) -> str:
        """``host:port`` for clients."""
        return f"{ports.HOST}:{self.port}"

    def stop(self) -> None:
        """Stop it; what is in its file stays."""
        self.child.stop()


def start(
    *,
    database: Path | None = None,
    log: Path,
    port: int = 0,
    ui_port: int | None = None,
    config: Mapping[str, str] = DYNAMIC_CONFIG,
) -> Server:
    """Start a server and wait until it serves its namespace. Main thread only.

    Args:
        database: its file; None keeps everything in memory.
        log: where it writes what it has to say (errors only).
        port: the preferred port; taken or 0: any free one.
        ui_port: the same for the Web UI; None for no UI.
        config: its dynamic configuration, values as JSON.

    Raises:
        LocalWorldError: it cannot be had or does not start.
    """
    binary = temporal_binary.obtain()
    for _ in range(3):
        chosen = ports.choose(port)
        chosen_ui = None if ui_port is None else ports.choose(ui_port, avoid={chosen})
        started = program(binary, chosen, chosen_ui, database=database, log=log, config=config)
        child = Child(started)
        if _wait(chosen, child):
            return Server(chosen, chosen_ui, child)
        child.stop()
        if "address already in use" not in child.last_words():
            break
    raise LocalWorldError(f"Temporal did not start:\n{child.last_words()}")


def program(
    binary: Path,
    port: int,
    ui_port: int | None,
    *,
    database: Path | None,
    log: Path,
    codec: str = "",
    config: Mapping[str, str] = DYNAMIC_CONFIG,
) -> Program:
    """Return how to run the server; ``codec`` is the endpoint that its Web UI decodes with."""
    argv = [
        *(str(binary), "server", "start-dev", "--ip", ports.HOST, "--port", str(port)),
        *(("--ui-port", str(ui_port)) if ui_port else ("--headless",)),
        *(("--db-filename", str(database), *WRITE_AHEAD) if database else ()),
        *(("--ui-codec-endpoint", codec) if codec else ()),
        *("--log-level", "error"),
    ]
    for key, value in config.items():
        argv += ["--dynamic-config-value", f"{key}={value}"]
    for attribute in search_attributes.ALL:
        argv += ["--search-attribute", f"{attribute.name}=Keyword"]
    return Program("temporal", tuple(argv), log, environment=RUNTIME, stop_seconds=15)


async def serves(address: str, namespace: str = NAMESPACE) -> bool:
    """Tell whether the server at ``address`` answers for ``namespace``."""
    try:
        client = await asyncio.wait_for(Client.connect(address, namespace=namespace), 5)
        # Looks into the visibility store too, which is the last thing to come up.
        await asyncio.wait_for(client.count_workflows(), 5)
    except (RuntimeError, OSError, TimeoutError, RPCError):
        return False
    return True


def _wait(port: int, child: Child, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and child.poll() is None:
        if ports.answers(port) and _serves_now(port):
            return True
        time.sleep(0.03)
    return False


def _serves_now(port: int) -> bool:
    """Ask in a thread of its own, so that a caller inside an event loop may wait as well."""
    answer: list[bool] = []
    asking = threading.Thread(
        target=lambda: answer.append(asyncio.run(serves(f"{ports.HOST}:{port}")))
    )
    asking.start()
    asking.join()
    return answer == [True]
