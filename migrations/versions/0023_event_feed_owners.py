"""Callers read their own events of the feed; operators have dead letters sent again."""

from alembic import op

from migrations.online import create_index, drop_index

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE event_dead_letters ADD COLUMN IF NOT EXISTS replay_asked_at timestamptz"
    )
    create_index("ix_event_feed_caller", "event_feed", ["caller_id", "position"])


def downgrade() -> None:
    drop_index("ix_event_feed_caller")
    op.execute("ALTER TABLE event_dead_letters DROP COLUMN IF EXISTS replay_asked_at")
