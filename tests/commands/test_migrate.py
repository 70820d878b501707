"""``tripsaga migrate`` and what the doctor says of it."""

import json
from pathlib import Path

import psycopg

from tests.commands.conftest import Tripsaga


def test_it_can_be_repeated(
    tripsaga: Tripsaga, empty_database_url: str, temporal_address: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    where = {"DATABASE_URL": empty_database_url, "TEMPORAL_ADDRESS": temporal_address}
    first = tripsaga("migrate", "--local-key", str(key_file), **where)
    assert first.exit_code == 0, first.output
    assert "migrated from nothing" in first.stdout
    assert key_file.read_text().startswith("ts_")
    second = tripsaga("migrate", "--local-key", str(key_file), **where)
    assert second.exit_code == 0, second.output
    assert "search attributes are registered" in second.stdout
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM callers").fetchone() == (1,)


def test_an_unknown_revision_is_reported_plainly(tripsaga: Tripsaga, database_url: str) -> None:
    answer = tripsaga("migrate", "--database-only", "--revision", "x", DATABASE_URL=database_url)
    assert answer.exit_code == 2
    assert "do not fit" in answer.stderr


def test_a_temporal_that_is_away_is_reported_plainly(tripsaga: Tripsaga, database_url: str) -> None:
    where = {"DATABASE_URL": database_url, "TEMPORAL_ADDRESS": "127.0.0.1:9"}
    answer = tripsaga("migrate", "--wait", "0.1", **where)
    assert answer.exit_code == 4
    assert "TEMPORAL_ADDRESS" in answer.stderr


def test_the_doctor_sees_missing_migrations_and_nobody_at_work(
    tripsaga: Tripsaga, shared_servers: object, temporal_address: str, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    answer = tripsaga(
        "doctor",
        "--json",
        DATABASE_URL=empty_database_url,
        TEMPORAL_ADDRESS=temporal_address,
        SANDBOX_URL="http://127.0.0.1:9",
        TRIPSAGA_API_URL="http://127.0.0.1:9",
        TASK_QUEUE="nobody-works-here",
    )
    assert answer.exit_code == 1
    report = json.loads(answer.stdout)
    assert report["healthy"] is False
    found = {finding["name"]: finding for finding in report["findings"]}
    assert found["postgresql"]["verdict"] == "ok"
    assert found["migrations"]["verdict"] == "wrong"
    assert found["migrations"]["mend"] == "tripsaga migrate"
    assert found["temporal"]["verdict"] == "ok"
    assert found["search attributes"]["verdict"] == "ok"
    assert found["worker"]["verdict"] == "wrong"
    assert found["sandbox"]["verdict"] == "wrong"
    assert found["api"]["verdict"] == "wrong"


def test_the_doctor_looks_at_one_part(tripsaga: Tripsaga, database_url: str) -> None:
    answer = tripsaga("doctor", "--only", "database", "--json", DATABASE_URL=database_url)
    assert answer.exit_code == 0
    names = [finding["name"] for finding in json.loads(answer.stdout)["findings"]]
    assert names == ["postgresql", "migrations"]
