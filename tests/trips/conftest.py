"""Trips with fake activities: the workflow alone, on the real Temporal server."""

import pytest
from temporalio.client import Client

from temporal import connect
from tests.support.environment import settings_from
from tests.support.fake_trip import FakeTrip, trip_request


@pytest.fixture(scope="session")
async def temporal_client(temporal_address: str) -> Client:
    """A client of the Temporal server."""
    return await connect(settings_from({"TEMPORAL_ADDRESS": temporal_address}))


@pytest.fixture
def trip(temporal_client: Client) -> FakeTrip:
    """A sample trip; suppliers and gateway say yes to everything."""
    return FakeTrip(temporal_client, trip_request())
