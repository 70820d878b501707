"""Tables of the ledger. Rows are only ever added: triggers refuse everything else (0003_ledger).

Amounts are integers in minor units, times are UTC.
"""

import datetime as dt

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

import models.bookings.tables  # noqa: F401  (entries refer to bookings)


class LedgerEntryRow(SQLModel, table=True):
    """One journal entry: why money moved. Its lines say from where to where."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("entry_type", "source_id", name="ux_ledger_entries_source"),
        Index(
            "ux_ledger_entries_chain",
            "booking_id",
            "previous_hash",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_ledger_entries_created", "created_at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    entry_type: str
    source_id: str
    """What it was made from; with the type unique, so that nothing is written twice."""
    booking_id: str | None = Field(
        default=None,
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("bookings.id"), nullable=True),
    )
    description: str
    created_at: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    previous_hash: str
    """Of the booking's entry before this one. Unique, so that a chain cannot fork."""
    hash: str
    """SHA-256, hex, over the previous hash and everything this entry says (models.ledger.chain)."""
    transaction: int = Field(sa_column=Column(BigInteger, nullable=False))
    """The transaction that wrote it (a trigger's doing); only that one may add its lines."""


class LedgerLineRow(SQLModel, table=True):
    """One side of an entry. The lines of an entry sum to zero in every currency, at commit."""

    __tablename__ = "ledger_lines"
    __table_args__ = (
        CheckConstraint(
            "account IN ('TRAVELER','PROVIDER_EARNINGS','COMMISSION','GATEWAY','FEES','SUSPENSE')",
            name="ledger_lines_account",
        ),
        CheckConstraint("direction IN ('DEBIT','CREDIT')", name="ledger_lines_direction"),
        CheckConstraint("amount > 0", name="ledger_lines_amount"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="ledger_lines_currency"),
        Index("ix_ledger_lines_account", "account", "owner", "currency"),
    )

    entry_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("ledger_entries.id"), primary_key=True)
    )
    number: int = Field(primary_key=True)
    account: str
    owner: str = ""
    direction: str
    amount: int = Field(sa_column=Column(BigInteger, nullable=False))
    currency: str
    signed: int = Field(
        sa_column=Column(
            BigInteger,
            Computed("CASE direction WHEN 'DEBIT' THEN amount ELSE -amount END", persisted=True),
            nullable=False,
        )
    )
    """Debits positive, credits negative."""


class CommissionRuleRow(SQLModel, table=True):
    """What the company earns of a sale, from a moment on. A new rule replaces, it never edits."""

    __tablename__ = "commission_rules"
    __table_args__ = (
        CheckConstraint("basis_points BETWEEN 0 AND 10000", name="commission_rules_share"),
        CheckConstraint(
            "provider IS NULL OR supplier IS NOT NULL", name="commission_rules_provider"
        ),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    supplier: str | None = None
    """NULL: for all that have no rule of their own."""
    provider: str | None = None
    """Who delivers at that supplier (airline, hotel, operator); NULL: all of them."""
    basis_points: int
    """Hundredths of a per cent of the price."""
    valid_from: dt.datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    created_at: dt.datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    )
    who: str


LEDGER_ENTRIES = SQLModel.metadata.tables["ledger_entries"]
LEDGER_LINES = SQLModel.metadata.tables["ledger_lines"]
COMMISSION_RULES = SQLModel.metadata.tables["commission_rules"]
