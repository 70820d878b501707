"""Quotes, and the prices that bookings were made at."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036b"
branch_labels = None
depends_on = None

GUARD_QUOTE = """
CREATE FUNCTION guard_quote() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allowed quotes := OLD;
BEGIN
    IF OLD.booking_id IS NULL THEN
        allowed.booking_id := NEW.booking_id;
    END IF;
    IF NEW IS DISTINCT FROM allowed THEN
        RAISE EXCEPTION 'quote % stands as it was told: it becomes one booking, once', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""
GUARDS_QUOTE = """
CREATE TRIGGER guard_quote BEFORE UPDATE ON quotes
FOR EACH ROW EXECUTE FUNCTION guard_quote()
"""
REFUSE = """
CREATE FUNCTION refuse_other_prices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'price snapshots are append-only: no %', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$
"""
REFUSES = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON price_snapshots
FOR EACH STATEMENT EXECUTE FUNCTION refuse_other_prices()
"""
FOLLOW = """
CREATE FUNCTION follow_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version > 1 AND NOT EXISTS (SELECT FROM price_snapshots p
        WHERE p.booking_id = NEW.booking_id AND p.version = NEW.version - 1
        AND p.sha256 = NEW.previous_sha256)
    THEN
        RAISE EXCEPTION 'price snapshot % of booking % does not follow the one before',
            NEW.version, NEW.booking_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$
"""
FOLLOWS = """
CREATE TRIGGER follow_snapshot BEFORE INSERT ON price_snapshots
FOR EACH ROW EXECUTE FUNCTION follow_snapshot()
"""


def _as_hashed(column: str) -> str:
    return (
        "octet_length(sha256) = 32 AND total >= 0"
        f" AND ({column}->'price'->>'total')::bigint IS NOT DISTINCT FROM total"
        f" AND {column}->'price'->>'currency' IS NOT DISTINCT FROM currency"
    )


def upgrade() -> None:
    op.create_table(
        "quotes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("product_type", sa.String(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("request", postgresql.JSONB(), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "product_type IN ('STAY','HOTEL_PACKAGE','TOUR_PACKAGE')", name="quotes_product_type"
        ),
        sa.CheckConstraint(_as_hashed("snapshot"), name="quotes_snapshot"),
        sa.CheckConstraint("expires_at > created_at", name="quotes_expiry"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_quotes_expiry", "quotes", ["expires_at"])
    op.create_index("ux_quotes_booking", "quotes", ["booking_id"], unique=True)
    op.create_table(
        "price_snapshots",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("previous_sha256", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(_as_hashed("data"), name="price_snapshots_data"),
        sa.CheckConstraint(
            "version >= 1 AND (version = 1) = (previous_sha256 IS NULL)",
            name="price_snapshots_version",
        ),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"]),
        sa.PrimaryKeyConstraint("booking_id", "version"),
    )
    op.execute(GUARD_QUOTE)
    op.execute(GUARDS_QUOTE)
    op.execute(REFUSE)
    op.execute(REFUSES)
    op.execute("ALTER TABLE price_snapshots ENABLE ALWAYS TRIGGER append_only")
    op.execute(FOLLOW)
    op.execute(FOLLOWS)
    op.create_index(
        "ix_tour_packages_city",
        "tour_packages",
        ["city_norm", "id"],
        postgresql_where=sa.text("status = 'PUBLISHED'"),
    )


def downgrade() -> None:
    op.drop_index("ix_tour_packages_city", "tour_packages")
    for table in (
        "price_snapshots",
        "quotes",
    ):
        op.drop_table(table)
    for function in ("guard_quote", "refuse_other_prices", "follow_snapshot"):
        op.execute(f"DROP FUNCTION {function}()")
