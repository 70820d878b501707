"""Alembic's environment: the URL of our settings, the metadata of our tables, one transaction."""

from alembic import context
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

import models.bookings.tables
import models.core.attempts
import models.core.callers
import models.core.cases
import models.inbox.repository
import models.ledger.tables
import models.payments.reconciliations
import models.payments.tables
import models.suppliers.health
import models.suppliers.looks
import models.suppliers.rate_limits
import models.trips.tables  # noqa: F401  (each of them fills SQLModel.metadata)
from settings import get_settings


def run() -> None:
    """Run the migrations online (offline SQL with ``alembic upgrade --sql``)."""
    url = context.config.get_main_option("sqlalchemy.url") or get_settings().database.sqlalchemy_url
    metadata = SQLModel.metadata
    if context.is_offline_mode():
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(url)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=False,
        )
        with context.begin_transaction():
            # Two deployments migrating at once take turns; the lock ends with the transaction.
            connection.execute(
                text("SELECT pg_advisory_xact_lock(hashtext('tripsaga migrations'))")
            )
            context.run_migrations()
    engine.dispose()


run()
