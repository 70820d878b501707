"""Tables of providers: profiles, their members, onboarding steps, history."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Uuid
from sqlmodel import Field, SQLModel

from models.core.columns import json_column, one_of, time_column, uuid_column
from models.marketplace.providers.lifecycle import MemberRole, ProviderType, VerificationStatus


def provider_column(*, primary_key: bool = False) -> Any:
    """Return the column of the provider that a row belongs to."""
    return Column(
        Uuid(as_uuid=False),
        ForeignKey("provider_profiles.id"),
        primary_key=primary_key,
        nullable=False,
    )


class ProviderRow(SQLModel, table=True):
    """A provider's profile; its status only moves along ``provider_transitions`` (a trigger)."""

    __tablename__ = "provider_profiles"
    __table_args__ = (
        Index("ux_provider_profiles_user", "user_id", "provider_type", unique=True),
        Index("ix_provider_profiles_status", "verification_status", "submitted_at", "id"),
        CheckConstraint(one_of("provider_type", ProviderType), name="provider_profiles_type"),
        CheckConstraint(
            one_of("verification_status", VerificationStatus), name="provider_profiles_status"
        ),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    user_id: str = Field(sa_column=uuid_column())
    """Whose it is: its owner."""
    provider_type: str
    display_name: str = ""
    country: str | None = None
    """ISO 3166-1 alpha-2."""
    verification_status: str = VerificationStatus.NOT_STARTED
    version: int = 1
    """Grows by one with every change of the status."""
    submitted_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    approved_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    rejected_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    suspended_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    updated_at: dt.datetime = Field(sa_column=time_column(now=True))


class ProviderMemberRow(SQLModel, table=True):
    """A user who may act for a provider."""

    __tablename__ = "provider_members"
    __table_args__ = (
        Index("ix_provider_members_user", "user_id"),
        CheckConstraint(one_of("role", MemberRole), name="provider_members_role"),
    )

    provider_id: str = Field(sa_column=provider_column(primary_key=True))
    user_id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True, nullable=False))
    role: str
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


class ProviderStepRow(SQLModel, table=True):
    """A step of a provider's onboarding, as far as it was filled in."""

    __tablename__ = "provider_onboarding"

    provider_id: str = Field(sa_column=provider_column(primary_key=True))
    step: str = Field(primary_key=True)
    data: dict[str, Any] = Field(sa_column=json_column())
    completed_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))


class ProviderHistoryRow(SQLModel, table=True):
    """A change of a provider's status: from, to, who, why, when."""

    __tablename__ = "provider_history"

    provider_id: str = Field(sa_column=provider_column(primary_key=True))
    version: int = Field(primary_key=True)
    from_status: str | None = None
    to_status: str
    who: str
    why: str
    at: dt.datetime = Field(sa_column=time_column(now=True))


class ProviderTransitionRow(SQLModel, table=True):
    """An allowed change of a provider's status; the trigger on ``provider_profiles`` reads it."""

    __tablename__ = "provider_transitions"

    from_status: str = Field(primary_key=True)
    to_status: str = Field(primary_key=True)


PROVIDERS = SQLModel.metadata.tables["provider_profiles"]

MEMBERS = SQLModel.metadata.tables["provider_members"]
