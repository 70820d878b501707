"""A round of watching deletes the answers that have been kept for long enough."""

import psycopg

from tests.operations.conftest import watch
from tests.support.stack import Stack

PLANT = """
INSERT INTO idempotency_keys (subject, route, key_hash, fingerprint, operation_id, holder, state,
    attempt, locked_until, status, headers, body, created_at, expires_at)
SELECT 'caller:' || n, 'POST /purged', sha256(n::text::bytea), sha256('f'), gen_random_uuid(),
    gen_random_uuid(), 'DONE', 1, 'epoch', 200, '{}', '', now(), now() + %s::interval
FROM generate_series(%s::int, %s::int) n
"""


async def test_a_round_deletes_what_expired_more_than_an_hour_ago(stack: Stack) -> None:
    with psycopg.connect(stack.settings.database.url, autocommit=True) as connection:
        connection.execute(PLANT, ["-61 minutes", 1, 5_001])  # more than go at once
        connection.execute(PLANT, ["-59 minutes", 6_001, 6_001])
        await watch(stack)
        left = connection.execute(
            "SELECT subject FROM idempotency_keys WHERE route = 'POST /purged'"
        ).fetchall()
        connection.execute("DELETE FROM idempotency_keys WHERE route = 'POST /purged'")
    assert left == [("caller:6001",)]
