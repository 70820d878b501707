"""TCP ports: the preferred one where it is free, else any free one."""

import json
import socket
import time
from pathlib import Path

HOST = "127.0.0.1"


def is_free(port: int, host: str = HOST) -> bool:
    """Tell whether a server could listen on ``port`` now."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(preferred: int, *, avoid: set[int] | None = None) -> int:
    """Return ``preferred`` when it is free (and not 0), else a free port; never one to avoid."""
    avoid = avoid or set()
    if preferred and preferred not in avoid and is_free(preferred):
        return preferred
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        if port not in avoid:
            return port


def remember(file: Path, chosen: dict[str, int]) -> None:
    """Keep the ports of this start, by service."""
    file.write_text(json.dumps(chosen, indent=2) + "\n")


def remembered(file: Path) -> dict[str, int]:
    """Return the ports of the last start; none when there was none."""
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: port for name, port in found.items() if isinstance(port, int) and port > 0}


def answers(port: int, host: str = HOST, timeout: float = 0.5) -> bool:
    """Tell whether somebody accepts connections on ``port``."""
    try:
        with socket.create_connection((host, port), timeout):
            return True
    except OSError:
        return False


def wait_until_answers(port: int, seconds: float) -> bool:
    """Wait until somebody accepts connections on ``port``; False when the time is over."""
    end = time.monotonic() + seconds
    while not answers(port):
        if time.monotonic() > end:
            return False
        time.sleep(0.03)
    return True
