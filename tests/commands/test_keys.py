"""API keys: shown once, kept as a hash."""

import hashlib
import json
import re
import stat
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from commands import callers
from settings import Settings
from tests.commands.conftest import Tripsaga


def made(tripsaga: Tripsaga, database_url: str, name: str, *options: str) -> str:
    answer = tripsaga("key", "create", name, "--json", *options, DATABASE_URL=database_url)
    assert answer.exit_code == 0, answer.output
    return str(json.loads(answer.stdout)["key"])


def stored(database_url: str, name: str) -> list[tuple[str, str, str, bool]]:
    engine = create_engine(Settings(database={"url": database_url}).database.sqlalchemy_url)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT key_hash, key_prefix, role, revoked_at IS NOT NULL FROM callers"
                " WHERE name = :name ORDER BY created_at"
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
    assert again.exit_code == 1
    assert "no caller" in again.stderr


def test_a_database_that_is_away_is_reported_plainly(tripsaga: Tripsaga) -> None:
    answer = tripsaga("key", "list", DATABASE_URL="postgresql://postgres@127.0.0.1:9/none")
    assert answer.exit_code == 1
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
