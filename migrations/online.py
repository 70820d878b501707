"""What migrations of tables in use need: nobody who writes may wait longer than a moment.

``migrations/env.py`` gives every migration a transaction of its own and lets no statement wait more
than :data:`LOCK_TIMEOUT` for a lock, for all writers wait behind it meanwhile. So:

- what is altered together with ``bookings`` is altered after it, for all who write take their
  locks in this order (a deadlock would end one of the two); other tables have migrations of their
  own;
- a constraint is added unvalidated (:func:`add_check`) and validated by a later migration
  (:func:`validate`): validating reads the whole table, but locks out nobody;
- an index is built concurrently (:func:`create_index`), outside any transaction. A migration of
  such indexes does nothing that cannot be repeated: when it fails half-way it is run again.
"""

from typing import Any

from alembic import op

LOCK_TIMEOUT = "3s"


def add_check(table: str, name: str, condition: str) -> None:
    """Add a CHECK for rows to come; those there are checked by :func:`validate`."""
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")


def validate(table: str, name: str) -> None:
    """Check the rows that were there before the constraint."""
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def create_index(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Build an index while the table is written; what a failed attempt left is dropped first."""
    drop_index(name)
    with op.get_context().autocommit_block():
        # It waits for the transactions that began before it, and nobody waits behind it.
        op.execute("SET lock_timeout = 0")
        op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def drop_index(name: str) -> None:
    """Drop an index while its table is written."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
