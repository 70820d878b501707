"""The tables of users and of how they sign in (record-and-marketplace.md §3.1, decision 0114)."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Uuid,
    text,
)
from sqlmodel import Field, SQLModel

from models.core.columns import one_of, time_column

MOST_ATTEMPTS = 5
"""Guesses at one code (NIST 800-63B-4 and S3 ask for a bound; §3.5 says five)."""


class Role(StrEnum):
    """What a user is beside a traveller."""

    TRAVELER = "TRAVELER"
    ADMIN = "ADMIN"


class UserStatus(StrEnum):
    """Whether a user may sign in."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    ERASED = "ERASED"


class IdentityKind(StrEnum):
    """At what somebody is reached."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"


def _hash_column(*, nullable: bool = False, primary_key: bool = False) -> Any:
    return Column(LargeBinary, nullable=nullable, primary_key=primary_key)


def _user_column(*, nullable: bool = False, primary_key: bool = False) -> Any:
    return Column(
        Uuid(as_uuid=False), ForeignKey("users.id"), nullable=nullable, primary_key=primary_key
    )


class UserRow(SQLModel, table=True):
    """A person. Addresses stand here only once a code has proved them."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(one_of("role", Role), name="users_role"),
        CheckConstraint(one_of("status", UserStatus), name="users_status"),
        CheckConstraint(
            "status = 'ERASED' OR email_norm IS NOT NULL OR phone_e164 IS NOT NULL",
            name="users_contact",
        ),
        CheckConstraint("(email IS NULL) = (email_norm IS NULL)", name="users_email"),
        CheckConstraint("(phone IS NULL) = (phone_e164 IS NULL)", name="users_phone"),
        Index("ux_users_email_norm", "email_norm", unique=True),
        Index("ux_users_phone_e164", "phone_e164", unique=True),
        Index("ix_users_admins", "role", postgresql_where=text("role = 'ADMIN'")),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    email: str | None = None
    """As it was typed: what is sent goes there."""
    email_norm: str | None = None
    phone: str | None = None
    phone_e164: str | None = None
    email_verified_at: dt.datetime | None = Field(
        default=None, sa_column=time_column(nullable=True)
    )
    phone_verified_at: dt.datetime | None = Field(
        default=None, sa_column=time_column(nullable=True)
    )
    display_name: str | None = None
    locale: str = Field(default="en", sa_column_kwargs={"server_default": "en"})
    role: str = Field(default=Role.TRAVELER, sa_column_kwargs={"server_default": "TRAVELER"})
    status: str = Field(default=UserStatus.ACTIVE, sa_column_kwargs={"server_default": "ACTIVE"})
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


class IdentityRow(SQLModel, table=True):
    """Wrong codes for an address in a row, over all its challenges; of unknown people too."""

    __tablename__ = "auth_identities"
    __table_args__ = (CheckConstraint(one_of("kind", IdentityKind), name="auth_identities_kind"),)

    kind: str = Field(primary_key=True)
    value_hash: bytes = Field(sa_column=_hash_column(primary_key=True))
    """HMAC of the normalised address."""
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    locked_until: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """No code is sent before."""


class ChallengeRow(SQLModel, table=True):
    """A code that was asked for; also what the limits on sending count."""

    __tablename__ = "auth_challenges"
    __table_args__ = (
        CheckConstraint(one_of("kind", IdentityKind), name="auth_challenges_kind"),
        CheckConstraint(f"attempts BETWEEN 0 AND {MOST_ATTEMPTS}", name="auth_challenges_attempts"),
        CheckConstraint("octet_length(code_hash) = 32", name="auth_challenges_code"),
        Index("ix_auth_challenges_expiry", "expires_at"),
        Index("ix_auth_challenges_identity", "kind", "value_hash", text("created_at DESC")),
        Index("ix_auth_challenges_network", "network_hash", "created_at"),
        Index(
            "ix_auth_challenges_country",
            "country",
            "created_at",
            postgresql_where=text("country IS NOT NULL"),
        ),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    kind: str
    value_hash: bytes = Field(sa_column=_hash_column())
    user_id: str | None = Field(default=None, sa_column=_user_column(nullable=True))
    """Who wants this address as a contact; NULL: somebody signs in."""
    address: bytes | None = Field(default=None, sa_column=_hash_column(nullable=True))
    """The address as typed, encrypted; wiped when the code can be used no more."""
    code_hash: bytes = Field(sa_column=_hash_column())
    """HMAC of id and code: with neither the pepper nor the code nothing can be told from it."""
    client_hash: bytes = Field(sa_column=_hash_column())
    network_hash: bytes = Field(sa_column=_hash_column())
    """HMAC of the /24 or /64 that asked."""
    country: str | None = None
    """Of a text, two letters."""
    attempts: int = Field(
        default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0")
    )
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    expires_at: dt.datetime = Field(sa_column=time_column())
    consumed_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    invalidated_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """A newer code was sent to the address."""


class SessionRow(SQLModel, table=True):
    """Somebody is signed in, in one browser or program."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="sessions_token"),
        Index("ux_sessions_id", "id", unique=True),
        Index("ix_sessions_user", "user_id", postgresql_where=text("revoked_at IS NULL")),
        Index("ix_sessions_expiry", "expires_at"),
    )

    token_hash: bytes = Field(sa_column=_hash_column(primary_key=True))
    """SHA-256: a token has 256 random bits, so a fast hash is enough."""
    id: str = Field(sa_column=Column(Uuid(as_uuid=False), nullable=False))
    """What people name it by; it opens nothing."""
    user_id: str = Field(sa_column=_user_column())
    method: str
    """Where the code was sent: EMAIL or PHONE."""
    user_agent: str = Field(default="", sa_column_kwargs={"server_default": ""})
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    last_seen_at: dt.datetime = Field(sa_column=time_column(now=True))
    """To the minute."""
    expires_at: dt.datetime = Field(sa_column=time_column())
    second_factor_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """When a second factor was last proved in it."""
    revoked_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))


class SecondFactorRow(SQLModel, table=True):
    """An authenticator application (TOTP, RFC 6238) of a user."""

    __tablename__ = "second_factors"

    user_id: str = Field(sa_column=_user_column(primary_key=True))
    secret: bytes = Field(sa_column=_hash_column())
    """Encrypted."""
    confirmed_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    last_step: int = Field(
        default=0, sa_column=Column(BigInteger, nullable=False, server_default="0")
    )
    """The newest time step that was accepted: none is accepted twice."""
    failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Wrong codes in a row."""
    locked_until: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    created_at: dt.datetime = Field(sa_column=time_column(now=True))


class UserEventRow(SQLModel, table=True):
    """What was done to an account, by whom; never changed."""

    __tablename__ = "user_events"
    __table_args__ = (Index("ix_user_events_user", "user_id", "id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    user_id: str = Field(sa_column=_user_column())
    who: str
    what: str
    at: dt.datetime = Field(sa_column=time_column(now=True))
