"""Tables of quotes, and of the prices that bookings were made at."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Uuid
from sqlmodel import Field, SQLModel

from models.bookings.lifecycle import BookingKind
from models.core.columns import (
    booking_column,
    json_column,
    money_column,
    one_of,
    time_column,
    uuid_column,
)

SOLD_HERE = (BookingKind.STAY, BookingKind.HOTEL_PACKAGE, BookingKind.TOUR_PACKAGE)
"""Kinds of bookings that are made of quotes."""


def _as_hashed(column: str) -> str:
    """Return the condition, in SQL, that amount and hash of a snapshot are the snapshot's."""
    return (
        f"octet_length(sha256) = 32 AND total >= 0"
        f" AND ({column}->'price'->>'total')::bigint IS NOT DISTINCT FROM total"
        f" AND {column}->'price'->>'currency' IS NOT DISTINCT FROM currency"
    )


class QuoteRow(SQLModel, table=True):
    """A price that was told, and stands until it expires; it becomes at most one booking.

    Nothing of it is ever changed but ``booking_id``, once (a trigger).
    """

    __tablename__ = "quotes"
    __table_args__ = (
        Index("ix_quotes_expiry", "expires_at"),
        Index("ux_quotes_booking", "booking_id", unique=True),
        CheckConstraint(one_of("product_type", SOLD_HERE), name="quotes_product_type"),
        CheckConstraint(_as_hashed("snapshot"), name="quotes_snapshot"),
        CheckConstraint("expires_at > created_at", name="quotes_expiry"),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    subject_id: str = Field(sa_column=uuid_column())
    """Who asked: a caller, or a user."""
    user_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    product_type: str
    """A kind of booking (``BookingKind``)."""
    product_id: str = Field(sa_column=uuid_column())
    """Of the listing, the hotel package or the departure."""
    request: dict[str, Any] = Field(sa_column=json_column())
    snapshot: dict[str, Any] = Field(sa_column=json_column())
    """What a booking keeps as its first price snapshot."""
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Of the snapshot's canonical JSON."""
    total: int = Field(sa_column=money_column())
    currency: str
    expires_at: dt.datetime = Field(sa_column=time_column())
    booking_id: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """What it became: set once."""
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


class PriceSnapshotRow(SQLModel, table=True):
    """What a booking costs and on which terms; never changed, followed by the next one.

    Each names the hash of the one before (triggers).
    """

    __tablename__ = "price_snapshots"
    __table_args__ = (
        CheckConstraint(_as_hashed("data"), name="price_snapshots_data"),
        CheckConstraint(
            "version >= 1 AND (version = 1) = (previous_sha256 IS NULL)",
            name="price_snapshots_version",
        ),
    )

    booking_id: str = Field(sa_column=booking_column(primary_key=True))
    version: int = Field(primary_key=True)
    data: dict[str, Any] = Field(sa_column=json_column())
    total: int = Field(sa_column=money_column())
    currency: str
    sha256: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    previous_sha256: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, nullable=True)
    )
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


QUOTES = SQLModel.metadata.tables["quotes"]

PRICE_SNAPSHOTS = SQLModel.metadata.tables["price_snapshots"]
