"""An index that is missed is told of by the proof of the lists' plans."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from benchmarks import reservation_pages
from benchmarks.lists import faults, look
from benchmarks.pages import Case, cases
from tests.plans import in_the_way
from tests.plans.test_plans import NEEDED, OF_RESERVATIONS
from tests.support.selection import table

pytestmark = pytest.mark.xdist_group("crowd")


@contextmanager
def without(url: str, *indexes: str) -> Iterator[None]:
    """Have PostgreSQL plan as if there were no such indexes."""
    valid = (
        "UPDATE pg_index SET indisvalid = %s"
        " WHERE indexrelid = ANY(CAST(%s AS text[])::regclass[]) RETURNING 1"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(valid, [False, list(indexes)]).fetchall()
        assert len(done) == len(indexes)
        try:
            yield
        finally:
            connection.execute(valid, [True, list(indexes)])


def named(name: str) -> Callable[[psycopg.Connection], Iterator[Case]]:
    def some(connection: psycopg.Connection) -> Iterator[Case]:
        return (case for case in cases(connection) if case.name.startswith(name))

    return some


@pytest.mark.parametrize(
    ("index", "name"),
    table(NEEDED.items(), quick=[("ix_bookings_caller_kind_list", "1 %, status All")]),
)
async def test_a_list_without_its_index_is_found(crowd_url: str, index: str, name: str) -> None:
    # an index of two columns may be read for its second one alone
    others = [one for one in NEEDED if "referral" in one and "referral" in index]
    with without(crowd_url, *(others or [index])):
        assert faults(await look(crowd_url, kinds_of_plan=[True], of=named(name))) != []


@pytest.mark.parametrize("list_", table(OF_RESERVATIONS, quick=["/venue"]))
async def test_reservations_without_their_index_are_found(reserved_url: str, list_: str) -> None:
    def of_list(connection: psycopg.Connection) -> Iterator[Case]:
        found = reservation_pages.cases(connection)
        return iter([case for case in found if case.list == list_][:3])

    with without(reserved_url, OF_RESERVATIONS[list_]):
        assert faults(await look(reserved_url, kinds_of_plan=[True], of=of_list)) != []


async def test_claims_without_their_indexes_are_found(reserved_url: str) -> None:
    with without(reserved_url, "claims_one_per_guest", "claims_one_per_resource"):
        assert in_the_way.faults(await in_the_way.plans(reserved_url, "table-1")) != []
