"""Reservations of before 0032 get the states of their bookings, also where these move meanwhile."""

import uuid

import psycopg
import pytest

from localworld.shared import Servers
from tests.support.databases import migrate

RESERVATIONS = 1_200
"""More than two parts of the migration."""
_LOAD = f"""
INSERT INTO callers (id, name, role) VALUES (gen_random_uuid(), 'venues', 'planner');
INSERT INTO venues (id, caller_id, external_id, type, name, time_zone, policy, version)
SELECT gen_random_uuid(), id, 'v', 'CAFE', 'V', 'UTC', '{{}}', 1 FROM callers WHERE name = 'venues';
INSERT INTO bookings (id, reference, caller_id, idempotency_key, fingerprint, run_id, kind,
    traveler_id, state, version, currency, accepted_total, captured, refunded, paid_by_hand,
    goodwill, grants, travelers, contact, warnings, created_at, updated_at)
SELECT gen_random_uuid(), 'TS-' || n, v.caller_id, n::text, 'f', 'r', 'RESERVATION', 'trv',
    CASE n % 2 WHEN 0 THEN 'PENDING' ELSE 'CONFIRMED' END, 5, 'EUR', 0, 0, 0, 0, 0, '[]', '[]',
    '{{}}', '[]', now(), now() FROM venues v, generate_series(1, {RESERVATIONS}) AS n;
INSERT INTO reservations (booking_id, caller_id, venue_id, guest_id, guest, party_size, local_date,
    local_time, time_zone, starts_at, ends_at, notes)
SELECT b.id, b.caller_id, v.id, 'g', '{{}}', 2, '2031-01-01', '12:00', 'UTC', now(),
    now() + interval '1 hour', '' FROM bookings b JOIN venues v ON v.caller_id = b.caller_id
"""
_OTHER_THAN_THEIRS = """
SELECT count(*) FROM reservations r JOIN bookings b ON b.id = r.booking_id WHERE r.state <> b.state
"""


@pytest.fixture
def loaded(shared_servers: Servers) -> str:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url, "0031")
    with psycopg.connect(url, autocommit=True) as connection:
        # States are written as they are wanted, past the trigger that guards them.
        connection.execute("SET session_replication_role = replica")
        for statement in _LOAD.split(";"):
            connection.execute(statement)
    return url


def test_states_are_filled_in(loaded: str) -> None:
    migrate(loaded, "0032")
    with psycopg.connect(loaded, autocommit=True) as connection:
        assert connection.execute(_OTHER_THAN_THEIRS).fetchone() == (RESERVATIONS // 2,)
        # Moved by a program of now between the two migrations.
        connection.execute(
            "UPDATE bookings SET state = 'COMPLETED', version = version + 1"
            " WHERE reference IN ('TS-1', 'TS-3')"
        )
    migrate(loaded, "0032b")
    with psycopg.connect(loaded) as connection:
        assert connection.execute(_OTHER_THAN_THEIRS).fetchone() == (0,)
        states = connection.execute(
            "SELECT state, count(*) FROM reservations GROUP BY state ORDER BY state"
        ).fetchall()
    half = RESERVATIONS // 2
    assert states == [("COMPLETED", 2), ("CONFIRMED", half - 2), ("PENDING", half)]
    migrate(loaded, "0031", down=True)
