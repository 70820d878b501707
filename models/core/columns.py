"""Columns that tables share."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB


def uuid_column(*, nullable: bool = False) -> Any:
    """Return a column of a UUID, read as text."""
    return Column(Uuid(as_uuid=False), nullable=nullable)


def booking_column(*, primary_key: bool = False) -> Any:
    """Return the column of the booking that a row belongs to."""
    return Column(
        Uuid(as_uuid=False), ForeignKey("bookings.id"), primary_key=primary_key, nullable=False
    )


def time_column(*, nullable: bool = False, now: bool = False) -> Any:
    """Return a column of a moment (UTC); ``now``: the database's clock by default."""
    return Column(
        DateTime(timezone=True), nullable=nullable, server_default=text("now()") if now else None
    )


def json_column(*, nullable: bool = False) -> Any:
    """Return a column of JSON; None is NULL."""
    return Column(JSONB(none_as_null=True), nullable=nullable)


def money_column(*, nullable: bool = False) -> Any:
    """Return a column of an amount in minor units."""
    return Column(BigInteger, nullable=nullable)


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition, in SQL, that a column has one of some values."""
    allowed = ",".join(f"'{value}'" for value in values)
    return f"{column} IN ({allowed})"
