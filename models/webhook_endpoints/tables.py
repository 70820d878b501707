"""The tables of outgoing webhooks (record-and-marketplace.md §5.5)."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    String,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.core.columns import one_of, time_column, uuid_column


class EndpointStatus(StrEnum):
    """Whether an endpoint is sent anything."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    """By its caller, or because none of the caller's keys is valid any more."""
    DISABLED = "DISABLED"
    """By us, because it failed for too long, or said itself that it is gone (410)."""


class DeliveryState(StrEnum):
    """What became of a delivery."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    """Every attempt of the schedule failed."""
    DROPPED = "DROPPED"
    """It was not sent (any more); ``last_error`` says why."""


_PENDING = text("state = 'PENDING'")


class EndpointRow(SQLModel, table=True):
    """Where a caller wants to be told of the events of its bookings."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint(one_of("status", EndpointStatus), name="webhook_endpoints_status"),
        CheckConstraint("secret_generation > 0", name="webhook_endpoints_generation"),
        Index("ux_webhook_endpoints_url", "caller_id", "url", unique=True),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    caller_id: str = Field(
        sa_column=Column(Uuid(as_uuid=False), ForeignKey("callers.id"), nullable=False)
    )
    url: str
    description: str = Field(default="", sa_column_kwargs={"server_default": ""})
    types: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    """Types of events; empty: all."""
    secret_generation: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """The secret is made of it; see :mod:`models.webhook_endpoints.signing`."""
    old_generation_until: dt.datetime | None = Field(
        default=None, sa_column=time_column(nullable=True)
    )
    """Until then what is sent is signed with the secret before this one, too."""
    rotation: str | None = Field(default=None, sa_column=uuid_column(nullable=True))
    """The operation that made the secret; NULL: the endpoint's first."""
    status: str = Field(
        default=EndpointStatus.ACTIVE, sa_column_kwargs={"server_default": "ACTIVE"}
    )
    disabled_reason: str | None = None
    """Why it is not active."""
    missing_after: int | None = Field(default=None, sa_column=Column(BigInteger, nullable=True))
    """Behind this position of the feed it was not told of everything."""
    first_failure_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """Since then every attempt has failed; NULL after a success."""
    last_failure_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


class DeliveryRow(SQLModel, table=True):
    """An event that is to be delivered to an endpoint, or was.

    It outlives its endpoint until it is as old as everything that is forgotten.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint(one_of("state", DeliveryState), name="webhook_deliveries_state"),
        Index(
            "ix_webhook_deliveries_due",
            "endpoint_id",
            "next_at",
            "position",
            postgresql_where=_PENDING,
        ),
        Index(
            "ix_webhook_deliveries_order",
            "endpoint_id",
            "booking_id",
            "position",
            postgresql_where=_PENDING,
        ),
        Index("ix_webhook_deliveries_oldest", "created_at", postgresql_where=_PENDING),
        Index(
            "ix_webhook_deliveries_leased",
            "endpoint_id",
            postgresql_where=text("leased_until IS NOT NULL"),
        ),
        Index("ix_webhook_deliveries_list", "endpoint_id", "state", text("position DESC")),
        Index("ix_webhook_deliveries_created", "created_at"),
    )

    endpoint_id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    """Of the event in the feed."""
    event_id: str = Field(sa_column=uuid_column())
    booking_id: str = Field(sa_column=uuid_column())
    type: str
    state: str = Field(
        default=DeliveryState.PENDING, sa_column_kwargs={"server_default": "PENDING"}
    )
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often it was claimed; an outcome that comes after a later claim changes nothing."""
    next_at: dt.datetime = Field(sa_column=time_column(now=True))
    """When it is to be sent; ahead of time while somebody does (a lease)."""
    leased_until: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """Until then it counts as under way."""
    last_status: int | None = None
    last_error: str | None = None
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    ended_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))


class AttemptRow(SQLModel, table=True):
    """One request to an endpoint, and what came of it; never changed."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        Index("ix_webhook_attempts_delivery", "endpoint_id", "position", "id"),
        Index("ix_webhook_attempts_at", "at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    endpoint_id: str = Field(sa_column=uuid_column())
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    attempt: int
    at: dt.datetime = Field(sa_column=time_column(now=True))
    milliseconds: int
    status: int | None = None
    """NULL: there was no answer."""
    error: str | None = None
    location: str | None = None
    """Where a redirect pointed to; nobody went there."""
    answer: str | None = None
    """How the answer's body begins."""


ENDPOINTS = SQLModel.metadata.tables["webhook_endpoints"]
DELIVERIES = SQLModel.metadata.tables["webhook_deliveries"]
ATTEMPTS = SQLModel.metadata.tables["webhook_attempts"]
