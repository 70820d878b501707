"""Webhooks that we send: endpoints of callers, deliveries, attempts; the sink that makes them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uuid, moment = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    now = sa.text("now()")
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", uuid, primary_key=True),
        sa.Column("caller_id", uuid, sa.ForeignKey("callers.id"), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False, server_default=""),
        sa.Column("types", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("secret_generation", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("old_generation_until", moment),
        sa.Column("rotation", uuid),
        sa.Column("status", sa.String(), nullable=False, server_default="ACTIVE"),
        sa.Column("disabled_reason", sa.String()),
        sa.Column("missing_after", sa.BigInteger()),
        sa.Column("first_failure_at", moment),
        sa.Column("last_failure_at", moment),
        sa.Column("created_at", moment, nullable=False, server_default=now),
        sa.CheckConstraint(
            "status IN ('ACTIVE','PAUSED','DISABLED')", name="webhook_endpoints_status"
        ),
        sa.CheckConstraint("secret_generation > 0", name="webhook_endpoints_generation"),
    )
    op.create_index(
        "ux_webhook_endpoints_url", "webhook_endpoints", ["caller_id", "url"], unique=True
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("endpoint_id", uuid, primary_key=True),
        sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("event_id", uuid, nullable=False),
        sa.Column("booking_id", uuid, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False, server_default="PENDING"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_at", moment, nullable=False, server_default=now),
        sa.Column("leased_until", moment),
        sa.Column("last_status", sa.Integer()),
        sa.Column("last_error", sa.String()),
        sa.Column("created_at", moment, nullable=False, server_default=now),
        sa.Column("ended_at", moment),
        sa.CheckConstraint(
            "state IN ('PENDING','DELIVERED','FAILED','DROPPED')", name="webhook_deliveries_state"
        ),
    )
    pending = sa.text("state = 'PENDING'")
    indexes: list[tuple[str, list[Any], Any]] = [
        ("due", ["endpoint_id", "next_at", "position"], pending),
        ("order", ["endpoint_id", "booking_id", "position"], pending),
        ("oldest", ["created_at"], pending),
        ("leased", ["endpoint_id"], sa.text("leased_until IS NOT NULL")),
        ("list", ["endpoint_id", "state", sa.text("position DESC")], None),
        ("created", ["created_at"], None),
    ]
    for name, columns, where in indexes:
        op.create_index(
            f"ix_webhook_deliveries_{name}", "webhook_deliveries", columns, postgresql_where=where
        )
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("endpoint_id", uuid, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False, server_default=now),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("error", sa.String()),
        sa.Column("location", sa.String()),
        sa.Column("answer", sa.String()),
    )
    op.create_index(
        "ix_webhook_attempts_delivery", "webhook_attempts", ["endpoint_id", "position", "id"]
    )
    op.create_index("ix_webhook_attempts_at", "webhook_attempts", ["at"])
    # Nobody has an endpoint yet: what has been fed so far is nobody's.
    op.execute(
        "INSERT INTO event_sinks (name, position) SELECT 'webhooks', last FROM event_counter"
    )


def downgrade() -> None:
    op.execute("DELETE FROM event_sinks WHERE name = 'webhooks'")
    for table in ("webhook_attempts", "webhook_deliveries", "webhook_endpoints"):
        op.drop_table(table)
