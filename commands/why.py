"""``tripsaga why``: one story of a booking: steps, calls, money and reasons."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from rich.markup import escape
from rich.text import Text

from commands.account import STATE_LOOK, for_operators, say_step
from commands.asking import FORBIDDEN, Booking, ask, say_next, settling
from commands.attempts import call, outcome_of, told, took
from commands.options import AsJson
from commands.output import as_json, one_line, out
from models.core.money import Money

_CALLS = 100


@dataclass(frozen=True)
class Line:
    """One thing of the story."""

    at: dt.datetime
    """By the database's clock; of what the gateway did, by the gateway's, after our call."""
    kind: str
    """step, call, money or case."""
    what: str
    status: str
    text: str


def why(booking: Booking, *, json: AsJson = False) -> None:
    """Tell what happened to a booking and why: every step, call, refund and case, in order."""
    found = ask("GET", f"/booking/{booking}")
    path = f"/booking/{found['bookingId']}"
    steps = ask("GET", f"{path}/steps")["steps"]
    page = ask(
        "GET",
        "/operator/attempts",
        params={"bookingId": found["bookingId"], "limit": _CALLS},
        without=FORBIDDEN,
    )
    calls = page.get("attempts", [])
    query = {"bookingId": found["bookingId"], "limit": _CALLS}
    cases = ask("GET", "/operator/cases", params=query, without=FORBIDDEN).get("cases", [])
    lines = story(found, steps, calls, cases)
    if json:
        as_json([vars(line) for line in lines])
        return
    out.print(
        f"[bold]{found['bookingReference']}[/]  {_state(found)}  [dim]{found['bookingId']}[/]"
    )
    for reason in reasons(found):
        out.print(Text(reason, style="bold"))
    out.print()
    began = lines[0].at if lines else None
    for line in lines:
        assert began is not None
        seconds = (line.at - began).total_seconds()
        style = "dim" if line.kind == "call" else ""
        say_step(seconds, line.status, line.what, line.text, style=style, width=12)
    if not page:
        out.print("[dim]calls to suppliers are shown to operators' keys only[/]")
    elif "next" in page:
        out.print(f"[dim]only the last {_CALLS} calls are shown: `tripsaga attempts` has all[/]")
    out.print()
    _say_next(found)


def story(
    booking: dict[str, Any],
    steps: list[dict[str, Any]],
    calls: list[dict[str, Any]],
    cases: list[dict[str, Any]],
) -> list[Line]:
    """Return everything about a booking in the order in which it happened."""
    lines = []
    transitions = iter(booking["history"])  # one for each step of the booking itself, in order
    for step in steps:
        text = step["message"]
        if step["step"] == "booking":
            who = next(transitions, {"who": "saga"})["who"]
            text += "" if who == "saga" else f" ({who})"
        lines.append(Line(_moment(step["at"]), "step", step["step"], step["status"], text))
    began, made = dt.datetime.min.replace(tzinfo=dt.UTC), {}
    for one in calls:
        text = " · ".join(
            part for part in (call(one), outcome_of(one), took(one), told(one)) if part != "–"
        )
        ended = _moment(one["finishedAt"] or one["startedAt"])
        made[one["orderId"]] = ended
        lines.append(Line(ended, "call", one["provider"], "call", text))
    payment = booking["payment"]
    for paid in (payment, *payment.get("supplements", [])):
        currency = paid["currency"]
        for refund in paid["refunds"]:
            amount = Money(amount=refund["amount"], currency=currency)
            text = f"refund {refund['id']} of {amount}: {refund['status']}"
            # The gateway tells whole seconds: a refund was not made before its call has ended.
            moment = max(_moment(refund["at"]), made.get(refund["id"], began))
            lines.append(Line(moment, "money", "money", "undone", text))
        for dispute in paid.get("disputes", []):
            amount = Money(amount=dispute["amount"], currency=currency)
            text = f"dispute {dispute['id']} over {amount}: {dispute['status']}"
            lines.append(Line(_moment(dispute["at"]), "money", "money", "stuck", text))
    for case in cases:
        text = f"case {case['id']} is opened: {case['summary']}"
        lines.append(Line(_moment(case["openedAt"]), "case", "case", "stuck", text))
        if "resolvedAt" in case:
            text = f"case {case['id']} is settled by {case['resolvedBy']}: {case['resolution']}"
            lines.append(Line(_moment(case["resolvedAt"]), "case", "case", "done", text))
    return sorted(lines, key=lambda line: line.at)


def reasons(booking: dict[str, Any]) -> list[str]:
    """Return why it is as it is, in the traveller's words, and what became of the money.

    An operator's key is also told what suppliers said, of the booking or of a part it goes without.
    """
    error = booking["error"] or {}
    parts = [one["error"] for one in booking["components"] if one["error"]]
    said = [text for one in [error, *parts] for text in for_operators(one)]
    found = [error.get("message"), *dict.fromkeys(said), error.get("money")]
    found += [booking["note"], booking["cancelReason"]]
    return [one_line(text) for text in (*found, *booking["warnings"]) if text]


def _say_next(booking: dict[str, Any]) -> None:
    reference = booking["bookingReference"]
    if booking["cases"]:
        say_next(*settling(booking, booking["cases"][0]))
    elif booking["state"] == "CONFIRMED":
        say_next("cancel", reference, "--dry-run")
    elif booking["state"] == "PAYMENT_PENDING":
        say_next("card", reference, "pm_card_visa")
    else:
        say_next("open", reference)


def _state(booking: dict[str, Any]) -> str:
    look = STATE_LOOK.get(booking["state"], "blue")
    return f"[{look}]{escape(booking['state'])}[/]"


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
