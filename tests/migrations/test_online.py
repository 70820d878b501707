"""Migrations of tables in use: those who write wait for moments, not for the migration."""

import itertools
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

from localworld.shared import Servers
from tests.conftest import migrate
from tests.support.processes import ROOT
from tests.support.selection import table

BEFORE = "0008"
"""The last migration that was written before they had to be like this."""
ROWS = 100_000
LONGEST_STALL_SECONDS = 3.0

LOAD = """
INSERT INTO bookings (id, reference, caller_id, idempotency_key, fingerprint, run_id,
    trip_option_id, traveler_id, state, version, currency, accepted_total, captured, refunded,
    travelers, contact, warnings, created_at, updated_at)
SELECT gen_random_uuid(), 'TS-' || n, gen_random_uuid(), n::text, 'f', 'r', 't' || n, 'trv',
    'PENDING', 1, 'USD', 100, 0, 0, '[]', '{{}}', '[]', now(), now()
FROM generate_series(1, {rows}) AS n;
INSERT INTO booking_items (booking_id, number, trip_option_id, type, supplier, component_ref,
    title, status, saga_state, reference, amount, currency, fee, offer, created_at, updated_at)
SELECT id, 1, trip_option_id, 'HOTEL', 'ratehawk', 'c', 't', 'PENDING', 'PLANNED', id || '-1',
    100, 'USD', 0, '{{}}', now(), now() FROM bookings;
INSERT INTO payments (booking_id, trip_option_id, payment_method_id, billing_details, amount,
    currency, status, authorised, captured, refunded, refunds, disputes, paid_by_hand, goodwill,
    hold, created_at, updated_at)
SELECT id, trip_option_id, 'pm', '{{}}', 100, 'USD', 'pending', 0, 0, 0, '[]', '[]', 0, 0, 1, now(),
    now() FROM bookings;
INSERT INTO booking_history (booking_id, version, to_state, at, who, why)
SELECT id, 1, 'PENDING', now(), 'test', 'test' FROM bookings;
"""

WRITE = (
    "SELECT 1 FROM bookings WHERE reference = %s FOR UPDATE",
    """UPDATE bookings SET state = 'VALIDATING', version = version + 1, updated_at = now()
    WHERE reference = %s AND state = 'PENDING'""",
    """INSERT INTO booking_history (booking_id, version, from_state, to_state, at, who, why)
    SELECT id, version, 'PENDING', 'VALIDATING', now(), 'test', 'test' FROM bookings
    WHERE reference = %s ON CONFLICT DO NOTHING""",
)
"""A transition, in the order in which the record takes its locks."""


def new_revisions() -> list[str]:
    script = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
    found = [one.revision for one in script.iterate_revisions("head", BEFORE)]
    return [revision for revision in reversed(found) if revision != BEFORE]


@dataclass
class Writer:
    """Writes as fast as it can, one booking after another, and notes how long each took."""

    url: str
    stalls: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    failed: BaseException | None = None

    def run(self) -> None:
        try:
            self._write()
        except psycopg.Error as error:
            self.failed = error

    def wait_for_more(self) -> None:
        """Wait until it has written a few more."""
        enough = len(self.stalls) + 5
        while len(self.stalls) < enough:
            assert self.failed is None, self.failed
            time.sleep(0.01)

    def _write(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for number in itertools.count(1):
                if self.stop.is_set():
                    return
                began = time.monotonic()
                with connection.transaction():
                    for statement in WRITE:
                        connection.execute(statement, [f"TS-{number}"])
                self.stalls.append(time.monotonic() - began)


@contextmanager
def writing(url: str) -> Iterator[Writer]:
    writer = Writer(url)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(writer.run)
        try:
            yield writer
        finally:
            writer.stop.set()
        running.result()


def load(servers: Servers, rows: int) -> str:
    """Return a database of the time before, with bookings."""
    url = servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url, BEFORE)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in LOAD.format(rows=rows).split(";"):
            connection.execute(statement)
        connection.execute("ANALYZE")
    return url


@pytest.fixture
def loaded(shared_servers: Servers) -> str:
    """A database of the time before, with a few bookings."""
    return load(shared_servers, 2_000)


@pytest.mark.parametrize(
    ("newest", "rows"), table([(5, ROWS // 3), (None, ROWS)], quick=[(5, ROWS // 3)])
)
def test_no_writer_waits_long_for_any_migration(
    shared_servers: Servers, newest: int | None, rows: int
) -> None:
    """The older ones do not change any more."""
    loaded = load(shared_servers, rows)
    longest: dict[str, float] = {}
    revisions = new_revisions()
    if newest is not None:
        migrate(loaded, revisions[-newest - 1])
        revisions = revisions[-newest:]
    for revision in revisions:
        with writing(loaded) as writer:
            writer.wait_for_more()
            migrate(loaded, revision)
            writer.wait_for_more()
        longest[revision] = max(writer.stalls)
    assert max(longest.values()) <= LONGEST_STALL_SECONDS, longest
    with psycopg.connect(loaded) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        ).fetchone() == (0,)
        unchecked = connection.execute("SELECT conname FROM pg_constraint WHERE NOT convalidated")
        assert unchecked.fetchall() == []
    migrate(loaded, BEFORE, down=True)


def test_two_deployments_take_turns(loaded: str) -> None:
    alembic = [sys.executable, "-m", "alembic", "upgrade", "head"]
    running = [
        subprocess.Popen(alembic, cwd=ROOT, env={**os.environ, "DATABASE_URL": loaded})
        for _ in range(2)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    with psycopg.connect(loaded) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found == (new_revisions()[-1],)


def test_a_transaction_left_open_stops_the_migration_and_nobody_else(loaded: str) -> None:
    with psycopg.connect(loaded) as idle:
        idle.execute("SELECT count(*) FROM bookings")
        with writing(loaded) as writer:
            writer.wait_for_more()
            with pytest.raises(OperationalError, match="lock timeout"):
                migrate(loaded, "0009")
        assert max(writer.stalls) <= LONGEST_STALL_SECONDS + 0.5
    migrate(loaded, "0009")


def test_an_index_that_was_left_half_built_is_built_anew(loaded: str) -> None:
    migrate(loaded, "0009")
    with psycopg.connect(loaded, autocommit=True) as connection:
        connection.execute("CREATE INDEX ix_bookings_caller_list ON bookings (caller_id)")
        connection.execute(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'ix_bookings_caller_list'::regclass"
        )
    migrate(loaded, "0009b")
    with psycopg.connect(loaded) as connection:
        found = connection.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_bookings_caller_list'"
        ).fetchone()
    assert found is not None
    assert "id DESC" in found[0]


def test_a_booking_without_a_payment_gets_one_of_nothing(loaded: str) -> None:
    with psycopg.connect(loaded) as connection:
        connection.execute(
            "DELETE FROM payments USING bookings b WHERE b.id = booking_id AND reference = 'TS-7'"
        )
    migrate(loaded)
    with psycopg.connect(loaded) as connection:
        found = connection.execute(
            "SELECT p.number, p.purpose, p.amount, p.currency, p.status FROM payments p"
            " JOIN bookings b ON b.id = p.booking_id WHERE b.reference = 'TS-7'"
        ).fetchall()
    assert found == [(1, "booking", 0, "USD", "not_required")]
