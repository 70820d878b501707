"""Every page, and every count, of every list is read from its index, and costs the same."""

from functools import partial

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.core.context import open_context
from benchmarks import crowd_at_venues, reservation_pages
from benchmarks.crowd import fill
from benchmarks.lists import Seen, faults, look
from localworld.shared import Servers
from settings import Settings
from tests.api.conftest import NOBODY
from tests.plans import in_the_way
from tests.support.databases import migrated_database

pytestmark = pytest.mark.xdist_group("crowd")

NEEDED = {
    "ix_bookings_kind_list": "anybody's, status All",
    "ix_bookings_caller_kind_list": "1 %, status All",
    "ix_bookings_state_kind_list": "anybody's, status Cancelled",
    "ix_bookings_caller_state_list": "60 %, status Cancelled",
    "ix_bookings_user_list": "1 %, user unknown",
    "ix_bookings_referral_list": "anybody's, referral unknown",
    "ix_bookings_caller_referral_list": "60 %, referral with 2 %",
    "ix_bookings_owner_list": "bought by 60 %",
    "ix_bookings_provider_list": "sold by 60 %, status All",
}
"""Every index of lists, and a list that it is for."""
OF_RESERVATIONS = {"/guest": "ix_reservations_guest_list", "/venue": "ix_reservations_venue_list"}
"""The one index of each list: with a second one PostgreSQL may take the wrong one."""


@pytest.fixture(scope="module")
async def pages(crowd_url: str) -> list[Seen]:
    """Every page, as the API has it planned: for any values."""
    return await look(crowd_url, kinds_of_plan=[True])


@pytest.fixture(scope="module")
async def reservation_lists(reserved_url: str) -> list[Seen]:
    """Every page of a guest's and of a venue's reservations, planned like these."""
    return await look(reserved_url, kinds_of_plan=[True], of=reservation_pages.cases)


async def test_every_page_walks_its_index(pages: list[Seen]) -> None:
    assert len(pages) > 150
    assert {one.case.list for one in pages} == {"/booking", "/api/bookings", "/market/v1"}
    assert {one.case.list for one in pages if one.case.counts} == {"/api/bookings"}
    assert faults(pages) == []


async def test_no_index_of_lists_is_there_for_nothing(pages: list[Seen], crowd_url: str) -> None:
    for index, name in NEEDED.items():
        using = [one for one in pages if one.case.name.startswith(name)]
        assert any(index in one.plan.indexes for one in using), index
    with psycopg.connect(crowd_url) as connection:
        rows = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'bookings'"
            " AND indexname LIKE '%%\\_list'"
        )
        assert {name for (name,) in rows} == NEEDED.keys()


async def test_every_page_of_reservations_walks_its_index(reservation_lists: list[Seen]) -> None:
    assert len(reservation_lists) > 300
    for counts in (False, True):
        of_these = [one for one in reservation_lists if one.case.counts is counts]
        assert {one.case.list for one in of_these} == {"/guest", "/venue"}
    assert faults(reservation_lists) == []


async def test_reservations_have_one_index_for_each_list(
    reservation_lists: list[Seen], reserved_url: str
) -> None:
    for one in reservation_lists:
        assert set(one.plan.indexes) <= {
            OF_RESERVATIONS[one.case.list],
            "bookings_pkey",
            "venues_pkey",
            "ix_cases_booking",
        }, one.name
    with psycopg.connect(reserved_url) as connection:
        rows = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'reservations'"
            " AND indexname LIKE 'ix\\_%%'"
        )
        assert {name for (name,) in rows} == set(OF_RESERVATIONS.values())


@pytest.mark.parametrize("table", [None, "table-1"])
async def test_what_stands_in_the_way_is_found_by_its_time(
    reserved_url: str, table: str | None
) -> None:
    assert in_the_way.faults(await in_the_way.plans(reserved_url, table)) == []


async def test_the_api_asks_for_pages_like_this(crowd_url: str) -> None:
    """One plan for all callers, and two seconds for a page."""
    settings = Settings(database={"url": crowd_url}, temporal={"address": NOBODY})
    found = {}
    async with open_context(settings) as context:
        for name in ("plan_cache_mode", "statement_timeout"):
            shown = text(f"SHOW {name}")
            found[name] = await context.lists.read(partial(AsyncSession.scalar, statement=shown))
    assert found == {"plan_cache_mode": "force_generic_plan", "statement_timeout": "2s"}


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
async def test_a_million_bookings(shared_servers: Servers) -> None:
    url = migrated_database(shared_servers)
    fill(url, 1_000_000)
    assert faults(await look(url)) == []


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
async def test_a_million_reservations(shared_servers: Servers) -> None:
    url = migrated_database(shared_servers)
    crowd_at_venues.fill(url, 1_000_000)
    assert faults(await look(url, of=reservation_pages.cases)) == []
    assert in_the_way.faults(await in_the_way.plans(url, "table-1")) == []
