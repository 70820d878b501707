"""The transactional outbox, its feed, and the sinks that read it: the trip planner is the first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uuid, moment = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    op.create_table(
        "outbox_events",
        sa.Column("id", uuid, primary_key=True),
        sa.Column("booking_id", uuid, nullable=False),
        sa.Column("booking_version", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("occurred_at", moment, nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("schema_version", sa.SmallInteger(), nullable=False),
        sa.Column("trace", sa.String()),
        sa.UniqueConstraint(
            "booking_id", "booking_version", "type", name="ux_outbox_events_version"
        ),
    )
    op.create_table(
        "outbox_pending",
        sa.Column("seq", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("event_id", uuid, nullable=False, unique=True),
    )
    op.create_table(
        "event_feed",
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("event_id", uuid, nullable=False, unique=True),
        sa.Column("booking_id", uuid, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("caller_id", uuid, nullable=False),
        sa.Column("provider_id", uuid),
        sa.Column("venue_id", uuid),
    )
    op.create_table(
        "event_counter",
        sa.Column("one", sa.Boolean(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.CheckConstraint('"one"', name="event_counter_one"),
    )
    op.create_table(
        "event_sinks",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("leased_by", sa.String()),
        sa.Column("leased_until", moment),
        sa.Column("last_error", sa.String()),
        sa.Column("stalled_since", moment),
    )
    op.create_table(
        "event_dead_letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("sink", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("event_id", uuid, nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False, server_default=sa.text("now()")),
        sa.Column("replayed_at", moment),
    )
    op.execute("INSERT INTO event_counter VALUES (true, 0)")
    op.execute("INSERT INTO event_sinks (name) VALUES ('planner')")


def downgrade() -> None:
    for table in (
        "event_dead_letters",
        "event_sinks",
        "event_counter",
        "event_feed",
        "outbox_pending",
        "outbox_events",
    ):
        op.drop_table(table)
