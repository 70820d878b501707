"""Makes ``docs/lifecycle.md`` from the table of transitions: ``python -m docs.lifecycle``."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from activities.reservations.loop import ROUND_SECONDS
from models.bookings.lifecycle import (
    FINAL_STATES,
    FIRST_STATES,
    MARKET_STATES,
    SETTLED_STATES,
    BookingKind,
    BookingState,
    CancelledBy,
    ItemStatus,
    PaymentStatus,
    SagaState,
    Transitions,
    transitions_of,
)
from models.bookings.statuses import status_of
from models.marketplace.stock import purchases
from models.reservations.deadlines import HAS_DUE, Visit, due_after
from models.reservations.policy import VenuePolicy

TRANSITIONS = transitions_of(BookingKind.TRIP)
RESERVATIONS = transitions_of(BookingKind.RESERVATION)
BOUGHT = transitions_of(BookingKind.STAY)

FILE = Path(__file__).with_suffix(".md")

MEANING = {
    BookingState.QUOTED: "Priced; nobody has asked for it to be booked.",
    BookingState.PENDING: "Asked for and written down.",
    BookingState.VALIDATING: "Every item is being quoted and verified at its supplier.",
    BookingState.HELD: "Every item is on hold; nothing is paid.",
    BookingState.PAYMENT_PENDING: "Waiting for the traveller: 3-D Secure, or another card.",
    BookingState.PROCESSING: "Money is being held, items are being booked.",
    BookingState.CONFIRMED: "Every item that stands is booked and paid.",
    BookingState.CHECKED_IN: "The traveller has arrived.",
    BookingState.COMPLETED: "The trip is over.",
    BookingState.CANCELLED: "Called off by guest, provider or operator; what is due back is back.",
    BookingState.EXPIRED: "Nobody acted in time; nothing is held.",
    BookingState.NO_SHOW: "The traveller did not come.",
    BookingState.FAILED: "Could not be had; everything is put back.",
    BookingState.NEEDS_ATTENTION: "Something cannot be undone or settled; a person must decide.",
}
"""What each state means, for readers."""

TODAY = frozenset(
    {
        BookingState.PENDING,
        BookingState.VALIDATING,
        BookingState.PAYMENT_PENDING,
        BookingState.PROCESSING,
        BookingState.CONFIRMED,
        BookingState.CANCELLED,
        BookingState.FAILED,
        BookingState.NEEDS_ATTENTION,
    }
)
"""States that today's workflows use; the others are for holds, stays and check-in."""


def document() -> str:
    """Return the whole text of ``docs/lifecycle.md``."""
    return "\n".join(
        [
            "# The life of a booking",
            "",
            (
                "Made from [`models/bookings/lifecycle.py`](../models/bookings/lifecycle.py) by"
                " `python -m docs.lifecycle`; a test keeps the two the same. Trips, reservations"
                " and what is bought of providers have a table of their own. The record obeys it,"
                " and a trigger in the database refuses every other transition."
            ),
            "",
            *_diagram(),
            "",
            (
                "The picture shows the states that workflows of trips use. The table has them all:"
                " the others are for holds and check-in."
            ),
            "",
            (
                "Every state may be recorded again: something else of the booking has changed, or a"
                " worker's successor recorded with other content what the worker had recorded."
            ),
            "",
            "## States",
            "",
            "| state | meaning | may become |",
            "|---|---|---|",
            *(_row(state) for state in TRANSITIONS),
            "",
            f"- Born as: {_listed(_ordered(FIRST_STATES))}.",
            (
                "- Ends of the trip; only its money may still be settled:"
                f" {_listed(_ordered(FINAL_STATES))}."
            ),
            (
                f"- At rest, so that the record answers and no workflow:"
                f" {_listed(_ordered(SETTLED_STATES))}."
            ),
            "",
            "## Reservations",
            "",
            (
                "While it is PENDING, VALIDATING, PAYMENT_PENDING or PROCESSING a workflow runs for"
                " a reservation. In the other states none does; what becomes of it then by time"
                " alone is due below."
            ),
            "",
            *_moves(RESERVATIONS),
            "",
            "| in state | is due | when | the history says |",
            "|---|---|---|---|",
            *_due(),
            "",
            (
                "What is due is written by the transition that makes it true (table"
                " `booking_due`), by the venue's policy of that moment. It is looked at again"
                " before it is done: a rule that holds no longer does nothing. Every worker makes a"
                f" round each {ROUND_SECONDS:.0f} s, and gives back what was held for too long."
            ),
            "",
            "## Stays, hotel packages and tours",
            "",
            (
                "What is bought of a provider begins with its hold: QUOTED, when it was quoted, and"
                " HELD are written in one transaction. While it is PAYMENT_PENDING or PROCESSING a"
                " workflow runs for it, and one may wait while it is HELD. PROCESSING sells its"
                " stock before money is taken; EXPIRED, FAILED and CANCELLED give it back"
                " ([marketplace](marketplace.md))."
            ),
            "",
            *_moves(BOUGHT),
            "",
            "| state | callers are told |",
            "|---|---|",
            *_told(),
            "",
            "| in state | is due | when | the history says |",
            "|---|---|---|---|",
            *_due_of_bought(),
            "",
            "## What else has a state",
            "",
            f"- An item, as callers see it: {_listed(ItemStatus)}.",
            f"- An item in the saga, for operators: {_listed(SagaState)}.",
            f"- The payment: {_listed(PaymentStatus)}.",
            "",
        ]
    )


def _moves(table: Transitions) -> list[str]:
    """Return where each state may lead, but to itself."""
    return [
        "| state | may become |",
        "|---|---|",
        *(
            f"| {state} | {_listed(_ordered(following - {state}))} |"
            for state, following in table.items()
            if following - {state}
        ),
    ]


def _told() -> list[str]:
    """Return what callers are told of what is bought, by state and who cancelled it."""
    lines = []
    for state in _ordered(MARKET_STATES):
        told = [status_of(state, BookingKind.STAY, by) for by in (None, CancelledBy.PROVIDER)]
        lines.append(f"| {state} | {_listed(dict.fromkeys(told))} |")
    return lines


def _due_of_bought() -> list[str]:
    """Return what is due by time about what is bought, by the function that says so."""
    ends = dt.datetime(2027, 3, 15, 10, tzinfo=dt.UTC)
    held_until = dt.datetime(2027, 1, 2, 9, 15, tzinfo=dt.UTC)
    when = {held_until: "at the end of the hold", ends: "at check-out, or the end of the tour"}
    return [
        f"| {state} | `{action}` | {when[one.at]} | {one.rule} |"
        for state in _ordered(purchases.HAS_DUE)
        for action, one in purchases.due_after(state, held_until, ends, "Europe/Berlin").items()
    ]


def _due() -> list[str]:
    """Return what is due by time, by the function that says so, for a visit of an evening."""
    begins = dt.datetime(2027, 3, 14, 18, 30, tzinfo=dt.UTC)
    ends, held_until = begins + dt.timedelta(minutes=105), begins - dt.timedelta(hours=31)
    when = {held_until: "at the end of the hold", ends: "at the end of the visit"}
    lines = []
    for state in _ordered(HAS_DUE):
        for tracked, words in (("untracked", ""), ("tracked", " (`check_in: tracked`)")):
            policy = VenuePolicy.model_validate({"check_in": tracked})
            due = due_after(
                state, held_until, Visit(begins, ends, "Europe/Berlin", "RESTAURANT", policy)
            )
            for action, one in due.items():
                at = when.get(one.at, "`no_show_grace_minutes` after the beginning")
                line = f"| {state}{{}} | `{action}` | {at} | {one.rule} |"
                if line.format("") not in lines:
                    lines.append(line.format(words))
    return lines


def _diagram() -> list[str]:
    births = [f"    [*] --> {state}" for state in _ordered(FIRST_STATES & TODAY)]
    moves = [
        f"    {state} --> {following}"
        for state in _ordered(TODAY)
        for following in _ordered(TRANSITIONS[state] & TODAY)
    ]
    ends = [f"    {state} --> [*]" for state in _ordered(FINAL_STATES & TODAY)]
    return ["```mermaid", "stateDiagram-v2", *births, *moves, *ends, "```"]


def _row(state: BookingState) -> str:
    return f"| {state} | {MEANING[state]} | {_listed(_ordered(TRANSITIONS[state]))} |"


def _listed(states: Iterable[str]) -> str:
    return ", ".join(f"`{state}`" for state in states)


def _ordered(states: Iterable[BookingState]) -> list[BookingState]:
    """Return states in the order of their declaration: sets have none of their own."""
    return sorted(states, key=list(BookingState).index)


if __name__ == "__main__":
    FILE.write_text(document(), encoding="utf-8")
