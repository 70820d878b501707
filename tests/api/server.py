"""An API server of a test's own: real HTTP on a free port, in a thread with its own loop."""

import contextlib
import hashlib
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import psycopg
import uvicorn
from fastapi import APIRouter, FastAPI
from sqlalchemy import create_engine

from api.app import create_app
from api.core.connections import server_config
from commands import callers
from models.core.callers import PLANNER, Scope
from settings import Settings


@dataclass
class Served:
    app: FastAPI
    url: str


@contextlib.contextmanager
def serve(
    settings: Settings, port: int = 0, *, further: Iterable[APIRouter] = ()
) -> Iterator[Served]:
    app = create_app(settings)
    for router in further:
        app.include_router(router)
    server = uvicorn.Server(server_config(app, settings, host="127.0.0.1", port=port))
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


def add_caller(
    database_url: str,
    *,
    role: Literal["planner", "operator"] = "planner",
    scopes: Collection[Scope] | None = None,
    name: str = "test planner",
) -> str:
    """Add a caller, under another name where this one is taken; returns its key."""
    if scopes is None:
        scopes = [Scope.OPERATOR] if role == "operator" else PLANNER
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    taken = {caller.name for caller, _ in callers.list_all(engine)}
    key = callers.create(engine, f"{name} {uuid.uuid4()}" if name in taken else name, scopes=scopes)
    engine.dispose()
    return key


def revoke(database_url: str, key: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE caller_keys SET revoked_at = now() WHERE key_hash = %s",
            (hashlib.sha256(key.encode()).hexdigest(),),
        )
