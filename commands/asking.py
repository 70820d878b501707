"""Asking the API, and asking the person before something is done that cannot be taken back."""

import shlex
import sys
from typing import Annotated, Any

import httpx
import typer
from rich.markup import escape

from commands.output import Code, give_up, out, reason
from commands.target import Target, find_target

SECONDS = 60
"""How long an answer is waited for."""

FORBIDDEN = frozenset({httpx.codes.FORBIDDEN})
"""What a key that is no operator's is answered on operators' routes."""

Booking = Annotated[
    str, typer.Argument(metavar="BOOKING", help="The booking's reference, or its id.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def ask(
    method: str, path: str, *, without: frozenset[int] = frozenset(), **more: Any
) -> dict[str, Any]:
    """Return what the API answers; problems end the command, but for statuses ``without`` which
    it can do: then nothing is returned.
    """
    target = ready_target()
    try:
        answer = httpx.request(
            method,
            f"{target.api}{path}",
            headers={"X-API-Key": target.api_key, **more.pop("headers", {})},
            timeout=SECONDS,
            trust_env=False,
            **more,
        )
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        what = f"{target.api} does not answer as the API ({type(error).__name__})"
        give_up(what, code=Code.AWAY, mend="`tripsaga doctor` looks for the cause")
    if answer.status_code in without:
        return {}
    if answer.is_error:
        give_up(reason(answer), code=Code.REFUSED if answer.is_client_error else Code.AWAY)
    return dict(found)


def component_of(booking: dict[str, Any], named: str) -> str:
    """Return the id of a component that is named by it, or by its number as `show` has it."""
    components = booking["components"]
    if named.isdecimal() and 1 <= int(named) <= len(components):
        return str(components[int(named) - 1]["componentId"])
    return named


def ready_target() -> Target:
    """Return the system to call; the command ends where there is none."""
    target = find_target()
    if not target.api_key:
        give_up(
            "no local world runs here, and no other one is named",
            code=Code.USAGE,
            mend="start one with `make run`, or set TRIPSAGA_API_URL and TRIPSAGA_API_KEY",
        )
    return target


def agree(question: str, *, yes: bool) -> None:
    """Go on only when the person agrees; without anybody to ask, only with ``--yes``."""
    if yes:
        return
    if not sys.stdin.isatty():
        give_up("nobody is there to be asked", mend="say --yes", code=Code.USAGE)
    if not typer.confirm(question):
        give_up("nothing was done", code=Code.REFUSED)


def say_next(*words: str) -> None:
    """Print the command that comes next, as it can be copied."""
    command = " ".join(word if word.startswith("--") else shlex.quote(word) for word in words)
    out.print(f"[dim]next:[/] tripsaga {escape(command)}", soft_wrap=True)
