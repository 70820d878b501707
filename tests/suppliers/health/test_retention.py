"""What is forgotten of suppliers' answers: of ended bookings, after a while, and no more."""

from collections.abc import Iterator

import pytest

from models.core.database import Sessions
from models.core.supply import Reservation
from models.operations.retention import forget_answers
from tests.suppliers.health import planting
from tests.suppliers.health.conftest import Query

ANSWER = (
    '{"reference": "r", "supplier_id": "s", "confirmation_code": "c", "provider": "p",'
    ' "price": {"amount": 1, "currency": "USD"}, "details": {"big": "document"}}'
)


@pytest.fixture(autouse=True)
def _empty(sql: Query) -> Iterator[None]:
    planting.clear(sql)
    yield
    planting.clear(sql)


def plant(sql: Query, state: str, days: int, outcome: str = "done", result: str = ANSWER) -> str:
    booking = planting.booking(sql, state, days)
    planting.attempt(sql, booking, ago=365 * 86_400, outcome=outcome, result=result)
    return booking


def kept(sql: Query, booking: str) -> dict[str, object]:
    (row,) = sql("SELECT result FROM attempts WHERE booking_id = %(b)s", b=booking)
    return dict(row["result"])


@pytest.mark.parametrize(
    ("state", "days", "forgets"),
    [
        ("CANCELLED", 91, True),
        ("FAILED", 91, True),
        ("COMPLETED", 91, True),
        ("CANCELLED", 89, False),
        ("CONFIRMED", 300, False),
        ("NEEDS_ATTENTION", 300, False),
        ("PROCESSING", 300, False),
    ],
)
async def test_answers_about_ended_bookings_are_forgotten(
    sql: Query, sessions: Sessions, state: str, days: int, forgets: bool
) -> None:
    booking = plant(sql, state, days)
    async with sessions.begin() as session:
        assert await forget_answers(session, 90) == int(forgets)
    result = kept(sql, booking)
    assert ("details" not in result) is forgets
    left = Reservation.model_validate(result)  # a repeat of the step still finds its answer
    assert left.supplier_id == "s"


async def test_what_an_undo_goes_by_stays(sql: Query, sessions: Sessions) -> None:
    booking = plant(sql, "FAILED", 300, "not_done", '{"kind": "Retryable", "new_price": null}')
    async with sessions.begin() as session:
        assert await forget_answers(session, 90) == 0
    assert kept(sql, booking) == {"kind": "Retryable", "new_price": None}


async def test_it_is_done_in_batches(sql: Query, sessions: Sessions) -> None:
    for _ in range(5):
        plant(sql, "FAILED", 300)
    counts = []
    for _ in range(4):
        async with sessions.begin() as session:
            counts.append(await forget_answers(session, 90, batch=2))
    assert counts == [2, 2, 1, 0]


def test_the_search_uses_its_index(sql: Query) -> None:
    """However many attempts there are, only those with something to forget are read."""
    rows = sql(
        "SET enable_seqscan = off; EXPLAIN SELECT 1 FROM attempts"
        " WHERE outcome = 'done' AND result ? 'details'"
        " AND started_at < now() - make_interval(secs => 5)"
    )
    plan = "\n".join(row["QUERY PLAN"] for row in rows)
    assert "ix_attempts_bulky" in plan
