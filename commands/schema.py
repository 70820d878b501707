"""The database's schema and Temporal's search attributes: brought up to date, or compared."""

import asyncio
import datetime as dt
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

import migrations
from models.core import search_attributes
from settings import Settings
from temporal import connect

_RPC_TIMEOUT = dt.timedelta(seconds=10)


def alembic_config(settings: Settings) -> Config:
    """Return Alembic's configuration for the database of ``settings``."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    # Alembic reads options with interpolation, where % stands for itself only when doubled.
    config.set_main_option("sqlalchemy.url", settings.database.sqlalchemy_url.replace("%", "%%"))
    return config


def upgrade(settings: Settings, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrate the database; return the revision before and after.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database refuses.
        alembic.util.CommandError: there is no such revision.
    """
    before, _ = revisions(settings)
    command.upgrade(alembic_config(settings), revision)
    after, _ = revisions(settings)
    return before, after


def revisions(settings: Settings) -> tuple[str | None, str | None]:
    """Return the revision of the database, and the newest one that this code knows."""
    engine = create_engine(settings.database.sqlalchemy_url, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return current, ScriptDirectory.from_config(alembic_config(settings)).get_current_head()


async def missing_search_attributes(client: Client, namespace: str) -> list[str]:
    """Return the search attributes that Temporal does not know yet. Raises RPCError."""
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace), timeout=_RPC_TIMEOUT
    )
    return [key.name for key in search_attributes.ALL if key.name not in known.custom_attributes]


async def register_search_attributes(client: Client, namespace: str) -> list[str]:
    """Register what is missing, and return it; calling it again changes nothing.

    Raises:
        RPCError: Temporal refuses, or does not answer.
    """
    missing = await missing_search_attributes(client, namespace)
    if missing:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        try:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(
                    namespace=namespace, search_attributes=dict.fromkeys(missing, keyword)
                ),
                timeout=_RPC_TIMEOUT,
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.ALREADY_EXISTS:  # somebody else did it
                raise
    return missing


async def connect_patiently(settings: Settings, seconds: float) -> Client:
    """Connect to Temporal, waiting for it to come up and to know our namespace.

    Raises:
        RuntimeError: it cannot be reached in time.
        RPCError: it answers, but not for our namespace.
    """
    end = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            client = await connect(settings)
            await missing_search_attributes(client, settings.temporal.namespace)
        except (RuntimeError, RPCError):
            if asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(0.5)
        else:
            return client
