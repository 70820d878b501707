"""The ledger: double entry, append-only, balanced at commit.

What the code promises the database enforces: nothing is changed or removed, an entry balances in
every currency when its transaction commits, and nobody adds a line to an older entry.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("ledger_entries", "ledger_lines", "commission_rules")

APPEND_ONLY = """
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: no % on %', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'check_violation';
END $$
"""

# Stamped here, so that no writer can claim another transaction than its own.
STAMP = """
CREATE FUNCTION stamp_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$
"""

LINE = """
CREATE FUNCTION guard_ledger_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entries WHERE id = NEW.entry_id
                   AND transaction = pg_current_xact_id()::text::bigint) THEN
        RAISE EXCEPTION 'ledger entry % takes no lines from another transaction', NEW.entry_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""

BALANCE = """
CREATE FUNCTION check_ledger_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry bigint;
    crooked text;
BEGIN
    IF TG_TABLE_NAME = 'ledger_entries' THEN
        entry := NEW.id;
        IF (SELECT count(*) FROM ledger_lines WHERE entry_id = entry) < 2 THEN
            RAISE EXCEPTION 'ledger entry % has fewer than two lines', entry
                USING ERRCODE = 'check_violation';
        END IF;
    ELSE
        entry := NEW.entry_id;
    END IF;
    SELECT string_agg(currency || ' ' || off, ', ' ORDER BY currency) INTO crooked
        FROM (SELECT currency, sum(signed) AS off FROM ledger_lines WHERE entry_id = entry
              GROUP BY currency HAVING sum(signed) <> 0) AS sums;
    IF crooked IS NOT NULL THEN
        RAISE EXCEPTION 'ledger entry % does not balance: %', entry, crooked
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""

FUNCTIONS = (
    "check_ledger_entry",
    "guard_ledger_line",
    "stamp_ledger_entry",
    "refuse_ledger_change",
)


def upgrade() -> None:
    now = sa.text("now()")
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("entry_type", sa.String(), nullable=False),
        sa.Column("source_id", sa.String(), nullable=False),
        sa.Column("booking_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entry_type", "source_id", name="ux_ledger_entries_source"),
    )
    op.create_index(
        "ux_ledger_entries_chain",
        "ledger_entries",
        ["booking_id", "previous_hash"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_ledger_entries_created", "ledger_entries", ["created_at"])
    op.create_table(
        "ledger_lines",
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column(
            "signed",
            sa.BigInteger(),
            sa.Computed("CASE direction WHEN 'DEBIT' THEN amount ELSE -amount END", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint(
            "account IN ('TRAVELER','PROVIDER_EARNINGS','COMMISSION','GATEWAY','FEES','SUSPENSE')",
            name="ledger_lines_account",
        ),
        sa.CheckConstraint("direction IN ('DEBIT','CREDIT')", name="ledger_lines_direction"),
        sa.CheckConstraint("amount > 0", name="ledger_lines_amount"),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="ledger_lines_currency"),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.id"]),
        sa.PrimaryKeyConstraint("entry_id", "number"),
    )
    op.create_index(
        "ix_ledger_lines_account", "ledger_lines", ["account", "owner", "currency"], unique=False
    )
    op.create_table(
        "commission_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=True),
        sa.Column("basis_points", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.CheckConstraint("basis_points BETWEEN 0 AND 10000", name="commission_rules_share"),
        sa.CheckConstraint(
            "provider IS NULL OR supplier IS NOT NULL", name="commission_rules_provider"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    for function in (APPEND_ONLY, STAMP, LINE, BALANCE):
        op.execute(function)
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
        )
        # Also in sessions that switch ordinary triggers off (session_replication_role).
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
    op.execute(
        "CREATE TRIGGER stamp_ledger_entry BEFORE INSERT ON ledger_entries"
        " FOR EACH ROW EXECUTE FUNCTION stamp_ledger_entry()"
    )
    op.execute(
        "CREATE TRIGGER guard_ledger_line BEFORE INSERT ON ledger_lines"
        " FOR EACH ROW EXECUTE FUNCTION guard_ledger_line()"
    )
    for table in ("ledger_entries", "ledger_lines"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_ledger_entry()"
        )


def downgrade() -> None:
    for table in ("commission_rules", "ledger_lines", "ledger_entries"):
        op.drop_table(table)
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
