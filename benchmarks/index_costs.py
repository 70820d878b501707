"""What indexes of lists cost those who write: transitions and new bookings, in turns.

Databases with the same bookings and different indexes take turns in every round, so that a change
in the machine's mood meets all.
"""

import random
import statistics
import time
from collections.abc import Mapping, Sequence

import psycopg
from rich.console import Console
from rich.table import Table

from localworld.postgres import Cluster

_ROUNDS, _A_ROUND = 12, 150
_NEWEST = "created_at DESC, id DESC"
_OLD = {
    "list": _NEWEST,
    "caller_list": f"caller_id, {_NEWEST}",
    "state_list": f"state, {_NEWEST}",
    "traveler_list": f"caller_id, traveler_id, {_NEWEST}",
}
_BY_GROUP = {
    **_OLD,
    "group_list": f"booking_status_group(state), {_NEWEST}",
    "caller_group_list": f"caller_id, booking_status_group(state), {_NEWEST}",
    "kind_list": f"kind, {_NEWEST}",
    "caller_state_list": f"caller_id, state, {_NEWEST}",
}
SETS: Mapping[str, Mapping[str, str] | None] = {"before": _OLD, "now": None, "by group": _BY_GROUP}
"""Sets of indexes of lists: of before 0026, as migrated, and with groups of states as a column."""
_GROUP = """
CREATE FUNCTION booking_status_group(state text) RETURNS smallint IMMUTABLE LANGUAGE sql AS $$
    SELECT CASE WHEN state IN ('CONFIRMED', 'CHECKED_IN', 'COMPLETED', 'NO_SHOW') THEN 2::smallint
        WHEN state IN ('CANCELLED', 'EXPIRED', 'FAILED') THEN 3::smallint ELSE 1::smallint END
$$
"""
_LOCK = "SELECT state, version FROM bookings WHERE id = %(id)s FOR UPDATE"
_UPDATE = """
UPDATE bookings SET state = 'COMPLETED', version = version + 1, updated_at = now() WHERE id = %(id)s
"""
_NOTE = """
INSERT INTO booking_history (booking_id, version, from_state, to_state, at, who, why)
VALUES (%(id)s, 6, 'CONFIRMED', 'COMPLETED', now(), 'test', 'test')
"""
_INSERT = """
INSERT INTO bookings SELECT (jsonb_populate_record(b, jsonb_build_object('id', %(new)s::text,
    'reference', %(new)s::text, 'idempotency_key', %(new)s::text, 'state', 'PENDING',
    'created_at', now()))).* FROM bookings b WHERE id = %(id)s
"""
_WORK = {"transition": (_LOCK, _UPDATE, _NOTE), "new booking": (_INSERT,)}


def measure_transitions(cluster: Cluster, console: Console) -> None:
    """Make a database for each set of indexes, measure, and print."""
    for number, indexes in enumerate(SETS.values()):
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE set{number} TEMPLATE tripsaga STRATEGY FILE_COPY")
        if indexes is not None:
            _index(cluster.url(f"set{number}"), indexes)
    connections = [
        psycopg.connect(cluster.url(f"set{number}"), autocommit=True) for number in range(len(SETS))
    ]
    ids = [
        str(row[0])
        for row in connections[0].execute(
            "SELECT id FROM bookings WHERE state = 'CONFIRMED' AND kind = 'TRIP' LIMIT 50000"
        )
    ]
    draw = random.Random(1)
    draw.shuffle(ids)
    took: dict[tuple[str, str], list[float]] = {}
    written: dict[tuple[str, str], int] = {}
    for round_ in range(_ROUNDS):
        batch = ids[round_ * _A_ROUND : (round_ + 1) * _A_ROUND]
        turns = list(zip(SETS, connections, strict=True))
        draw.shuffle(turns)
        for name, connection in turns:
            for what, statements in _WORK.items():
                before = _written(connection)
                times = [_work(connection, statements, one) for one in batch]
                took.setdefault((what, name), []).extend(times)
                written[what, name] = written.get((what, name), 0) + _written(connection) - before
    table = Table(box=None, pad_edge=False)
    for heading in ("what", "indexes", "p50 ms", "mean ms", "÷ before", "WAL bytes"):
        table.add_column(heading)
    for (what, name), times in took.items():
        mean, base = _mean(times), _mean(took[what, "before"])
        table.add_row(
            *(what, name, f"{statistics.median(times):.3f}", f"{mean:.3f}"),
            *(f"{mean / base:.3f}", f"{written[what, name] / len(times):,.0f}"),
        )
    console.print(table)
    for connection in connections:
        connection.close()


def _index(url: str, indexes: Mapping[str, str]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_GROUP)
        lists = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'bookings'"
            " AND indexname LIKE '%%\\_list'"
        ).fetchall()
        for (name,) in lists:
            connection.execute(f"DROP INDEX {name}")
        for name, columns in indexes.items():
            connection.execute(f"CREATE INDEX ix_bookings_{name} ON bookings ({columns})")
        connection.execute("VACUUM ANALYZE bookings")


def _work(connection: psycopg.Connection, statements: Sequence[str], booking: str) -> float:
    began = time.perf_counter()
    with connection.transaction():
        for statement in statements:
            values = {"id": booking, "new": f"{random.getrandbits(128):032x}"}
            connection.execute(statement, values)
    return (time.perf_counter() - began) * 1000


def _written(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    assert row is not None
    return int(row[0])


def _mean(times: Sequence[float]) -> float:
    """Return the mean without the slowest twentieth, which the machine makes."""
    kept = sorted(times)[: len(times) * 19 // 20]
    return statistics.fmean(kept)
