"""Tables of payments, refunds and disputes. Amounts are in minor units of the payment's currency.

A booking has one payment or more; refunds and disputes name the payment they are of.
"""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Field, SQLModel

from models.core.columns import booking_column, json_column, money_column, time_column, uuid_column

OPEN_PAYMENT = "payment_intent_id IS NOT NULL AND status IN ('pending','authorised')"
"""Payments whose money is held or may still come to be; the condition of an index."""

OPEN_REFUND = "status IN ('pending','requires_action') AND recorded_in IS NOT NULL"
"""Recorded refunds that may still come back; the condition of an index."""

OPEN_DISPUTE = "status = 'open'"
"""Disputes that are not decided; the condition of an index."""


class PaymentRow(SQLModel, table=True):
    """A payment of a booking (contracts.md §1, "Stored per payment")."""

    __tablename__ = "payments"
    __table_args__ = (
        Index("ix_payments_trip_option", "trip_option_id"),
        Index("ix_payments_status", "status"),
        Index("ix_payments_updated", "updated_at"),
        Index("ix_payments_open", "booking_id", postgresql_where=text(OPEN_PAYMENT)),
        CheckConstraint("number > 0", name="payments_number"),
        CheckConstraint("0 <= refunded AND refunded <= captured", name="payments_money"),
        CheckConstraint(
            "status <> 'not_required' OR (amount = 0 AND payment_intent_id IS NULL)",
            name="payments_not_required",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    number: int = Field(primary_key=True)
    """1 is what the booking was paid with; 2, 3, … are later payments."""
    purpose: str
    """``models.bookings.lifecycle.PaymentPurpose``."""
    change_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """The change it pays for; NULL when it does not pay for a change."""
    trip_option_id: str | None = None
    gateway: str
    payment_intent_id: str | None = Field(default=None, unique=True)
    charge_id: str | None = None
    payment_method_id: str | None = None
    """NULL where nothing is to be paid."""
    billing_details: dict[str, Any] | None = Field(
        default=None, sa_column=json_column(nullable=True)
    )
    """As the traveller gave them for the first payment."""
    amount: int = Field(sa_column=money_column())
    currency: str
    status: str
    authorised: int = Field(default=0, sa_column=money_column())
    captured: int = Field(default=0, sa_column=money_column())
    refunded: int = Field(default=0, sa_column=money_column())
    hold: int = 1
    """Its ordinal at the gateway among the booking's payments; a lapsed hold gets the next one."""
    details: dict[str, Any] | None = Field(default=None, sa_column=json_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column())
    updated_at: dt.datetime = Field(sa_column=time_column())


def _of_a_payment(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["booking_id", "payment_number"],
        ["payments.booking_id", "payments.number"],
        name=f"{table}_payment",
    )


class RefundRow(SQLModel, table=True):
    """Money given back. Our refunds are written before the gateway is asked; the row owns the key.

    Never two open requests for one booking: the next one begins when this has been answered. A
    refund belongs to the booking's record once a transition has recorded it (``recorded_in``).
    """

    __tablename__ = "refunds"
    __table_args__ = (
        Index(
            "ux_refunds_open",
            "booking_id",
            unique=True,
            postgresql_where=text("status = 'requested'"),
        ),
        Index("ix_refunds_unsettled", "booking_id", postgresql_where=text(OPEN_REFUND)),
        _of_a_payment("refunds"),
        CheckConstraint("amount > 0", name="refunds_amount"),
        CheckConstraint(
            "status IN ('requested','pending','requires_action','succeeded','failed','canceled',"
            "'refused')",
            name="refunds_status",
        ),
        CheckConstraint(
            "(key IS NULL) = (request IS NULL) AND (key IS NOT NULL OR gateway_id IS NOT NULL)",
            name="refunds_origin",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    number: int = Field(primary_key=True)
    """1, 2, …: equal amounts are told apart by it."""
    payment_number: int | None = None
    """NULL for a payment under the booking's id that is not on record (a stray one)."""
    key: str | None = Field(default=None, unique=True)
    """The idempotency key, ``v1:{booking}:payment:refund:{number}``; NULL: made elsewhere."""
    request: str | None = Field(default=None, unique=True)
    """The business key of what asked for it: one request, one refund. NULL: made elsewhere."""
    payment_intent_id: str
    amount: int = Field(sa_column=money_column())
    currency: str
    reason: str = ""
    status: str = "requested"
    """requested, then the gateway's own; refused when the gateway refused it."""
    gateway_id: str | None = Field(default=None, unique=True)
    failure_reason: str | None = None
    made_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """By the gateway's clock."""
    recorded_in: int | None = None
    """Version of the booking that first recorded it; NULL until a transition has."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class DisputeRow(SQLModel, table=True):
    """A card holder's dispute of a charge, as last recorded by a transition."""

    __tablename__ = "disputes"
    __table_args__ = (
        Index("ix_disputes_booking", "booking_id"),
        Index("ix_disputes_open", "booking_id", postgresql_where=text(OPEN_DISPUTE)),
        _of_a_payment("disputes"),
        CheckConstraint("status IN ('open','won','lost')", name="disputes_status"),
    )

    id: str = Field(primary_key=True)
    """The gateway's."""
    booking_id: str = Field(sa_column=booking_column())
    payment_number: int
    amount: int = Field(sa_column=money_column())
    status: str
    reason: str = ""
    at: dt.datetime = Field(sa_column=time_column())
    """By the gateway's clock."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


PAYMENTS = SQLModel.metadata.tables["payments"]

REFUNDS = SQLModel.metadata.tables["refunds"]

DISPUTES = SQLModel.metadata.tables["disputes"]
