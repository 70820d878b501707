"""API keys: shown once, kept as a hash."""

import asyncio
import hashlib
import json
import re
import stat
import uuid
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from api.core.callers import Callers
from api.core.principals import Principal
from api.core.record import Record
from commands import callers
from localworld.shared import Servers
from models.core.callers import PLANNER, Scope
from models.core.database import create_sessions
from models.core.domain_errors import CallerUnknown
from settings import Settings
from tests.commands.conftest import Tripsaga
from tests.conftest import migrate


def made(tripsaga: Tripsaga, database_url: str, name: str, *options: str) -> str:
    answer = tripsaga("key", "create", name, "--json", *options, DATABASE_URL=database_url)
    assert answer.exit_code == 0, answer.output
    return str(json.loads(answer.stdout)["key"])


def stored(database_url: str, name: str) -> list[tuple[str, str, str, bool]]:
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT k.key_hash, k.prefix, c.role, k.revoked_at IS NOT NULL"
                " FROM callers c JOIN caller_keys k ON k.caller_id = c.id"
                " WHERE c.name = :name ORDER BY k.created_at"
            ),
            {"name": name},
        )
        found = [tuple(row) for row in rows]
    engine.dispose()
    return found


def test_only_the_hash_is_kept(tripsaga: Tripsaga, database_url: str) -> None:
    key = made(tripsaga, database_url, "hash-only")
    assert re.fullmatch(r"ts_[A-Za-z0-9_-]{43}", key)
    assert stored(database_url, "hash-only") == [
        (hashlib.sha256(key.encode()).hexdigest(), key[:8], "planner", False)
    ]


def test_the_list_shows_no_key(tripsaga: Tripsaga, database_url: str) -> None:
    key = made(tripsaga, database_url, "listed", "--operator")
    for options in ((), ("--json",)):
        answer = tripsaga("key", "list", *options, DATABASE_URL=database_url)
        assert "listed" in answer.stdout
        assert "operator" in answer.stdout
        assert key[:8] in answer.stdout
        assert key not in answer.stdout
        assert hashlib.sha256(key.encode()).hexdigest() not in answer.stdout


@pytest.mark.parametrize("by", ["name", "prefix"])
def test_a_key_is_revoked(tripsaga: Tripsaga, database_url: str, by: str) -> None:
    name = f"revoked-by-{by}"
    key = made(tripsaga, database_url, name)
    which = name if by == "name" else key[:8]
    assert tripsaga("key", "revoke", which, DATABASE_URL=database_url).exit_code == 0
    assert stored(database_url, name)[0][3] is True
    again = tripsaga("key", "revoke", which, DATABASE_URL=database_url)
    assert again.exit_code == 3
    assert "no caller" in again.stderr


def test_a_database_that_is_away_is_reported_plainly(tripsaga: Tripsaga) -> None:
    answer = tripsaga("key", "list", DATABASE_URL="postgresql://postgres@127.0.0.1:9/none")
    assert answer.exit_code == 4
    assert "the database refuses" in answer.stderr


def test_the_local_caller_keeps_its_key(database_url: str, tmp_path: Path) -> None:
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    file = tmp_path / "var" / "api_key"
    key = callers.ensure_local(engine, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert callers.ensure_local(engine, file) == key
    matching = [found for found in stored(database_url, "local") if found[1] == key[:8]]
    assert len(matching) == 1
    # Revoked on purpose: it must not come back to life.
    callers.revoke(engine, key[:8])
    fresh = callers.ensure_local(engine, file)
    assert fresh != key
    assert file.read_text().strip() == fresh
    engine.dispose()


def test_a_rotated_key_is_the_same_callers(tripsaga: Tripsaga, database_url: str) -> None:
    first = made(tripsaga, database_url, "rotating")
    answer = tripsaga("key", "rotate", "rotating", "--json", DATABASE_URL=database_url)
    second = str(json.loads(answer.stdout)["key"])
    assert asyncio.run(who(database_url, first)) == asyncio.run(who(database_url, second))
    tripsaga("key", "rotate", "rotating", "--overlap-hours", "0", DATABASE_URL=database_url)
    for gone in (first, second):
        with pytest.raises(CallerUnknown):
            asyncio.run(who(database_url, gone))
    listed = json.loads(tripsaga("key", "list", "--json", DATABASE_URL=database_url).stdout)
    mine = [row for row in listed if row["name"] == "rotating"]
    assert [row["key"] for row in mine] == ["1", "2", "3"]
    assert [row["expires_at"] is None for row in mine] == [False, False, True]
    # The look-up above was a use; the third has never been used.
    assert [row["last_used_at"] is None for row in mine] == [False, False, True]


async def who(database_url: str, key: str) -> str:
    return (await known(database_url, key)).id


async def known(database_url: str, key: str) -> Principal:
    """The caller that an API of its own takes for the holder of a key."""
    engine = create_async_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    try:
        return await Callers(Record(create_sessions(engine), at_once=1)).identify(key)
    finally:
        await engine.dispose()


def test_a_key_ends_by_itself(tripsaga: Tripsaga, database_url: str) -> None:
    key = made(tripsaga, database_url, "soon-gone", "--days", "0.001")
    assert asyncio.run(who(database_url, key))
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE caller_keys SET expires_at = now() WHERE prefix = :p"), {"p": key[:8]}
        )
    engine.dispose()
    with pytest.raises(CallerUnknown):
        asyncio.run(who(database_url, key))


@pytest.mark.parametrize("name", ["", "  ", "a\x1b[31m", "x" * 101, "taken"])
def test_nameless_and_duplicate_callers_are_refused(
    tripsaga: Tripsaga, database_url: str, name: str
) -> None:
    if name == "taken":
        made(tripsaga, database_url, name)
    answer = tripsaga("key", "create", name, DATABASE_URL=database_url)
    assert answer.exit_code == 3
    assert answer.stderr.startswith("✗")
    assert len(stored(database_url, name)) == (name == "taken")


def test_a_name_of_nobody_is_refused(tripsaga: Tripsaga, database_url: str) -> None:
    answer = tripsaga("key", "rotate", "nobody", DATABASE_URL=database_url)
    assert answer.exit_code == 3
    assert "there is no caller" in answer.stderr


def test_keys_of_before_open_for_whom_they_opened(shared_servers: Servers) -> None:
    """Migration: two callers of one name stay two, a revoked key stays revoked."""
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url, "0016")
    ids = [str(uuid.uuid4()) for _ in range(4)]
    rows = zip(ids, ("planner", "planner", "", "gone"), ("k1", "k2", "k3", "k4"), strict=True)
    with psycopg.connect(url, autocommit=True) as connection:
        for caller, name, key in rows:
            connection.execute(
                "INSERT INTO callers (id, name, key_hash, key_prefix, role, created_at, revoked_at)"
                " VALUES (%s, %s, %s, %s, 'planner', now(), %s)",
                (
                    caller,
                    name,
                    callers.key_hash(key),
                    key,
                    "2026-01-01" if name == "gone" else None,
                ),
            )
    migrate(url, "head")
    for caller, key in zip(ids[:3], ("k1", "k2", "k3"), strict=True):
        assert asyncio.run(who(url, key)) == caller
    with pytest.raises(CallerUnknown):
        asyncio.run(who(url, "k4"))
    with psycopg.connect(url) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM callers")]
    assert len(set(names)) == len(names) == 4
    assert all(names)


def test_callers_of_before_may_do_what_they_could(shared_servers: Servers) -> None:
    """Also those that the release before makes while this one is rolled out, and never after."""
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url, "0021")
    for moment in ("before", "after"):
        with psycopg.connect(url, autocommit=True) as connection:
            for role in ("planner", "operator"):
                caller, key = str(uuid.uuid4()), f"{role} {moment}"
                connection.execute(
                    "INSERT INTO callers (id, name, role, created_at) VALUES (%s, %s, %s, now())",
                    (caller, key, role),
                )
                connection.execute(
                    "INSERT INTO caller_keys (key_hash, caller_id, name, prefix, created_at)"
                    " VALUES (%s, %s, '1', '', now())",
                    (callers.key_hash(key), caller),
                )
        migrate(url)
        for role in ("planner", "operator"):
            found = asyncio.run(known(url, f"{role} {moment}"))
            assert found.scopes == (PLANNER if role == "planner" else {Scope.OPERATOR})
            assert found.role == role


def test_a_caller_may_do_what_its_scopes_say(tripsaga: Tripsaga, database_url: str) -> None:
    def may(*options: str) -> tuple[list[str], str]:
        answer = tripsaga("key", *options, DATABASE_URL=database_url)
        assert answer.exit_code == 0, answer.output
        listed = tripsaga("key", "list", "--json", DATABASE_URL=database_url).stdout
        (found,) = [one for one in json.loads(listed) if one["name"] == "scoped"]
        return found["scopes"], found["role"]

    asked = ("--scope", "reservations:read", "--scope", "events:read")
    reads = ["events:read", "reservations:read"]
    assert may("create", "scoped", *asked) == (reads, "planner")
    assert may("scopes", "scoped", "--scope", "operator") == (["operator"], "operator")
    assert may("scopes", "scoped", "--scope", "market") == (["market"], "planner")
    for refused in (("create", "other"), ("scopes", "scoped")):
        answer = tripsaga("key", *refused, "--scope", "trip", DATABASE_URL=database_url)
        assert answer.exit_code == 2
        assert "reservations:read" in answer.stderr, "what there is"
    answer = tripsaga("key", "scopes", "nobody", "--scope", "trips", DATABASE_URL=database_url)
    assert answer.exit_code == 3


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "4242\u20114242\u20114242\u20114242"])
def test_a_name_that_is_not_kept(tripsaga: Tripsaga, database_url: str, name: str) -> None:
    answer = tripsaga("key", "create", name, DATABASE_URL=database_url)
    assert answer.exit_code == 3
    assert "name " in answer.output
    assert stored(database_url, name) == []


def test_a_caller_may_be_let_hand_in_trips(tripsaga: Tripsaga, database_url: str) -> None:
    def may() -> bool:
        answer = tripsaga("key", "list", "--json", DATABASE_URL=database_url)
        listed = {one["name"]: one for one in json.loads(answer.stdout)}
        return bool(listed["hands-in"]["may_hand_in_trips"])

    made(tripsaga, database_url, "hands-in")
    assert not may()
    for options, allowed in (((), True), (("--refuse",), False)):
        answer = tripsaga("key", "trips", "hands-in", *options, DATABASE_URL=database_url)
        assert answer.exit_code == 0, answer.output
        assert may() is allowed
    answer = tripsaga("key", "trips", "nobody", DATABASE_URL=database_url)
    assert answer.exit_code != 0
    assert "nobody" in answer.output
