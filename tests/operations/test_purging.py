"""A round of watching deletes the answers that have been kept for long enough."""

import uuid

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


PLANT_QUOTES = """
INSERT INTO quotes (id, subject_id, product_type, product_id, request, snapshot, sha256, total,
    currency, created_at, expires_at, booking_id)
SELECT gen_random_uuid(), %(subject)s, 'STAY', gen_random_uuid(), '{}',
    '{"price": {"total": 1, "currency": "EUR"}}', sha256('s'), 1, 'EUR',
    now() - %(age)s::interval - interval '15 minutes', now() - %(age)s::interval, %(booking)s
FROM generate_series(1, %(number)s)
"""


async def test_a_round_deletes_quotes_that_expired_a_day_ago(stack: Stack) -> None:
    subject = str(uuid.uuid4())
    with psycopg.connect(stack.settings.database.url, autocommit=True) as connection:
        for age, booking, number in (
            ("1441 minutes", None, 1_001),  # more than go at once
            ("1441 minutes", uuid.uuid4(), 1),
            ("1430 minutes", None, 1),
        ):
            planted = {"subject": subject, "age": age, "booking": booking, "number": number}
            connection.execute(PLANT_QUOTES, planted)
        await watch(stack)
        left = connection.execute(
            "SELECT booking_id IS NULL, expires_at > now() - interval '1 day' FROM quotes"
            " WHERE subject_id = %s ORDER BY 1",
            [subject],
        ).fetchall()
    assert left == [(False, False), (True, True)], "what was taken is kept, and what is young"
