"""A database with a crowd of bookings, and an API on it."""

from collections.abc import Iterator

import pytest

from benchmarks import crowd_at_venues
from benchmarks.crowd import fill
from localworld.shared import Servers
from settings import Settings
from tests.api.conftest import NOBODY
from tests.api.server import Served, serve
from tests.support.databases import migrated_database

BOOKINGS = 20_000


@pytest.fixture(scope="package")
def crowd_url(shared_servers: Servers) -> str:
    url = migrated_database(shared_servers)
    fill(url, BOOKINGS)
    return url


@pytest.fixture(scope="package")
def reserved_url(shared_servers: Servers) -> str:
    """A crowd of reservations."""
    url = migrated_database(shared_servers)
    crowd_at_venues.fill(url, BOOKINGS)
    return url


@pytest.fixture(scope="package")
def crowded(crowd_url: str) -> Iterator[Served]:
    """An API on the crowd, whose Temporal is away."""
    with serve(Settings(database={"url": crowd_url}, temporal={"address": NOBODY})) as served:
        yield served
