"""A caller has several keys; its name is its own."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    at = sa.DateTime(timezone=True)
    op.create_table(
        "caller_keys",
        sa.Column("key_hash", sa.String(), primary_key=True),
        sa.Column("caller_id", sa.Uuid(as_uuid=False), sa.ForeignKey("callers.id"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("created_at", at, server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", at, nullable=True),
        sa.Column("expires_at", at, nullable=True),
        sa.Column("revoked_at", at, nullable=True),
    )
    op.create_index("ux_caller_keys_name", "caller_keys", ["caller_id", "name"], unique=True)
    # Each of them stays a caller of its own: whose bookings are whose must not change.
    op.execute("""
        UPDATE callers c SET name = concat_ws(' ', nullif(c.name, ''), left(c.id::text, 8))
        WHERE c.name = '' OR EXISTS (
            SELECT 1 FROM callers o
            WHERE o.name = c.name AND (o.created_at, o.id) < (c.created_at, c.id)
        )
    """)
    op.execute("""
        INSERT INTO caller_keys (key_hash, caller_id, name, prefix, created_at, revoked_at)
        SELECT key_hash, id, '1', key_prefix, created_at, revoked_at FROM callers
    """)
    op.create_index("ux_callers_name", "callers", ["name"], unique=True)
    op.create_check_constraint("callers_name", "callers", "name <> ''")
    op.alter_column("callers", "key_hash", nullable=True)
    op.alter_column("callers", "key_prefix", nullable=True)


def downgrade() -> None:
    # The newest key that still opens, else the newest of all; a caller without any is nobody.
    op.execute("""
        UPDATE callers c SET key_hash = k.key_hash, key_prefix = k.prefix, revoked_at = k.revoked_at
        FROM (
            SELECT DISTINCT ON (caller_id) * FROM caller_keys
            ORDER BY caller_id, revoked_at IS NOT NULL, created_at DESC
        ) k WHERE k.caller_id = c.id
    """)
    op.alter_column("callers", "key_prefix", nullable=False)
    op.alter_column("callers", "key_hash", nullable=False)
    op.drop_constraint("callers_name", "callers")
    op.drop_index("ux_callers_name", table_name="callers")
    op.drop_table("caller_keys")
