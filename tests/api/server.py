"""An API server of a test's own: real HTTP on a free port, in a thread with its own loop."""

import contextlib
import hashlib
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from settings import Settings


@dataclass
class Served:
    app: FastAPI
    url: str


@contextlib.contextmanager
def serve(settings: Settings, port: int = 0) -> Iterator[Served]:
    app = create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the API did not start"
        assert time.monotonic() < end, "the API did not start in time"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(app, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the API did not stop"


def add_caller(database_url: str, *, role: str = "planner", name: str = "test planner") -> str:
    """Add a caller as the command line does; returns its key."""
    key = f"ts_{uuid.uuid4().hex}{uuid.uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO callers (id, name, role, key_hash, key_prefix) VALUES (%s,%s,%s,%s,%s)",
            (uuid.uuid4(), name, role, hashlib.sha256(key.encode()).hexdigest(), key[:8]),
        )
    return key


def revoke(database_url: str, key: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE callers SET revoked_at = now() WHERE key_hash = %s",
            (hashlib.sha256(key.encode()).hexdigest(),),
        )
