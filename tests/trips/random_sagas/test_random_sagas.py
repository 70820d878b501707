"""Random sagas with a fifth of the calls in trouble: nothing is lost, nothing is left behind.

Every request is carried out or answered, at whatever moment it comes.
``TRIPSAGA_SAGAS`` and ``TRIPSAGA_SEED`` choose how many and which; the seed reproduces what is
asked for (trips, faults, requests, kills), not the machine's timing.
"""

import asyncio
import datetime as dt
import os
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from localworld.shared import Servers
from models.bookings.lifecycle import BookingState
from tests.support.checker import Facts, gather, violations
from tests.support.databases import migrated_database
from tests.support.sandbox_client import running_sandbox
from tests.support.selection import table
from tests.support.stack import create_stack
from tests.trips.random_sagas.company import Company, Outcome
from tests.trips.random_sagas.plays import AFTER, REQUESTS, Play, make_plays

SAGAS = int(os.environ.get("TRIPSAGA_SAGAS", "200"))
SOME = 12
"""So many are played in every run."""
MORE = 25
SEED = int(os.environ.get("TRIPSAGA_SEED", "5"))
HEALED = 20
"""So many at most, a quarter of the first ones, are played once more without faults: all must be
booked whole (V4)."""
TOGETHER = 12


@pytest.fixture(scope="module")
async def company(
    shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Company]:
    """A world of its own with two workers."""
    url = migrated_database(shared_servers)
    with running_sandbox(tmp_path_factory.mktemp("random")) as sandbox_url:
        stack = await create_stack(
            database_url=url,
            temporal_address=shared_servers.temporal_address,
            sandbox_url=sandbox_url,
            name=f"random-{uuid.uuid4().hex[:8]}",
            # Determinism is what the saga's own tests look after; here it would take the time.
            WORKFLOW_SANDBOX="false",
            # Here suppliers fail at random, all of them all the time: none of them is down.
            SUPPLIER_DOWN_AFTER="1000000",
        )
        stack.start_worker()
        stack.start_worker()
        yield Company(stack)
        await stack.close()


async def play_all(company: Company, plays: list[Play]) -> list[Outcome]:
    turns = asyncio.Semaphore(TOGETHER)

    async def one(play: Play) -> Outcome:
        async with turns:
            return await company.play(play)

    return await asyncio.gather(*(one(play) for play in plays))


def left_behind(facts: Facts) -> list[str]:
    """I11: in a booking that did not confirm, every effect is followed by its undoing."""
    if facts.booking["state"] not in {"FAILED", "CANCELLED"}:
        return []
    found = []
    made = [row for row in facts.log if row["effect"] == "created" and row["supplier"] != "stripe"]
    for row in made:
        reference = row["reference"]
        standing = [r for r in facts.reservations if r["reference"] == reference and r["live"]]
        if standing:
            found.append(f"I11: {reference} was made at {row['supplier']} and still stands")
    return found


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("sagas", table([SOME, MORE, SAGAS], quick=[SOME]))
async def test_nothing_is_lost_and_nothing_is_left_behind(company: Company, sagas: int) -> None:
    started = time.monotonic()
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=21)
    plays = make_plays(SEED, sagas, tomorrow.isoformat())
    killer = asyncio.ensure_future(company.kill_workers(SEED, every=(2.0, 4.0)))
    outcomes = await play_all(company, plays)
    killer.cancel()
    await asyncio.gather(killer, return_exceptions=True)
    await company.stack.sandbox.clear()
    healed = await play_all(company, [_calm(play) for play in plays[: min(HEALED, sagas // 4)]])

    stack, wrong = company.stack, []
    for outcome in [*outcomes, *healed]:
        facts = await gather(stack.sandbox, stack.settings.database.url, outcome.booking_id)
        found = (
            [outcome.trouble]
            if outcome.trouble
            else (violations(facts) + left_behind(facts) + outcome.broken)
        )
        if found:
            wrong.append(f"saga {outcome.play.number} {outcome.booking_id}: {found}\n"
                         f"  {outcome.play}")  # fmt: skip
    ends = Counter(str(outcome.state) for outcome in outcomes)
    answers = Counter(answer for outcome in outcomes for answer in outcome.answers)
    report = (
        f"seed {SEED}: {len(outcomes)} sagas + {len(healed)} healed,"
        f" {company.kills} workers killed, faults armed {sum(company.armed.values())},"
        f" fired {dict(company.fired)}, ends {dict(ends)},"
        f" decided by operators {sum(o.decided for o in outcomes)},"
        f" asked {dict(answers)},"
        f" {time.monotonic() - started:.0f} s"
    )
    print(report)
    assert not wrong, "\n".join([report, *wrong])
    _expect_not_void(company, ends, answers, outcomes, healed, report)


def _calm(play: Play) -> Play:
    changes = {"troubles": (), "meanwhile": (), "then": (), "by_hand": False}
    return Play(**{**play.__dict__, **changes})


def _expect_not_void(
    company: Company,
    ends: Counter[str],
    answers: Counter[str],
    outcomes: list[Outcome],
    healed: list[Outcome],
    report: str,
) -> None:
    """A run without faults, kills and both ends proves nothing (reliability.md §2, V1–V4)."""
    fired, played = company.fired, sum(ends.values())
    assert sum(fired.values()) >= played, report
    after = sum(fired[kind] for kind in AFTER)
    assert after >= (sum(fired.values()) / 6 if played > SOME else 1), report
    if played >= 200:
        assert all(fired[kind] >= 5 for kind in company.armed), report
        assert company.kills >= 16, report
        carried_out = {f"{what}: carried out" for what in REQUESTS}
        assert all(answers[one] >= 2 for one in carried_out), report
        assert set(answers) - carried_out, report
        assert sum(outcome.decided for outcome in outcomes) >= 2, report
    assert ends["CONFIRMED"] >= played / 5, report
    assert ends["FAILED"] + ends["CANCELLED"] >= played / 5, report
    assert all(outcome.state is BookingState.CONFIRMED for outcome in healed), report


def test_a_seed_makes_the_same_plays() -> None:
    assert make_plays(7, 50, "2027-01-01") == make_plays(7, 50, "2027-01-01")
    assert make_plays(7, 50, "2027-01-01") != make_plays(8, 50, "2027-01-01")
