"""Tables of payments, supplements and refunds. Amounts are in minor units."""

import datetime as dt
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    String,
    Uuid,
    column,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, json_column, money_column, time_column

OPEN_PAYMENT = (
    "payment_intent_id IS NOT NULL AND (status IN ('pending','authorised')"
    """ OR refunds @> '[{"status": "pending"}]' OR refunds @> '[{"status": "requires_action"}]'"""
    """ OR disputes @> '[{"status": "open"}]')"""
)
"""Payments whose money may still move by itself; the condition of an index."""


class PaymentRow(SQLModel, table=True):
    """The payment of a booking (contracts.md §1, "Stored per payment")."""

    __tablename__ = "payments"
    __table_args__ = (
        Index("ix_payments_trip_option", "trip_option_id"),
        Index("ix_payments_status", "status"),
        Index("ix_payments_updated", "updated_at"),
        Index("ix_payments_open", "booking_id", postgresql_where=text(OPEN_PAYMENT)),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    trip_option_id: str | None = None
    payment_intent_id: str | None = Field(default=None, unique=True)
    charge_id: str | None = None
    payment_method_id: str | None = None
    billing_details: dict[str, Any] = Field(sa_column=json_column())
    amount: int = Field(sa_column=money_column())
    currency: str
    status: str
    authorised: int = Field(default=0, sa_column=money_column())
    captured: int = Field(default=0, sa_column=money_column())
    refunded: int = Field(default=0, sa_column=money_column())
    refunds: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    disputes: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    paid_by_hand: int = Field(default=0, sa_column=money_column())
    goodwill: int = Field(default=0, sa_column=money_column())
    hold: int = 1
    """Which payment of the booking this is; a hold that lapsed was replaced by another."""
    details: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column())
    updated_at: dt.datetime = Field(sa_column=time_column())


class SupplementRow(SQLModel, table=True):
    """A further payment of a booking: what a change of it cost more."""

    __tablename__ = "supplements"
    __table_args__ = (
        Index("ix_supplements_updated", "updated_at"),
        Index("ix_supplements_open", "booking_id", postgresql_where=text(OPEN_PAYMENT)),
        CheckConstraint("number > 0", name="supplements_number"),
        CheckConstraint(
            "0 <= refunded AND refunded <= captured AND captured <= amount",
            name="supplements_money",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    number: int = Field(primary_key=True)
    """1, 2, …: the first payment is the one in ``payments``."""
    payment_intent_id: str | None = Field(default=None, unique=True)
    charge_id: str | None = None
    payment_method_id: str
    amount: int = Field(sa_column=money_column())
    currency: str
    status: str
    authorised: int = Field(default=0, sa_column=money_column())
    captured: int = Field(default=0, sa_column=money_column())
    refunded: int = Field(default=0, sa_column=money_column())
    refunds: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    disputes: list[dict[str, Any]] = Field(default_factory=list, sa_column=json_column())
    hold: int
    """Its count at the gateway (``models.payments.supplements``)."""
    details: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column())
    updated_at: dt.datetime = Field(sa_column=time_column())


class RefundRow(SQLModel, table=True):
    """Money to be given back: written before the gateway is asked, owner of the key.

    Never two open rows for one booking: the next refund begins when this one has been answered.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        Index(
            "ux_refunds_open",
            "booking_id",
            unique=True,
            postgresql_where=text("status = 'requested'"),
        ),
        CheckConstraint("amount > 0", name="refunds_amount"),
        CheckConstraint(
            "status IN ('requested','pending','requires_action','succeeded','failed','canceled',"
            "'refused')",
            name="refunds_status",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    number: int = Field(primary_key=True)
    """1, 2, …: equal amounts are told apart by it."""
    key: str = Field(unique=True)
    """The idempotency key, ``v1:{booking}:payment:refund:{number}``."""
    request: str = Field(unique=True)
    """The business key of what asked for it: one request, one refund."""
    payment_intent_id: str
    amount: int = Field(sa_column=money_column())
    currency: str
    reason: str = ""
    items: dict[str, Any] = Field(default_factory=dict, sa_column=json_column())
    """What of it is for which item: amounts in minor units by item number."""
    status: str = "requested"
    """requested, then the gateway's own; refused when the gateway said no."""
    gateway_id: str | None = Field(default=None, unique=True)
    failure_reason: str | None = None
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


PAYMENTS = SQLModel.metadata.tables["payments"]

SUPPLEMENTS = SQLModel.metadata.tables["supplements"]

REFUNDS = SQLModel.metadata.tables["refunds"]

EVERY_PAYMENT = table(
    "every_payment",
    column("booking_id", Uuid(as_uuid=False)),
    column("number", Integer),
    column("payment_intent_id", String),
)
"""A view: the first payment of each booking and its supplements, one row each."""

MONEY = table(
    "booking_money",
    column("booking_id", Uuid(as_uuid=False)),
    column("captured", BigInteger),
    column("refunded", BigInteger),
    column("disputes", JSONB),
    column("paid_by_hand", BigInteger),
    column("goodwill", BigInteger),
)
"""A view: what the payments of each booking come to together."""
