"""The cells of the fault table: which call is disturbed, how, and how it must end."""

import asyncio
from dataclasses import dataclass
from typing import Any

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code
from tests.support.stack import Stack
from tests.support.trips import sold_by, unsettled

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


def criteria_for(step: str) -> dict[str, Any]:
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
    """It depends on the moment: what shows up just in time is booked after all."""
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


QUICK = {
    # made without a card: found by our reference, or made under a fresh key
    "create": ("error",),
    "authorise": ("reset", "commit_then_hang"),
    # a supplier with neither key nor look-up
    "flight": ("refuse", "commit_then_error"),
    # one that finds our reference and may be asked again
    "hotel": ("commit_then_hang",),
    "capture": ("commit_then_hang",),
    # one that finds our reference and may not be asked again, and holds
    "flight at Duffel": ("reset", "late_commit"),
    "paying Duffel": ("refuse",),
    # one whose hold is completed after the capture
    "confirming at GetYourGuide": ("refuse", "commit_then_hang"),
}
"""The cells that ``make test`` runs: for each role of a step, the faults with code of their own.

A refused hotel is in ``test_undo``; a refused card and experience, and a payment that was made and
not answered for, are in ``test_validation_and_payment``; a hold that lapsed is in ``test_holds``.
What commits late, in any order, is played on the attempt log: ``tests/core/test_attempt_log``.
"""

QUICK_KILLS = (("flight", "during"), ("capture", "during"))
"""One killed worker where a person must settle the unknown, and one at the point of no return.

Deaths between any two statements of an attempt, for every role of a step, are played in
``tests/core/test_attempt_log``, ``tests/payments/test_charging`` and ``test_refunding``.
"""


async def decide_by_hand(stack: Stack, booking: Booking) -> Booking:
    """Do what an operator does: look in the back office, then cancel it or declare it absent.

    Looks only once what was sent has taken effect: before that, nobody could know.
    """
    (case,) = unsettled(booking)
    assert case.item is not None
    reference = booking.item(case.item).reference
    assert reference in case.summary
    async with asyncio.timeout(10):
        while _under_way(await stack.sandbox.log(booking.id), reference):
            await asyncio.sleep(0.1)
    found = [r for r in await stack.sandbox.reservations(reference) if r["live"]]
    if found:
        final = await stack.resolve(booking.id, "retry", supplier_id=found[0]["id"])
    else:
        final = await stack.resolve(booking.id, "resolved")
    assert unsettled(final) == []
    assert not [r for r in await stack.sandbox.reservations(reference) if r["live"]]
    return final


def _under_way(log: list[dict[str, Any]], reference: str) -> bool:
    """Whether a booking that nobody waits for any more has yet to take effect."""
    late = [
        row["effect"]
        for row in log
        if row["reference"] == reference and row.get("fault") == "late_commit"
    ]
    return late.count("none") > late.count("created")
