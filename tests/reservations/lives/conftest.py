"""Worlds for the lives of reservations."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from localworld.shared import Servers
from tests.reservations.lives.world import World
from tests.support.databases import migrated_database


@contextmanager
def new_world(servers: Servers) -> Iterator[World]:
    """A database of its own: what is planted in it, and its clock, are nobody else's."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        made = World(migrated_database(servers), runner)
        yield made
        made.close()


@pytest.fixture(scope="module")
def world(shared_servers: Servers) -> Iterator[World]:
    with new_world(shared_servers) as made:
        yield made


@pytest.fixture
def own_world(shared_servers: Servers) -> Iterator[World]:
    with new_world(shared_servers) as made:
        yield made
