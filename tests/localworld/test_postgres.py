"""The embedded PostgreSQL."""

import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from localworld import postgres
from localworld.errors import LocalWorldError


def test_data_survive_a_restart_and_nothing_is_left_running(place: Path) -> None:
    server = postgres.start(place / "postgres", fast=True)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(server.child.pid, 0)
    again = postgres.start(place / "postgres", fast=True)
    try:
        assert again.url == server.url
        with psycopg.connect(again.url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    finally:
        again.stop()


def test_a_killed_server_starts_again_on_its_data(place: Path) -> None:
    server = postgres.start(place / "postgres")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.child.pid, signal.SIGKILL)
    server.child.stop()
    again = _start_patiently(place / "postgres")
    try:
        with psycopg.connect(again.url) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    finally:
        again.stop()


def _start_patiently(data: Path) -> postgres.Server:
    """Backends of a killed server keep its memory for a moment."""
    for _ in range(20):
        try:
            return postgres.start(data)
        except LocalWorldError:
            time.sleep(0.2)
    return postgres.start(data)


def test_a_server_left_running_is_replaced(place: Path) -> None:
    left = postgres.start(place / "postgres", fast=True)
    server = postgres.start(place / "postgres", fast=True)
    try:
        assert left.child.poll() is not None
        assert server.cluster.answers()
    finally:
        server.stop()


def test_a_deep_checkout_gets_a_short_socket_path(place: Path) -> None:
    deep = place / ("deep" * 10) / ("deeper" * 10)
    deep.mkdir(parents=True)
    server = postgres.start(deep / "postgres", fast=True)
    try:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("tripsaga",)
        assert len(str(server.cluster.sockets)) < 60
        assert server.cluster.sockets.stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
        server.cluster.sockets.rmdir()


def test_two_servers_run_side_by_side(place: Path) -> None:
    one = postgres.start(place / "one" / "postgres", fast=True)
    two = postgres.start(place / "two" / "postgres", fast=True)
    try:
        assert one.url != two.url
        one.cluster.create_database("mine")
        one.cluster.create_database("mine")  # again: no matter
        with pytest.raises(psycopg.OperationalError, match='"mine" does not exist'):
            psycopg.connect(two.cluster.url("mine"))
    finally:
        one.stop()
        two.stop()


def test_only_its_user_may_enter(place: Path) -> None:
    cluster = postgres.prepare(place / "postgres")
    assert cluster.data.stat().st_mode & 0o077 == 0
    assert not cluster.data.with_name("postgres.new").exists()


def test_a_missing_wheel_is_reported_with_a_way_out() -> None:
    with pytest.raises(LocalWorldError) as error:
        postgres.binary("no-such-program")
    assert "DATABASE_URL" in error.value.mend
