"""Asking the API, and asking the person before something is done that cannot be taken back."""

import shlex
import sys
from typing import Annotated, Any, NoReturn

import httpx
import typer
from rich.markup import escape

from commands.output import Code, give_up, out, reason
from commands.target import Target, find_target
from models.bookings.messages import UNSETTLED_CASE

SECONDS = 65
"""How long an answer is waited for."""

FORBIDDEN = frozenset({httpx.codes.FORBIDDEN})
"""What a key that is no operator's is answered on operators' routes."""

Booking = Annotated[
    str, typer.Argument(metavar="BOOKING", help="The booking's reference, or its id.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def ask(
    method: str, path: str, *, without: frozenset[int] = frozenset(), again: str = "", **more: Any
) -> dict[str, Any]:
    """Return what the API answers; problems end the command, but for statuses ``without`` which
    it can do: then nothing is returned.

    ``again`` is said where it may have been done all the same, or can be asked once more.
    """
    target = ready_target()
    try:
        answer = _answer(target, method, path, **more)
        found = {} if answer.status_code == httpx.codes.NO_CONTENT else answer.json()
    except (httpx.HTTPError, ValueError) as error:
        what = f"{target.api} does not answer as the API ({type(error).__name__})"
        give_up(what, code=Code.AWAY, mend=again or "`tripsaga doctor` looks for the cause")
    if answer.status_code in without:
        return {}
    if answer.is_error:
        refused = answer.is_client_error
        mend = "" if refused and "retry-after" not in answer.headers else again
        give_up(reason(answer), code=Code.REFUSED if refused else Code.AWAY, mend=mend)
    return dict(found)


def try_asking(method: str, path: str, **more: Any) -> str:
    """Ask the API, and go on whatever it says: returns why it is not done; "" when it is."""
    target = ready_target()
    try:
        answer = _answer(target, method, path, **more)
    except httpx.HTTPError as error:
        return f"{target.api} does not answer ({type(error).__name__})"
    if answer.is_error:
        return reason(answer)
    return "" if answer.status_code != httpx.codes.ACCEPTED else "it is still under way"


def _answer(target: Target, method: str, path: str, **more: Any) -> httpx.Response:
    headers = {"X-API-Key": target.api_key, **more.pop("headers", {})}
    url = f"{target.api}{path}"
    return httpx.request(method, url, headers=headers, timeout=SECONDS, trust_env=False, **more)


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
            code=Code.AWAY,
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
    out.print(f"[dim]next:[/] {escape(_command(words))}", soft_wrap=True)


def settling(booking: dict[str, Any], case: dict[str, Any]) -> tuple[str, ...]:
    """Return the words of the command that settles an open case of a booking."""
    number, note = str(case["caseId"]), "what was found or done"
    if case["kind"] != UNSETTLED_CASE:
        return ("cases", "settle", number, note)
    decision = "retry" if case["componentId"] is None else "resolved"
    several = [one for one in booking["cases"] if one["kind"] == UNSETTLED_CASE][1:]
    which = ("--case", number) if several else ()
    return ("resolve", booking["bookingReference"], decision, note, *which)


def give_up_unsettled(what: str, booking: dict[str, Any], case: dict[str, Any]) -> NoReturn:
    """Say what was left to a person, in which case, and the command that settles it; and leave."""
    mend = f"`{_command(settling(booking, case))}`"
    give_up(f"{what}: {case_told(booking, case)}", code=Code.BAD, mend=mend)


def case_told(booking: dict[str, Any], case: dict[str, Any]) -> str:
    """Return which case of a booking is open, and what it is about."""
    titles = {one["componentId"]: one["title"] for one in booking["components"]}
    money = "the money" if case["kind"] == UNSETTLED_CASE else "the booking"
    return f"case {case['caseId']} about {titles.get(case['componentId'], money)} is open"


def _command(words: tuple[str, ...]) -> str:
    told = (word if word.startswith("--") else shlex.quote(word) for word in words)
    return f"tripsaga {' '.join(told)}"
