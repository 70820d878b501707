"""Alembic's environment: the URL of our settings, the metadata of our tables, one at a time."""

import time

from alembic import context
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlmodel import SQLModel

import models.accounts.tables
import models.bookings.tables
import models.core.attempts
import models.core.callers
import models.core.cases
import models.core.idempotency
import models.core.outbox
import models.core.world
import models.inbox.repository
import models.inventory.tables
import models.ledger.tables
import models.marketplace.catalogue.tables
import models.marketplace.providers.tables
import models.marketplace.quotes.tables
import models.marketplace.stock.tables
import models.messages.tables
import models.payments.reconciliations
import models.payments.tables
import models.reservations.tables
import models.suppliers.health
import models.suppliers.looks
import models.suppliers.rate_limits
import models.trips.tables
import models.webhook_endpoints.tables  # noqa: F401  (each of them fills SQLModel.metadata)
from migrations.online import LOCK_TIMEOUT
from settings import get_settings

TURN_SECONDS = 0.2
"""Between two looks whether another deployment is done."""


def run() -> None:
    """Run the migrations online (offline SQL with ``alembic upgrade --sql``)."""
    url = context.config.get_main_option("sqlalchemy.url") or get_settings().database.sqlalchemy_url
    metadata = SQLModel.metadata
    if context.is_offline_mode():
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(url, poolclass=NullPool)  # closed connections let go of the lock
    with engine.connect() as connection:
        take_turn(connection)
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=False,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def take_turn(connection: Connection) -> None:
    """Wait until no other deployment migrates this database.

    By asking again and again: who waits for the lock inside a statement holds a snapshot, and
    building an index concurrently would wait for that one, and both for ever.
    """
    lock = text("SELECT pg_try_advisory_lock(hashtext('tripsaga migrations'))")
    while not connection.scalar(lock):
        connection.rollback()
        time.sleep(TURN_SECONDS)
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.commit()


run()
