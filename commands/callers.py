"""API keys of service callers: made here, shown once, kept as a hash (table ``callers``)."""

import datetime as dt
import hashlib
import secrets
import uuid
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from localworld.services import write_private
from models.core.callers import Caller

Role = Literal["planner", "operator"]
PREFIX = "ts_"
_SHOWN = 8
"""Characters of a key by which people recognise it."""


def new_key() -> str:
    """Return a new key: ``ts_`` and 256 random bits in 43 URL-safe characters."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """Return what the database keeps of a key: SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def create(engine: Engine, name: str, *, role: Role = "planner", key: str | None = None) -> str:
    """Make a caller and return its key, which cannot be had again."""
    key = key or new_key()
    with Session(engine) as session:
        session.add(
            Caller(
                id=str(uuid.uuid4()),
                name=name,
                key_hash=key_hash(key),
                key_prefix=key[:_SHOWN],
                role=role,
                created_at=dt.datetime.now(dt.UTC),
            )
        )
        session.commit()
    return key


def list_all(engine: Engine) -> list[Caller]:
    """Return all callers, oldest first, revoked ones too."""
    with Session(engine) as session:
        return list(session.exec(select(Caller).order_by(col(Caller.created_at), col(Caller.id))))


def revoke(engine: Engine, which: str) -> list[Caller]:
    """Revoke the keys of a caller, named by id, name or the shown start of its key.

    Returns what was revoked; empty when nothing matches. A running API may honour a key for a
    few seconds more.
    """
    with Session(engine, expire_on_commit=False) as session:
        found = [
            caller
            for caller in session.exec(select(Caller).where(col(Caller.revoked_at).is_(None)))
            if which in (caller.id, caller.name, caller.key_prefix)
        ]
        for caller in found:
            caller.revoked_at = dt.datetime.now(dt.UTC)
            session.add(caller)
        session.commit()
    return found


def let_hand_in_trips(engine: Engine, which: str, *, allowed: bool) -> list[Caller]:
    """Say whether a caller, named by id or name, may hand in trips; returns who was meant.

    A running API takes a few seconds to know.
    """
    with Session(engine, expire_on_commit=False) as session:
        found = [one for one in session.exec(select(Caller)) if which in (one.id, one.name)]
        for caller in found:
            caller.may_hand_in_trips = allowed
            session.add(caller)
        session.commit()
    return found


def ensure_local(engine: Engine, file: Path) -> str:
    """Return the key in ``file``, made when missing, and see that the database knows it.

    The same key for the life of ``var/``: a caller's bookings belong to the caller.
    """
    try:
        key = file.read_text().strip()
    except FileNotFoundError:
        key = ""
    if not key:
        key = new_key()
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, key + "\n")
    with Session(engine) as session:
        known = session.exec(
            select(Caller).where(
                col(Caller.key_hash) == key_hash(key), col(Caller.revoked_at).is_(None)
            )
        ).first()
        if known is None:
            # Revoked, or the database is another one than when the key was made.
            revoked = session.exec(select(Caller).where(Caller.key_hash == key_hash(key))).first()
            if revoked is not None:
                key = new_key()
                write_private(file, key + "\n")
            create(engine, "local", role="operator", key=key)
    return key
