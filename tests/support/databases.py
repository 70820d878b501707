"""Databases of a test run: migrated once, then cloned."""

import uuid

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from localworld.shared import Servers
from tests.support.processes import ROOT

TEMPLATE = "migrated"
_LOCK = 7_310_031
"""Of PostgreSQL's advisory locks: one process migrates, the others wait for it."""


def migrate(database_url: str, revision: str = "head", *, down: bool = False) -> None:
    """Bring a database up to ``revision``, or back ``down`` to it."""
    config = Config(str(ROOT / "alembic.ini"))
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    (command.downgrade if down else command.upgrade)(config, revision)


def migrated_database(servers: Servers) -> str:
    """Return the URL of a new database at the newest revision."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE])
        if found.fetchone() is None:
            migrate(servers.create_database(f"{TEMPLATE}_at_last"))
            connection.execute(f"ALTER DATABASE {TEMPLATE}_at_last RENAME TO {TEMPLATE}")
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )
    return servers.create_database(name)
