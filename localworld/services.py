"""``services.json``: the addresses and process ids of a running local world, for scripts."""

import json
import os
import tempfile
from pathlib import Path
from typing import TypedDict

PROCESSES = ("api", "worker", "codec", "sandbox", "temporal", "postgres")


class Services(TypedDict):
    """What ``services.json`` holds. A pid is null where we use a service we did not start."""

    api: str
    temporal: str
    temporal_ui: str | None
    codec: str
    """The codec endpoint with its token, for the Web UI and ``temporal --codec-endpoint``."""
    sandbox: str
    database: str
    metrics: str
    """What the worker shows to Prometheus."""
    api_key: str
    pids: dict[str, int | None]


def write(path: Path, services: Services) -> None:
    """Write the file whole or not at all, readable for its owner only (it holds keys)."""
    write_private(path, json.dumps(services, indent=2) + "\n")


def read(path: Path) -> Services | None:
    """Return what the file says, or None when there is none (or none that can be read)."""
    try:
        found: Services = json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return found


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; its mode is 600 from the first moment."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
