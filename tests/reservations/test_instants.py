"""Expiry against payment against cancel at the same instant, by the workflows on a real server."""

import asyncio
import uuid
from collections import Counter

import pytest
from temporalio.client import Client

from models.core.patience import Patience
from models.core.venues import VENUE
from tests.reservations.instants import Life, Played, answering, judge
from tests.support.fake_activities import running
from tests.trips.conftest import temporal_client as temporal_client
from workflows.reservations.book_reservation import BookReservation
from workflows.trips.cancel_booking import CancelBooking

AT_ONCE = 25


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(25, 1_000, 25))]
)
async def test_one_end_and_the_money_is_with_whom_it_belongs(
    temporal_client: Client, first: int
) -> None:
    patience = Patience(
        task_queue=f"instants-{uuid.uuid4().hex[:8]}",
        provider_timeout={"stripe": 1, VENUE: 1},
        retry_initial=0.05,
        step_deadline=5,
        undo_attempts=3,
        authentication_deadline=60,
    )
    lives = [Life(seed, patience) for seed in range(first, first + AT_ONCE)]
    fakes = answering({life.id: life for life in lives})
    played = [Played(temporal_client, life) for life in lives]
    async with running(
        temporal_client,
        fakes,
        workflows=[BookReservation, CancelBooking],
        patience=patience,
        providers=["stripe", VENUE],
    ):
        ended = asyncio.gather(*(one.play() for one in played))
        await asyncio.wait([ended], timeout=90)
        assert ended.done(), [(life.seed, life.states) for life in lives]
        await ended
    ends = Counter(judge(life, one.cancel) for life, one in zip(lives, played, strict=True))
    print(f"seeds from {first}: {dict(ends)}")
    assert ends.total() == AT_ONCE
