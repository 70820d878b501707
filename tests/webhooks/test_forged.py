"""Thousands of forged, mutated and monstrous webhooks: none is taken, and none breaks anything.

``TRIPSAGA_FORGERIES=100000`` for the long run; ``TRIPSAGA_SEED`` repeats a run.
"""

import asyncio
import os
import time
from collections import Counter

import httpx
import pytest

from tests.api.conftest import client
from tests.api.server import Served
from tests.support.selection import table
from tests.webhooks.forging import Forger, Forgery
from tests.webhooks.rows import Rows

FORGERIES = int(os.environ.get("TRIPSAGA_FORGERIES", "2000"))
SOME = 250
"""So many are made in every run."""
SEED = int(os.environ.get("TRIPSAGA_SEED", "20310301"))
AT_ONCE = 8
CODES = {"SIGNATURE_REFUSED", "SIGNATURE_EXPIRED", "NOT_AN_EVENT"}


@pytest.mark.timeout(60 + FORGERIES / 20)
@pytest.mark.parametrize("number", table([SOME, FORGERIES], quick=[SOME]))
async def test_nothing_forged_is_taken(front: Served, own_database: Rows, number: int) -> None:
    forger = Forger(SEED)
    seen: Counter[tuple[str, int]] = Counter()
    taken: set[str] = set()
    refused: set[str] = set()
    left = iter(range(number))

    async def send(http: httpx.AsyncClient) -> None:
        for _ in left:
            forgery = forger.next()
            answer = await http.post(forgery.path, content=forgery.body, headers=forgery.headers)
            _judge(forgery, answer)
            seen[forgery.kind, answer.status_code] += 1
            if forgery.identity:
                (taken if answer.status_code == 200 else refused).add(forgery.identity)

    started = time.monotonic()
    async with client(front.url) as http:
        await asyncio.gather(*(send(http) for _ in range(AT_ONCE)))
    seconds = time.monotonic() - started

    kept = {row["event_id"] for row in own_database("SELECT event_id FROM webhook_events")}
    assert taken <= kept
    assert not (refused - taken) & kept
    print(f"seed {SEED}: {number} in {seconds:.1f} s: {sorted(seen.items())}")
    # Everything was tried, and the door was not simply shut.
    assert seen["good", 200] > number / 20
    assert {kind for kind, status in seen if status == 400} == {
        "another body",
        "another header",
        "another place",
        "another secret",
        "another time",
        "monster",
    }


def _judge(forgery: Forgery, answer: httpx.Response) -> None:
    about = (SEED, forgery, answer.status_code, answer.text)
    assert answer.status_code in {200, 400}, about
    if forgery.good:
        assert answer.status_code == 200, about
    if answer.status_code == 200:
        assert forgery.may_be_taken(), about
    else:
        assert answer.json()["code"] in CODES, about
