"""The outbox of mails and texts: a row is written in the transaction that makes it true."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Uuid, text
from sqlmodel import Field, SQLModel

from models.core.columns import json_column, one_of, time_column


class Channel(StrEnum):
    """How somebody is told something."""

    EMAIL = "EMAIL"
    SMS = "SMS"


class MessageState(StrEnum):
    """What became of a message."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    """The next server has taken it. Whether it arrives is not known."""
    FAILED = "FAILED"
    """It is not tried (again); ``last_error`` says why."""


class MessageRow(SQLModel, table=True):
    """A mail or a text that is to be sent, or was."""

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint(one_of("channel", Channel), name="messages_channel"),
        CheckConstraint(one_of("state", MessageState), name="messages_state"),
        CheckConstraint("state = 'QUEUED' OR secret IS NULL", name="messages_secret"),
        Index("ix_messages_due", "due_at", postgresql_where=text("state = 'QUEUED'")),
        Index("ix_messages_created", "created_at"),
    )

    id: str = Field(sa_column=Column(Uuid(as_uuid=False), primary_key=True))
    """Also names it to the servers that take it, whenever it is sent again."""
    channel: str
    recipient: str
    template: str
    locale: str = Field(default="en", sa_column_kwargs={"server_default": "en"})
    content: dict[str, Any] = Field(sa_column=json_column())
    """What the template tells."""
    secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """What else it tells, encrypted, such as a code; wiped when the message has ended."""
    state: str = Field(default=MessageState.QUEUED, sa_column_kwargs={"server_default": "QUEUED"})
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """How often it was claimed; an outcome that comes after a later claim changes nothing."""
    due_at: dt.datetime = Field(sa_column=time_column(now=True))
    """When it is to be sent; ahead of time while somebody does (a lease)."""
    expires_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))
    """It is not sent later."""
    last_error: str | None = None
    created_at: dt.datetime = Field(sa_column=time_column(now=True))
    ended_at: dt.datetime | None = Field(default=None, sa_column=time_column(nullable=True))


MESSAGES = SQLModel.metadata.tables["messages"]
