"""Every page of every list is read from its index, and costs the same wherever it is."""

import psycopg
import pytest

from api.core.context import OF_LISTS
from benchmarks.crowd import fill
from benchmarks.lists import Seen, faults, look
from localworld.shared import Servers
from models.core.database import create_engine, create_sessions
from settings import Settings
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
}
"""Every index of lists, and a list that it is for."""


@pytest.fixture(scope="module")
async def pages(crowd_url: str) -> list[Seen]:
    """Every page, as the API has it planned: for any values."""
    return await look(crowd_url, kinds_of_plan=[True])


async def test_every_page_walks_its_index(pages: list[Seen]) -> None:
    assert len(pages) > 150
    assert {one.case.list for one in pages} == {"/booking", "/api/bookings"}
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


async def test_the_api_has_one_plan_for_all_callers(crowd_url: str) -> None:
    engine = create_engine(
        Settings(database={"url": crowd_url}).database.sqlalchemy_url, parameters=OF_LISTS
    )
    async with create_sessions(engine)() as session:
        connection = await session.connection()
        for name, value in (("plan_cache_mode", "force_generic_plan"), ("statement_timeout", "2s")):
            found = await connection.exec_driver_sql(f"SHOW {name}")
            assert found.scalar() == value
    await engine.dispose()


@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
async def test_a_million_bookings(shared_servers: Servers) -> None:
    url = migrated_database(shared_servers)
    fill(url, 1_000_000)
    assert faults(await look(url)) == []
