"""The cells of the fault table: which call is disturbed, how, and how the booking must end."""

from dataclasses import dataclass
from typing import Any

from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code
from tests.support.trips import sold_by

CONFIRMED, FAILED = BookingState.CONFIRMED, BookingState.FAILED

STEPS = {
    "create": ("stripe", "create"),
    "authorise": ("stripe", "confirm"),
    "flight": ("amadeus", "book"),
    "hotel": ("booking_com", "book"),
    "activity": ("viator", "book"),
    "capture": ("stripe", "capture"),
}
"""Steps of the sample trip that have an effect outside, and the call that has it."""

ELSEWHERE = {
    "flight at Duffel": ("duffel", "book"),
    "paying Duffel": ("duffel", "complete"),
    "hotel at RateHawk": ("ratehawk", "book"),
    "activity at GetYourGuide": ("getyourguide", "book"),
    "confirming at GetYourGuide": ("getyourguide", "complete"),
}
"""The same for the other suppliers: theirs is the flight, the hotel or the activities."""

ALL_STEPS = STEPS | ELSEWHERE


def wishes_for(step: str) -> dict[str, Any]:
    """Return what to ask the planner for, so that a trip has this step."""
    return sold_by(ALL_STEPS[step][0])


FAULTS: dict[str, dict[str, object]] = {
    "refuse": {},
    "error": {},
    "reset": {},
    "hang": {"seconds": 20},
    "commit_then_hang": {"seconds": 20},
    "late_commit": {"seconds": 1.6},
    "commit_then_error": {},
    "malformed": {},
    "duplicate": {},
    "slow": {"seconds": 0.5},
}
"""Kinds of fault. The provider timeout in tests is 1 s, so hanging is timing out."""

UNANSWERED = frozenset(
    {"error", "reset", "hang", "commit_then_hang", "late_commit", "commit_then_error", "malformed"}
)

UNSEEN = frozenset({"error", "reset", "hang", "late_commit"})
"""Those after which an immediate look-up finds nothing."""

POINTS = ("before", "during", "after")
"""Where a worker is killed: before the call is sent, while it is under way, after its answer."""


@dataclass(frozen=True)
class End:
    """How a booking must end."""

    state: BookingState
    code: Code | None = None
    warned: bool = False
    or_confirmed: bool = False
    """It depends on the moment: what shows up just in time is ours after all."""
    case: bool = False
    """Whether a person must settle what became of the item."""


UNKNOWN_FLIGHT = End(FAILED, Code.OUTCOME_UNKNOWN, case=True)
"""Amadeus has neither key nor look-up: one attempt, and a person settles the unknown."""


def end_of_fault(step: str, kind: str) -> End:
    """The required end of a cell (reliability.md §2, rows 3–7)."""
    if kind == "refuse":
        if "activity" in step or step == "confirming at GetYourGuide":
            return End(CONFIRMED, warned=True)
        if step == "capture":
            return End(CONFIRMED)  # the hold has lapsed: it is made anew, and then taken
        money = step in {"create", "authorise"}
        return End(FAILED, Code.PAYMENT_DECLINED if money else Code.UNAVAILABLE)
    if step == "flight" and kind in UNANSWERED:
        return UNKNOWN_FLIGHT
    if step == "flight at Duffel" and kind in UNSEEN:
        # It may not be repeated: looked for, and undone where it shows up after all.
        return End(FAILED, Code.OUTCOME_UNKNOWN, or_confirmed=kind == "late_commit")
    return End(CONFIRMED)


def end_of_kill(step: str, point: str) -> End:
    """The required end when the worker dies at a step (row F9)."""
    if step == "flight":
        return UNKNOWN_FLIGHT
    if step == "flight at Duffel" and point == "before":
        return End(FAILED, Code.OUTCOME_UNKNOWN)
    return End(CONFIRMED)


def table() -> str:
    """Return the fault table as Markdown: every cell is a test, and this is its required end."""

    def cell(end: End) -> str:
        words = {CONFIRMED: "confirmed", FAILED: "failed, all undone"}
        told = "operator" if end.case else words[end.state]
        told += ", item dropped" if end.warned else ""
        return f"{told}, or confirmed" if end.or_confirmed else told

    def killed(step: str) -> str:
        ends = [cell(end_of_kill(step, point)) for point in POINTS]
        return ends[0] if len(set(ends)) == 1 else " / ".join(ends)

    columns = [*FAULTS]
    lines = [
        "| step \\ fault | " + " | ".join(columns) + " | SIGKILL before, during, after |",
        "|---" * (len(columns) + 2) + "|",
    ]
    lines += [
        f"| {step} | "
        + " | ".join(cell(end_of_fault(step, kind)) for kind in columns)
        + f" | {killed(step)} |"
        for step in ALL_STEPS
    ]
    return "\n".join(lines)
