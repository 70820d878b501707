"""Callers of the API and their keys: made here, shown once, kept as a hash."""

import datetime as dt
import hashlib
import itertools
import secrets
import uuid
from collections.abc import Collection, Sequence
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from localworld.services import write_private
from models.core.callers import PLANNER, Caller, CallerKey, Scope
from models.core.incoming import UnfitText, expect_fit

PREFIX = "ts_"
_SHOWN = 8
"""Characters of a key by which people recognise it."""
_LONGEST_NAME = 100


class CallerError(Exception):
    """What was asked for cannot be done; the message says why."""


def new_key() -> str:
    """Return a new key: ``ts_`` and 256 random bits in 43 URL-safe characters."""
    return PREFIX + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """Return what the database keeps of a key: SHA-256 in hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def create(
    engine: Engine,
    name: str,
    *,
    scopes: Collection[Scope] = PLANNER,
    key: str | None = None,
    lives: dt.timedelta | None = None,
) -> str:
    """Make a caller and return its first key, which cannot be had again.

    Raises:
        CallerError: the name is empty, not printable, or another caller's.
    """
    name = _checked(name)
    with Session(engine) as session:
        if _named(session, name) is not None:
            raise CallerError(f"there is a caller {name!r} already; `tripsaga key rotate` gives it")
        caller = Caller(id=str(uuid.uuid4()), name=name, created_at=_now())
        _grant(caller, scopes)
        session.add(caller)
        session.flush()
        key = _add_key(session, caller, name=None, key=key, lives=lives)
        session.commit()
    return key


def rotate(
    engine: Engine,
    who: str,
    *,
    name: str | None = None,
    lives: dt.timedelta | None = None,
    overlap: dt.timedelta,
) -> str:
    """Give a caller, named by name or id, another key; its earlier ones expire after ``overlap``.

    The caller stays who it was: its bookings and idempotency keys are found with every key.

    Raises:
        CallerError: there is no such caller, or it has a key of that name.
    """
    with Session(engine) as session:
        caller = _named(session, who)
        if caller is None:
            raise CallerError(f"there is no caller {who!r}")
        end = _now() + overlap
        for old in _keys(session, caller):
            if old.expires_at is None or old.expires_at > end:
                old.expires_at = end
                session.add(old)
        key = _add_key(session, caller, name=name, lives=lives)
        session.commit()
    return key


def list_all(engine: Engine) -> list[tuple[Caller, CallerKey]]:
    """Return all keys with their callers, oldest first; expired and revoked ones too."""
    with Session(engine, expire_on_commit=False) as session:
        rows = session.exec(
            select(Caller, CallerKey)
            .join(CallerKey, col(CallerKey.caller_id) == col(Caller.id))
            .order_by(col(Caller.created_at), col(Caller.id), col(CallerKey.created_at))
        )
        return [(caller, key) for caller, key in rows]


def revoke(engine: Engine, which: str) -> list[tuple[Caller, CallerKey]]:
    """Revoke one key, named by its start, or all keys of a caller, named by name or id.

    Returns what was revoked; empty when nothing matches. A running API may honour a key for a
    few seconds more.

    Raises:
        CallerError: several keys begin like this.
    """
    with Session(engine, expire_on_commit=False) as session:
        valid = session.exec(
            select(Caller, CallerKey)
            .join(CallerKey, col(CallerKey.caller_id) == col(Caller.id))
            .where(col(CallerKey.revoked_at).is_(None))
        ).all()
        found = [(caller, key) for caller, key in valid if which in (caller.id, caller.name)]
        if not found:
            found = [(caller, key) for caller, key in valid if key.prefix == which]
            if len(found) > 1:
                names = ", ".join(f"{caller.name!r} ({key.name})" for caller, key in found)
                raise CallerError(f"keys of {names} begin with {which!r}: name the caller")
        for _, key in found:
            key.revoked_at = _now()
            session.add(key)
        session.commit()
    return found


def grant(engine: Engine, who: str, scopes: Collection[Scope]) -> Caller:
    """Give a caller, named by name or id, these scopes and no others; returns it.

    A running API takes a few seconds to know.

    Raises:
        CallerError: there is no such caller.
    """
    with Session(engine, expire_on_commit=False) as session:
        caller = _named(session, who)
        if caller is None:
            raise CallerError(f"there is no caller {who!r}")
        _grant(caller, scopes)
        session.add(caller)
        session.commit()
    return caller


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

    The same key for the life of ``var/``, and one caller for the life of the database: bookings
    belong to it.
    """
    try:
        key = file.read_text().strip()
    except FileNotFoundError:
        key = ""
    with Session(engine) as session:
        known = session.get(CallerKey, key_hash(key)) if key else None
        if known is not None and known.revoked_at is None and known.expires_at is None:
            return key
        if not key or known is not None:  # ended: it must not come back to life
            key = new_key()
            file.parent.mkdir(parents=True, exist_ok=True)
            write_private(file, key + "\n")
        caller = _named(session, "local")
        if caller is not None:
            _add_key(session, caller, name=None, key=key)
            session.commit()
            return key
    return create(engine, "local", scopes=[Scope.OPERATOR], key=key)


def _grant(caller: Caller, scopes: Collection[Scope]) -> None:
    caller.scopes = sorted(set(scopes))
    caller.role = "operator" if Scope.OPERATOR in scopes else "planner"


def _checked(name: str) -> str:
    try:
        expect_fit(name, "name")
    except UnfitText as error:
        raise CallerError(str(error)) from error
    name = " ".join(name.split())
    if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise CallerError(f"a name has 1 to {_LONGEST_NAME} printable characters")
    return name


def _named(session: Session, who: str) -> Caller | None:
    """Return the caller with this name or id, held still until the transaction ends."""
    for caller in session.exec(select(Caller).with_for_update()):
        if who in (caller.id, caller.name):
            return caller
    return None


def _keys(session: Session, caller: Caller) -> Sequence[CallerKey]:
    return session.exec(select(CallerKey).where(CallerKey.caller_id == caller.id)).all()


def _add_key(
    session: Session,
    caller: Caller,
    *,
    name: str | None,
    key: str | None = None,
    lives: dt.timedelta | None = None,
) -> str:
    key = key or new_key()
    names = {known.name for known in _keys(session, caller)}
    if name is None:
        name = next(str(n) for n in itertools.count(len(names) + 1) if str(n) not in names)
    name = _checked(name)
    if name in names:
        raise CallerError(f"{caller.name!r} has a key {name!r} already")
    session.add(
        CallerKey(
            key_hash=key_hash(key),
            caller_id=caller.id,
            name=name,
            prefix=key[:_SHOWN],
            created_at=_now(),
            expires_at=_now() + lives if lives else None,
        )
    )
    return key


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
