"""M1 to M4: never sold twice, whoever comes at once, and nothing is left that nobody has."""

import asyncio
import random
from collections import Counter

import pytest

from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.marketplace.stock.crowds import Scramble, race, sell_out, suspension
from tests.marketplace.stock.market import Market
from tests.marketplace.stock.watch import watch
from tests.support.databases import migrate
from tests.support.killable import a_database


@pytest.fixture
async def market(scratch: Books) -> Market:
    """A market of whose commits each is looked at."""
    await watch(scratch)
    made = Market(scratch)
    await made.open()
    return made


async def test_m1_two_hundred_buyers_for_ten_seats(market: Market) -> None:
    await sell_out(market, buyers=200, stock=10, seed=0)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
async def test_m1_a_hundred_rounds(market: Market) -> None:
    for seed in range(1, 101):
        await sell_out(market, buyers=200, stock=10, seed=seed)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(20))
async def test_m1_while_the_database_is_killed(seed: int) -> None:
    with a_database() as database:
        await asyncio.to_thread(migrate, database.url)
        books = Books(database.url)
        await watch(books)
        market = Market(books)
        await market.open()
        selling = asyncio.create_task(sell_out(market, buyers=200, stock=10, seed=seed))
        await asyncio.sleep(random.Random(seed).uniform(0.2, 1.5))
        database.kill()  # and start it again, in the main thread
        await selling
        await books.engine.dispose()


async def test_m2_whatever_is_done_at_once_counters_are_what_is_claimed(market: Market) -> None:
    scramble = Scramble(market, seed=0)
    for _ in range(3):
        await scramble.play(100)
    assert {"hold", "pay", "cancel", "expire", "move", "units", "SoldOut"} <= set(scramble.seen)


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1, 5))
async def test_m2_ten_thousand_operations(market: Market, seed: int) -> None:
    scramble = Scramble(market, seed)
    for _ in range(25):
        await scramble.play(100)


async def test_m3_a_hold_is_sold_or_over_and_never_both(market: Market) -> None:
    room = await market.room()
    seen = Counter([await race(market, room, seed) for seed in range(50)])
    assert set(seen) == {"SOLD", "EXPIRED"}


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
async def test_m3_a_thousand_races(market: Market) -> None:
    room = await market.room()
    seen = Counter([await race(market, room, seed) for seed in range(1_000)])
    assert set(seen) == {"SOLD", "EXPIRED"}


async def test_m4_nothing_is_held_of_a_provider_who_is_suspended(market: Market) -> None:
    assert await suspension(market, buyers=40, seed=0) >= 2


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
async def test_m4_a_hundred_suspensions(scratch: Books) -> None:
    for seed in range(1, 101):
        market = Market(scratch)
        await market.open()
        await suspension(market, buyers=60, seed=seed)
