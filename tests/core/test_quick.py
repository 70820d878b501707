"""Who answers fast: the last attempts on record tell, whoever made them."""

import datetime as dt

import pytest
from sqlalchemy import insert

from models.core.attempts import ATTEMPTS, quick_providers
from models.core.database import autocommit
from tests.support.fake_trip import trip_request
from tests.support.interleaving import Record, new_name

FAST, SLOW = 0.02, 4.0


@pytest.fixture(scope="module")
def booking_id(record: Record) -> str:
    request = trip_request()
    record.run(record.open(request, dt.datetime.now(dt.UTC)))
    return request.booking_id


@pytest.mark.parametrize(
    ("took", "quick"),
    [
        ([FAST] * 19, False),
        ([FAST] * 20, True),
        ([FAST] * 19 + [SLOW], True),
        ([FAST] * 18 + [SLOW] * 2, False),
        ([SLOW] * 30 + [FAST] * 50, True),
        ([FAST] * 50 + [SLOW] * 3, False),
        ([FAST] * 47 + [None] * 3, False),
    ],
    ids=["hardly asked", "fast", "but for one", "but for two", "by now", "no more", "unanswered"],
)
def test_who_is_quick(
    record: Record, booking_id: str, took: list[float | None], quick: bool
) -> None:
    provider = new_name()
    began = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    rows = [
        {
            "booking_id": booking_id,
            "provider": provider,
            "operation": "book",
            "key": new_name(),
            "number": 1,
            "started_at": began,
            "finished_at": None if seconds is None else began + dt.timedelta(seconds=seconds),
        }
        for seconds in took
    ]

    async def ask() -> frozenset[str]:
        async with autocommit(record.sessions) as session:
            await session.execute(insert(ATTEMPTS), rows)
            return await quick_providers(session, [provider, "nobody"])

    assert record.run(ask()) == ({provider} if quick else set())
