"""``tripsaga users``: who has an account, and what only operators do to one."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from commands import record
from commands.asking import Yes, agree
from commands.options import AsJson
from commands.output import Code, as_json, give_up, out
from commands.target import find_target
from models.accounts import second_factor, users
from models.accounts.tables import Role, UserRow, UserStatus
from models.core.domain_errors import DomainError
from models.messages.templates import Template

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List users; make admins, block, unlock, reset a second factor.",
)
Who = Annotated[
    str, typer.Argument(metavar="USER", help="The user's id, mail address or phone number.")
]
WHO = "operator at the command line"
"""Whom an account's history names; the machine's own log says who that was."""


@app.command("list")
def list_(
    *,
    admins: Annotated[bool, typer.Option("--admins", help="Only admins.")] = False,
    json: AsJson = False,
) -> None:
    """List users, the newest first; 200 at most."""
    rows = record.read(lambda session: users.list_users(session, admins=admins))
    if json:
        as_json([row.model_dump() for row in rows])
        return
    table = Table(box=None, header_style="dim")
    table.add_column("id", min_width=36)
    table.add_column("contacts", overflow="fold")
    for name in ("role", "status", "since"):
        table.add_column(name, no_wrap=True)
    for row in rows:
        contacts = ", ".join(one for one in (row.email, row.phone) if one)
        since = f"{row.created_at:%Y-%m-%d %H:%M}"
        table.add_row(row.id, escape(contacts), row.role.lower(), row.status.lower(), since)
    out.print(table if rows else "There are no users.")


@app.command("grant-admin")
def grant_admin(user: Who) -> None:
    """Make a user an admin, who proves a second factor in every session."""
    _change(user, lambda session, row: users.set_role(session, row.id, Role.ADMIN, WHO))
    _done(user, "is an admin, once a second factor is enrolled")


@app.command("revoke-admin")
def revoke_admin(user: Who) -> None:
    """Make an admin a traveller again, from the next request on."""
    _change(user, lambda session, row: users.set_role(session, row.id, Role.TRAVELER, WHO))
    _done(user, "is no admin any more")


@app.command()
def block(user: Who) -> None:
    """Block a user: its sessions end, and no code begins another one."""
    _change(user, lambda session, row: users.set_status(session, row.id, UserStatus.BLOCKED, WHO))
    _done(user, "is blocked, and signed out everywhere")


@app.command()
def unblock(user: Who) -> None:
    """Let a blocked user sign in again."""
    _change(user, lambda session, row: users.set_status(session, row.id, UserStatus.ACTIVE, WHO))
    _done(user, "may sign in again")


@app.command()
def unlock(user: Who) -> None:
    """Have codes sent again to a user of whom a hundred in a row were wrong."""
    pepper = find_target().settings.pepper
    _change(user, lambda session, row: users.unlock(session, pepper, row.id, WHO))
    _done(user, "is sent codes again")


@app.command("reset-second-factor")
def reset_second_factor(user: Who, *, yes: Yes = False) -> None:
    """Take a lost second factor away; the user is told, and enrols another one.

    Make sure first, by another way than mail, that it is the user who asks.
    """
    agree(f"Take the second factor of {user} away?", yes=yes)
    sealer = find_target().settings.key_ring

    async def work(session: AsyncSession, row: UserRow) -> None:
        if await second_factor.reset(session, row.id):
            await users.note(session, row.id, WHO, "reset second factor")
            await users.tell(session, sealer, row, Template.SECOND_FACTOR_RESET)

    _change(user, work)
    _done(user, "has no second factor any more, and was told so")


def _change(user: str, work: Callable[[AsyncSession, UserRow], Awaitable[None]]) -> None:
    async def found(session: AsyncSession) -> None:
        await work(session, await users.find_user(session, user))

    try:
        record.write(found)
    except DomainError as error:
        give_up(str(error), code=Code.REFUSED, mend="`tripsaga users list` shows who there is")


def _done(user: str, what: str) -> None:
    out.print(f"[bold green]✓[/] {escape(user)} {what}")
