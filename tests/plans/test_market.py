"""Searches and quotes look up what they need, planned for any values or for these (decision 126).

Of a city they read what is in it; nothing is read whole that grows with the market.
"""

import pytest

from benchmarks import market
from benchmarks.market_search import Seen, look
from localworld.shared import Servers
from tests.plans.test_planted import without
from tests.support.databases import migrated_database
from tests.support.selection import table

pytestmark = pytest.mark.xdist_group("market")

SIZE = market.Size(rooms=4_000, nights=30, rooms_of_city=100)
WHOLE = market.Size(rooms=100_000, nights=365, rooms_of_city=1_000)
NEEDED = {
    "inventory_nights_pkey": "stays of a city",
    "ix_rate_plans_room": "stays of a city",
    "ix_rooms_listing": "offers of a listing",
    "ux_tour_departures_date": "departures of a tour",
}
"""Indexes of large tables, and what is slow without them."""


@pytest.fixture(scope="module")
def market_url(shared_servers: Servers) -> str:
    url = migrated_database(shared_servers)
    market.fill(url, SIZE)
    return url


def _faults(seen: list[Seen]) -> list[str]:
    return [fault for one in seen for fault in one.faults]


async def test_everything_is_looked_up(market_url: str) -> None:
    seen = await look(market_url, SIZE)
    assert len(seen) >= 20
    assert _faults(seen) == []
    used = {index for one in seen for index in one.plan.indexes}
    assert NEEDED.keys() <= used
    assert "ix_listings_city" in used


async def test_a_page_of_stays_is_found_by_one_statement(market_url: str) -> None:
    names = [one.name for one in await look(market_url, SIZE, kinds_of_plan=[True])]
    for case in ("stays in a box", "packages of a city", "tours of a city"):
        assert [name for name in names if name.startswith(f"{case},")] == [f"{case}, 1"]


@pytest.mark.parametrize("index", table(NEEDED, quick=["inventory_nights_pkey"]))
async def test_an_index_that_is_missed_is_told_of(market_url: str, index: str) -> None:
    with without(market_url, index):
        faults = _faults(await look(market_url, SIZE, kinds_of_plan=[True]))
    assert [one for one in faults if one.startswith(NEEDED[index])]


@pytest.mark.exhaustive
@pytest.mark.timeout(3600)
async def test_a_hundred_thousand_rooms_for_a_year(shared_servers: Servers) -> None:
    url = migrated_database(shared_servers)
    market.fill(url, WHOLE)
    assert _faults(await look(url, WHOLE)) == []
