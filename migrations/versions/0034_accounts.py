"""Users, how they sign in, and the mails and texts that are sent to people."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    uuid, moment = sa.Uuid(as_uuid=False), sa.DateTime(timezone=True)
    now = sa.text("now()")

    def user(**options: Any) -> sa.Column[Any]:
        return sa.Column("user_id", uuid, sa.ForeignKey("users.id"), **options)

    op.create_table(
        "users",
        sa.Column("id", uuid, primary_key=True),
        sa.Column("email", sa.String()),
        sa.Column("email_norm", sa.String()),
        sa.Column("phone", sa.String()),
        sa.Column("phone_e164", sa.String()),
        sa.Column("email_verified_at", moment),
        sa.Column("phone_verified_at", moment),
        sa.Column("display_name", sa.String()),
        sa.Column("locale", sa.String(), nullable=False, server_default="en"),
        sa.Column("role", sa.String(), nullable=False, server_default="TRAVELER"),
        sa.Column("status", sa.String(), nullable=False, server_default="ACTIVE"),
        sa.Column("created_at", moment, nullable=False, server_default=now),
        sa.CheckConstraint("role IN ('TRAVELER','ADMIN')", name="users_role"),
        sa.CheckConstraint("status IN ('ACTIVE','BLOCKED','ERASED')", name="users_status"),
        sa.CheckConstraint(
            "status = 'ERASED' OR email_norm IS NOT NULL OR phone_e164 IS NOT NULL",
            name="users_contact",
        ),
        sa.CheckConstraint("(email IS NULL) = (email_norm IS NULL)", name="users_email"),
        sa.CheckConstraint("(phone IS NULL) = (phone_e164 IS NULL)", name="users_phone"),
    )
    op.create_index("ux_users_email_norm", "users", ["email_norm"], unique=True)
    op.create_index("ux_users_phone_e164", "users", ["phone_e164"], unique=True)
    op.create_index(
        "ix_users_admins", "users", ["role"], postgresql_where=sa.text("role = 'ADMIN'")
    )
    op.create_table(
        "auth_identities",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("value_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("locked_until", moment),
        sa.CheckConstraint("kind IN ('EMAIL','PHONE')", name="auth_identities_kind"),
    )
    op.create_table(
        "auth_challenges",
        sa.Column("id", uuid, primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value_hash", sa.LargeBinary(), nullable=False),
        user(),
        sa.Column("address", sa.LargeBinary()),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_hash", sa.LargeBinary(), nullable=False),
        sa.Column("network_hash", sa.LargeBinary(), nullable=False),
        sa.Column("country", sa.String()),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("created_at", moment, nullable=False, server_default=now),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("consumed_at", moment),
        sa.Column("invalidated_at", moment),
        sa.CheckConstraint("kind IN ('EMAIL','PHONE')", name="auth_challenges_kind"),
        sa.CheckConstraint("attempts BETWEEN 0 AND 5", name="auth_challenges_attempts"),
        sa.CheckConstraint("octet_length(code_hash) = 32", name="auth_challenges_code"),
    )
    newest = sa.text("created_at DESC")
    indexes: list[tuple[str, list[Any], Any]] = [
        ("expiry", ["expires_at"], None),
        ("identity", ["kind", "value_hash", newest], None),
        ("network", ["network_hash", "created_at"], None),
        ("country", ["country", "created_at"], sa.text("country IS NOT NULL")),
    ]
    for name, columns, where in indexes:
        op.create_index(
            f"ix_auth_challenges_{name}", "auth_challenges", columns, postgresql_where=where
        )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(), primary_key=True),
        sa.Column("id", uuid, nullable=False),
        user(nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False, server_default=""),
        sa.Column("created_at", moment, nullable=False, server_default=now),
        sa.Column("last_seen_at", moment, nullable=False, server_default=now),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("second_factor_at", moment),
        sa.Column("revoked_at", moment),
        sa.CheckConstraint("octet_length(token_hash) = 32", name="sessions_token"),
    )
    op.create_index("ux_sessions_id", "sessions", ["id"], unique=True)
    op.create_index(
        "ix_sessions_user", "sessions", ["user_id"], postgresql_where=sa.text("revoked_at IS NULL")
    )
    op.create_index("ix_sessions_expiry", "sessions", ["expires_at"])
    op.create_table(
        "second_factors",
        user(primary_key=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", moment),
        sa.Column("last_step", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("locked_until", moment),
        sa.Column("created_at", moment, nullable=False, server_default=now),
    )
    op.create_table(
        "user_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        user(nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("at", moment, nullable=False, server_default=now),
    )
    op.create_index("ix_user_events_user", "user_events", ["user_id", "id"])
    op.create_table(
        "messages",
        sa.Column("id", uuid, primary_key=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False, server_default="en"),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("state", sa.String(), nullable=False, server_default="QUEUED"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("due_at", moment, nullable=False, server_default=now),
        sa.Column("expires_at", moment),
        sa.Column("last_error", sa.String()),
        sa.Column("created_at", moment, nullable=False, server_default=now),
        sa.Column("ended_at", moment),
        sa.CheckConstraint("channel IN ('EMAIL','SMS')", name="messages_channel"),
        sa.CheckConstraint("state IN ('QUEUED','SENT','FAILED')", name="messages_state"),
        sa.CheckConstraint("state = 'QUEUED' OR secret IS NULL", name="messages_secret"),
    )
    op.create_index(
        "ix_messages_due", "messages", ["due_at"], postgresql_where=sa.text("state = 'QUEUED'")
    )
    op.create_index("ix_messages_created", "messages", ["created_at"])


def downgrade() -> None:
    for table in (
        "messages",
        "user_events",
        "second_factors",
        "sessions",
        "auth_challenges",
        "auth_identities",
        "users",
    ):
        op.drop_table(table)
