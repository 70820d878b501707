"""Users: made by the first code that was right, known by their contacts."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from models.accounts import challenges
from models.accounts.challenges import Guess
from models.accounts.errors import AccountBlocked, UserNotFound
from models.accounts.identities import Address, email_address, phone_number
from models.accounts.sessions import NewSession, begin_session, end_sessions
from models.accounts.tables import IdentityKind, Role, UserEventRow, UserRow, UserStatus
from models.core.sealing import Sealer
from models.messages.outbox import Message, post
from models.messages.tables import Channel
from models.messages.templates import Template

USERS = SQLModel.metadata.tables["users"]


@dataclass(frozen=True)
class SignedIn:
    """Somebody has proved an address."""

    user: UserRow
    session: NewSession | None
    """None: the account is blocked."""


def address_of(kind: IdentityKind, typed: str) -> Address:
    """Return an address from how it was typed. Raises AddressUnfit."""
    return email_address(typed) if kind is IdentityKind.EMAIL else phone_number(typed)


def contacts_of(user: UserRow) -> list[Address]:
    """Return where a user is reached."""
    found = []
    if user.email is not None:
        found.append(email_address(user.email))
    if user.phone is not None:
        found.append(phone_number(user.phone))
    return found


async def sign_in(
    session: AsyncSession, pepper: bytes, sealer: Sealer, guessed: Guess, user_agent: str
) -> SignedIn:
    """Use up a right code: make its user at the first one, and begin a session.

    Raises:
        CodeRefused: somebody else just did, or a newer code was sent.
    """
    typed = await challenges.consume(session, sealer, guessed)
    user = await _proved(session, address_of(guessed.kind, typed))
    if user.status != UserStatus.ACTIVE:
        return SignedIn(user, None)
    await challenges.forgive(session, pepper, contacts_of(user))
    begun = await begin_session(session, user.id, guessed.kind, user_agent)
    return SignedIn(user, begun)


async def _proved(session: AsyncSession, address: Address) -> UserRow:
    """Return the user of a proved address, made where there is none; one for each address."""
    if address.kind is IdentityKind.EMAIL:
        typed, norm, at = "email", "email_norm", "email_verified_at"
    else:
        typed, norm, at = "phone", "phone_e164", "phone_verified_at"
    row = await session.execute(
        text(
            f"INSERT INTO users AS u (id, {typed}, {norm}, {at})"  # noqa: S608
            " VALUES (:id, :typed, :norm, clock_timestamp())"
            f" ON CONFLICT ({norm}) DO UPDATE SET {at} = coalesce(u.{at}, excluded.{at})"
            " RETURNING id::text"
        ),
        {"id": str(uuid.uuid4()), "typed": address.typed, "norm": address.norm},
    )
    return await load_user(session, row.scalar_one())


async def load_user(session: AsyncSession, user_id: str, *, lock: bool = False) -> UserRow:
    """Return a user. Raises UserNotFound."""
    query = select(UserRow).where(col(UserRow.id) == user_id)
    found = (await session.scalars(query.with_for_update() if lock else query)).one_or_none()
    if found is None:
        raise UserNotFound
    return found


async def find_user(session: AsyncSession, name: str) -> UserRow:
    """Return the user with this id, mail address or phone number.

    Raises:
        UserNotFound: there is none.
        AddressUnfit: it is written as none of them.
    """
    try:
        which = col(UserRow.id) == str(uuid.UUID(name))
    except ValueError:
        if "@" in name:
            which = col(UserRow.email_norm) == email_address(name).norm
        else:
            which = col(UserRow.phone_e164) == phone_number(name).norm
    found = (await session.scalars(select(UserRow).where(which))).one_or_none()
    if found is None:
        raise UserNotFound
    return found


async def list_users(session: AsyncSession, *, admins: bool = False) -> Sequence[UserRow]:
    """Return users, the newest first; 200 at most."""
    query = select(UserRow).order_by(col(UserRow.created_at).desc(), col(UserRow.id)).limit(200)
    if admins:
        query = query.where(col(UserRow.role) == Role.ADMIN)
    return (await session.scalars(query)).all()


async def change_profile(session: AsyncSession, user_id: str, changes: dict[str, str]) -> UserRow:
    """Change the name that is shown, or the language."""
    if changes:
        await session.execute(update(USERS).where(USERS.c.id == user_id).values(**changes))
    return await load_user(session, user_id)


async def change_contact(
    session: AsyncSession, sealer: Sealer, user_id: str, guessed: Guess
) -> UserRow | None:
    """Use up a right code and make its address the user's contact of its kind.

    Where else the user is reached, and was until now, is told. None: it is another user's contact.

    Raises:
        CodeRefused: the code was just used, or a newer one was sent.
        AccountBlocked: the account was blocked meanwhile.
    """
    typed = await challenges.consume(session, sealer, guessed)
    address = address_of(guessed.kind, typed)
    user = await load_user(session, user_id, lock=True)
    if user.status != UserStatus.ACTIVE:
        raise AccountBlocked(user_id)
    before = contacts_of(user)
    now = func.clock_timestamp()
    if address.kind is IdentityKind.EMAIL:
        values = {"email": address.typed, "email_norm": address.norm, "email_verified_at": now}
    else:
        values = {"phone": address.typed, "phone_e164": address.norm, "phone_verified_at": now}
    try:
        async with session.begin_nested():
            await session.execute(update(USERS).where(USERS.c.id == user_id).values(**values))
    except IntegrityError:  # the challenge is used up all the same
        return None
    if address.norm not in {one.norm for one in before}:
        for old in before:
            await _tell(session, sealer, user, old, Template.CONTACT_CHANGED, kind=address.kind)
        await note(session, user_id, f"user {user_id}", f"changed {address.kind.lower()}")
    await session.refresh(user)
    return user


async def tell(session: AsyncSession, sealer: Sealer, user: UserRow, template: Template) -> None:
    """Have a user told something wherever it is reached."""
    for one in contacts_of(user):
        await _tell(session, sealer, user, one, template)


async def _tell(
    session: AsyncSession,
    sealer: Sealer,
    user: UserRow,
    to: Address,
    template: Template,
    **content: str,
) -> None:
    channel = Channel.EMAIL if to.kind is IdentityKind.EMAIL else Channel.SMS
    await post(session, sealer, Message(channel, to.typed, template, content, locale=user.locale))


async def note(session: AsyncSession, user_id: str, who: str, what: str) -> None:
    """Write down what was done to an account."""
    await session.execute(
        insert(SQLModel.metadata.tables[str(UserEventRow.__tablename__)]).values(
            user_id=user_id, who=who, what=what, at=func.clock_timestamp()
        )
    )


# -- what operators do -------------------------------------------------------------------------


async def set_role(session: AsyncSession, user_id: str, role: Role, who: str) -> None:
    """Make a user an admin, or no admin any more."""
    await _set(session, user_id, who, f"made {role.lower()}", role=role)


async def set_status(session: AsyncSession, user_id: str, status: UserStatus, who: str) -> None:
    """Block a user, whose sessions end, or let it sign in again."""
    await _set(session, user_id, who, f"made {status.lower()}", status=status)
    if status is not UserStatus.ACTIVE:
        await end_sessions(session, user_id)


async def unlock(session: AsyncSession, pepper: bytes, user_id: str, who: str) -> None:
    """Begin counting a user's wrong codes anew."""
    user = await load_user(session, user_id)
    await challenges.forgive(session, pepper, contacts_of(user))
    await note(session, user_id, who, "unlocked")


async def _set(session: AsyncSession, user_id: str, who: str, what: str, **values: str) -> None:
    await session.execute(update(USERS).where(USERS.c.id == user_id).values(**values))
    await note(session, user_id, who, what)
