"""``tripsaga login``: sign in with a code, as a traveller does."""

import json as jsonlib
import re
import secrets
import time
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from commands.options import AsJson
from commands.output import Code, as_json, give_up, out, reason
from commands.target import Target, find_target
from localworld.places import Places
from localworld.services import write_private

CODES = "/market/v1/auth/codes"
ARRIVES_SECONDS = 20.0
_CODE = re.compile(r"\b[0-9]{6}\b")


def login(
    *,
    email: Annotated[str | None, typer.Option(help="Send the code to this mail address.")] = None,
    phone: Annotated[str | None, typer.Option(help="Text it to this number: +1 202 …")] = None,
    json: AsJson = False,
) -> None:
    """Sign in with a code; in the local world it is read from the sandbox's mailbox and shown.

    The session's token is kept in `var/session`, which nobody else may read.
    """
    if (email is None) == (phone is None):
        give_up("say either --email or --phone", code=Code.USAGE)
    contact = {"email": email} if email is not None else {"phone": phone}
    target = find_target()
    # As it arrives: numbers without what people put between digits.
    to = email.strip() if email is not None else "+" + re.sub(r"\D", "", phone or "")
    client = secrets.token_urlsafe(32)
    before = _arrived(target, to) if target.pids else []
    sent = _ask(target, CODES, {**contact, "client": client})
    code = _read(target, to, before, quiet=json) if target.pids else None
    if code is None:
        code = typer.prompt("Code")
    path = f"{CODES}/{sent['challenge_id']}/verify"
    told = _ask(target, path, {"code": str(code).strip(), "client": client})
    session = {"api": target.api, "token": told["token"], "user": told["user"]["id"]}
    file = Places.of_this_checkout().session
    file.parent.mkdir(parents=True, exist_ok=True)
    write_private(file, jsonlib.dumps(session) + "\n")
    if json:
        as_json(told)
        return
    who = told["user"]["email"] or told["user"]["phone"]
    out.print(f"[bold green]✓[/] signed in as {escape(who)}, until {told['expires_at']}")
    out.print(f"  the token is in {escape(str(file))}", soft_wrap=True)


def _ask(target: Target, path: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = httpx.post(f"{target.api}{path}", json=body, timeout=30, trust_env=False)
        found: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        what = f"{target.api} does not answer as the API ({type(error).__name__})"
        give_up(what, code=Code.AWAY, mend="`tripsaga doctor` looks for the cause")
    if answer.is_error:
        give_up(reason(answer), code=Code.REFUSED if answer.is_client_error else Code.AWAY)
    return found


def _arrived(target: Target, to: str) -> list[dict[str, Any]]:
    """Return what has arrived for somebody, the newest first; nothing where nobody tells."""
    try:
        answer = httpx.get(f"{target.sandbox}/mailbox", params={"to": to}, trust_env=False)
        found = answer.json()
        return [*found["mails"], *found["texts"]]
    except (httpx.HTTPError, ValueError, KeyError):
        return []


def _read(target: Target, to: str, before: list[dict[str, Any]], *, quiet: bool) -> str | None:
    """Return the code that arrives in the sandbox; None when none does in time."""
    seen = {one["id"] for one in before}
    end = time.monotonic() + ARRIVES_SECONDS
    while time.monotonic() < end:
        for one in _arrived(target, to):
            found = _CODE.search(one["text"])
            if one["id"] not in seen and found is not None:
                if not quiet:
                    out.print(f"the code in the sandbox's mailbox is [bold]{found.group()}[/]")
                return found.group()
        time.sleep(0.2)
    return None
