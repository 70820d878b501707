"""How suppliers do, in a database of its own: nobody else's calls count."""

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from activities.suppliers.health import SupplierHealth
from localworld.shared import Servers
from models.core.database import Sessions, create_engine, create_sessions
from settings import Settings
from tests.conftest import migrate

DOWN_AFTER = 3
TRIAL_SECONDS = 0.4


@pytest.fixture(scope="session")
def health_database_url(shared_servers: Servers) -> str:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    return url


@pytest.fixture
async def sessions(health_database_url: str) -> AsyncIterator[Sessions]:
    engine = create_engine(Settings(database={"url": health_database_url}).database.sqlalchemy_url)
    yield create_sessions(engine)
    await engine.dispose()


Query = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def sql(health_database_url: str) -> Query:
    """Run a statement; returns its rows."""

    def run(statement: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(
            health_database_url, autocommit=True, row_factory=dict_row
        ) as connection:
            cursor = connection.execute(statement, values or None)
            while cursor.nextset():
                pass
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
async def process(
    sessions: Sessions, health_database_url: str, sql: Query
) -> AsyncIterator[Callable[..., SupplierHealth]]:
    """Make what one worker process knows; several make several workers."""
    sql("DELETE FROM supplier_health")
    sql("DELETE FROM cases")
    made: list[SupplierHealth] = []

    def make(**settings: Any) -> SupplierHealth:
        made.append(
            SupplierHealth(
                sessions,
                Settings(
                    database={"url": health_database_url},
                    **{
                        "supplier_down_after": DOWN_AFTER,
                        "supplier_trial_seconds": TRIAL_SECONDS,
                        **settings,
                    },
                ),
            )
        )
        return made[-1]

    yield make
    for one in made:
        await one.close()
