"""The money rows of the fault matrix: the end each cell must reach, and the tests that hold it.

``python -m tests.trips.faults.money_rows`` writes ``docs/faults.md`` anew; ``test_money_rows`` sees
that page and data agree and that every test named here exists.
"""

from dataclasses import dataclass

from localworld.places import ROOT
from tests.trips.saga import cells

FILE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- {}: made by `python -m tests.trips.faults.money_rows` -->", "<!-- end of {} -->"

SAGA, HERE, HOOKS, WATCH = (
    "tests/trips/saga",
    "tests/trips/faults",
    "tests/webhooks",
    "tests/operations",
)

FAULTS = {
    "F1": "refused for good (4xx)",
    "F2": "5xx, before or after the effect",
    "F3": "connection refused or reset",
    "F4": "timeout before the effect",
    "F5": "timeout after the effect",
    "F6": "delivered twice",
    "F7": "slow",
    "F8": "unreadable answer or body",
    "F9": "worker killed",
    "F10": "API killed",
    "F11": "database killed and started again",
    "F12": "Temporal killed and started again",
    "F13": "giving back fails for good",
    "F14": "price changed",
    "F15": "3-D Secure wanted",
    "F16": "takes effect after it was given up",
}

ENDS = {
    "RJ": "stops, everything is undone, FAILED",
    "RT": "repeated with the same key until it is done",
    "QF": "looked up: adopted when found, else repeated with the same key",
    "DD": "no second effect, the same answer",
    "RS": "another process goes on, and it ends as without the fault",
    "WT": "waited for; holds up nothing else",
    "NA": "NEEDS_ATTENTION with a case; what is owed stands in SUSPENSE",
    "CF": "the customer is asked: FAILED with PRICE_CHANGED, nothing held; booking anew is consent",
    "AU": "waits for the traveller's proof until the deadline, then RJ",
    "TB": "the undo has the last word: the late effect is undone, or never comes to be",
    "ER": "a clean 4xx or 503, nothing half-written; the gateway sends it again",
}

ROWS = {
    "3": "3 authorise",
    "7": "7 capture",
    "c1": "c1 release, refund",
    "x1": "x1 webhook in",
}


@dataclass(frozen=True)
class Cell:
    """How a cell must end, and where that is tested."""

    end: str
    tests: tuple[str, ...]
    """``file::function``, with ``[case]`` where only that case of it is meant; file without
    ``.py``."""


def _cell(end: str, *named: str | tuple[str, ...]) -> Cell:
    tests: list[str] = []
    for one in named:
        tests += [one] if isinstance(one, str) else one
    return Cell(end, tuple(tests))


def _cases(function: str, *cases: str) -> tuple[str, ...]:
    return tuple(f"{function}[{case}]" for case in cases)


def _fault(kind: str, *steps: str) -> tuple[str, ...]:
    return _cases(f"{SAGA}/test_faults::test_fault", *(f"{step}-{kind}" for step in steps))


def _killed(*steps: str) -> tuple[str, ...]:
    at = [f"{step}-{point}" for step in steps for point in cells.POINTS]
    return _cases(f"{SAGA}/test_kills::test_kill", *at)


def _release(*kinds: str) -> tuple[str, ...]:
    cases = [f"stripe-cancel-{kind}" for kind in kinds]
    return _cases(f"{SAGA}/test_undo::test_an_undo_in_trouble_is_repeated", *cases)


def _refund(*kinds: str) -> tuple[str, ...]:
    cases = [f"stripe-refund-{kind}" for kind in kinds]
    return _cases(f"{SAGA}/test_cancel_confirmed::test_trouble_on_the_way_is_settled", *cases)


def _goodwill(*kinds: str) -> tuple[str, ...]:
    function = f"{SAGA}/test_settling::test_a_goodwill_refund_is_paid_once_whatever_the_answer"
    return _cases(function, *kinds)


def _forward(*steps: str) -> dict[str, Cell]:
    """Return what the rows of steps towards the trip have in common."""
    return {
        "F2": _cell("QF", _fault("error", *steps), _fault("commit_then_error", *steps)),
        "F4": _cell("QF", _fault("hang", *steps)),
        "F5": _cell("QF", _fault("commit_then_hang", *steps)),
        "F6": _cell("DD", _fault("duplicate", *steps)),
        "F7": _cell("RT", _fault("slow", *steps)),
        "F8": _cell("QF", _fault("malformed", *steps)),
        "F9": _cell("QF", _killed(*steps)),
    }


_PAYING = f"{SAGA}/test_validation_and_payment"

TABLE: dict[str, dict[str, Cell]] = {
    "3": {
        **_forward("create", "authorise"),
        "F1": _cell(
            "RJ",
            _fault("refuse", "create", "authorise"),
            f"{_PAYING}::test_a_declined_card_books_nothing",
            f"{SAGA}/test_cards::test_nobody_sends_another_card",
        ),
        "F3": _cell(
            "RT", f"{HERE}/test_restarts::test_3_F3", _fault("reset", "create", "authorise")
        ),
        "F10": _cell("RS", f"{HERE}/test_api_killed::test_3_F10"),
        "F11": _cell("QF", f"{HERE}/test_restarts::test_3_F11"),
        "F12": _cell("RS", f"{HERE}/test_restarts::test_3_F12"),
        "F14": _cell(
            "CF",
            f"{_PAYING}::test_a_price_above_what_was_accepted_touches_nothing",
            f"{_PAYING}::test_a_price_that_changes_at_booking_is_not_paid",
        ),
        "F15": _cell(
            "AU",
            f"{_PAYING}::test_the_traveller_authenticates_and_the_trip_goes_on",
            f"{_PAYING}::test_a_traveller_who_does_not_authenticate_is_let_go",
            f"{SAGA}/test_cards::test_a_failed_authentication_asks_for_another_card",
            f"{HOOKS}/test_end_to_end::test_a_proof_is_told_of_and_not_only_asked_for",
        ),
        "F16": _cell(
            "TB",
            f"{HERE}/test_charging::test_3_F16",
            _fault("late_commit", "create", "authorise"),
        ),
    },
    "7": {
        **_forward("capture"),
        "F1": _cell(
            "RJ",
            _fault("refuse", "capture"),
            f"{SAGA}/test_holds::test_a_hold_that_lapses_twice_ends_the_trip",
        ),
        "F3": _cell("RT", f"{HERE}/test_restarts::test_7_F3", _fault("reset", "capture")),
        "F10": _cell("RS", f"{HERE}/test_api_killed::test_7_F10"),
        "F11": _cell("QF", f"{HERE}/test_restarts::test_7_F11"),
        "F12": _cell("RS", f"{HERE}/test_restarts::test_7_F12"),
        "F15": _cell(
            "AU",
            f"{HERE}/test_charging::test_7_F15",
            f"{SAGA}/test_holds::test_a_hold_that_lapsed_before_the_capture_is_made_anew",
        ),
        "F16": _cell("TB", f"{HERE}/test_charging::test_7_F16", _fault("late_commit", "capture")),
    },
    "c1": {
        "F1": _cell(
            "QF",
            f"{HERE}/test_giving_back::test_c1_F1",
            f"{SAGA}/test_leaks::test_a_refund_made_by_hand_is_not_paid_again",
        ),
        "F2": _cell(
            "QF",
            f"{HERE}/test_giving_back::test_c1_F2",
            _release("error"),
            _refund("error", "commit_then_error"),
        ),
        "F3": _cell("RT", f"{HERE}/test_restarts::test_c1_F3", _release("reset"), _refund("reset")),
        "F4": _cell("QF", _release("hang"), _refund("hang"), _goodwill("hang")),
        "F5": _cell(
            "QF",
            _release("commit_then_hang"),
            _refund("commit_then_hang"),
            _goodwill("commit_then_hang"),
        ),
        "F6": _cell("DD", f"{HERE}/test_giving_back::test_c1_F6"),
        "F7": _cell("RT", f"{HERE}/test_giving_back::test_c1_F7"),
        "F8": _cell(
            "QF",
            f"{HERE}/test_giving_back::test_c1_F8",
            _release("malformed"),
            _goodwill("malformed"),
        ),
        "F9": _cell(
            "QF",
            f"{HERE}/test_giving_back::test_c1_F9",
            _cases(
                f"{SAGA}/test_kills::test_kill_during_the_undo",
                *(f"stripe-cancel-{point}" for point in cells.POINTS),
            ),
        ),
        "F10": _cell("RS", f"{HERE}/test_api_killed::test_c1_F10"),
        "F11": _cell("QF", f"{HERE}/test_restarts::test_c1_F11"),
        "F12": _cell("RS", f"{HERE}/test_restarts::test_c1_F12"),
        "F13": _cell(
            "NA",
            f"{HERE}/test_giving_back::test_c1_F13_release",
            f"{HERE}/test_giving_back::test_c1_F13_refund",
            f"{HERE}/test_giving_back::test_c1_F13_paid_by_hand",
            f"{HERE}/test_giving_back::test_c1_F13_goodwill",
            f"{SAGA}/test_settling"
            "::test_a_refund_that_comes_back_waits_for_a_person_who_refunds_again",
        ),
        "F16": _cell(
            "TB",
            f"{HERE}/test_giving_back::test_c1_F16_late",
            f"{HERE}/test_giving_back::test_c1_F16_taken_meanwhile",
            _goodwill("late_commit"),
        ),
    },
    "x1": {
        "F1": _cell(
            "ER",
            f"{HOOKS}/test_receiving::test_forged_ones_are_refused",
            f"{HOOKS}/test_receiving::test_an_event_of_another_time_is_refused",
            f"{HOOKS}/test_forged::test_nothing_forged_is_taken",
        ),
        "F5": _cell(
            "DD",
            f"{HOOKS}/test_receiving::test_the_same_event_again_is_only_counted",
            f"{HOOKS}/test_receiving::test_an_event_that_was_handled_is_not_handled_again",
            f"{HERE}/test_events::test_x1_F10[after]",
        ),
        "F6": _cell(
            "DD",
            f"{HOOKS}/test_receiving::test_twenty_at_once_make_one_row",
            f"{HOOKS}/test_end_to_end::test_events_in_any_order_and_number_lead_to_the_same",
        ),
        "F7": _cell(
            "WT",
            f"{HOOKS}/test_receiving::test_a_body_that_does_not_come_is_not_waited_for",
            f"{HOOKS}/test_loop::test_a_slow_gateway_holds_up_only_what_asks_it",
        ),
        "F8": _cell(
            "ER",
            f"{HOOKS}/test_receiving::test_what_is_signed_but_no_event_is_refused",
            f"{HOOKS}/test_receiving::test_strange_content_is_kept_without_harm",
            f"{HOOKS}/test_receiving::test_a_body_that_is_too_large_is_refused",
        ),
        "F9": _cell(
            "RS",
            f"{HOOKS}/test_end_to_end::test_a_killed_workers_events_are_anothers",
            f"{HOOKS}/test_handling::test_a_worker_that_dies_loses_nothing",
        ),
        "F10": _cell("RS", f"{HERE}/test_events::test_x1_F10"),
        "F11": _cell(
            "ER",
            f"{HERE}/test_restarts::test_x1_F11",
            f"{HOOKS}/test_receiving::test_a_restart_of_the_database_is_not_noticed",
            f"{HOOKS}/test_loop::test_the_database_goes_away_and_comes_back",
        ),
        "F12": _cell(
            "RS",
            f"{HERE}/test_restarts::test_x1_F12",
            f"{HOOKS}/test_failing::test_an_outage_of_temporal_is_waited_for",
        ),
        "F16": _cell(
            "TB",
            f"{HOOKS}/test_end_to_end::test_a_payment_nobody_asked_for_is_given_back",
            f"{SAGA}/test_settling::test_a_payment_nobody_asked_for_is_given_back",
            f"{WATCH}/test_reconciling::test_a_late_success_after_the_end",
            f"{WATCH}/test_reconciling::test_money_taken_after_the_end_goes_back",
        ),
    },
}
"""By row and fault; what is not in it cannot occur."""


def table() -> str:
    """Return the rows as Markdown, one fault a line."""
    lines = ["| fault | " + " | ".join(ROWS.values()) + " |", "|---" * (len(ROWS) + 1) + "|"]
    for fault, meaning in FAULTS.items():
        shown = (_shown(TABLE[row].get(fault)) for row in ROWS)
        lines.append(f"| **{fault}** {meaning} | " + " | ".join(shown) + " |")
    lines += ["", *(f"- **{end}** {meaning}" for end, meaning in ENDS.items())]
    return "\n".join(lines)


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    cases: dict[str, list[str]] = {}
    for test in cell.tests:
        function, _, case = test.partition("[")
        cases.setdefault(function, []).extend([case.removesuffix("]")] if case else [])
    shown = []
    for function, named in cases.items():
        file, name = function.split("::")
        of = f" ({', '.join(named)})" if named else ""
        shown.append(f"[{name.removeprefix('test_')}](../{file}.py){of}")
    return f"**{cell.end}** " + "<br>".join(shown)


def page(text: str) -> str:
    """Return the page's text with both tables as they are now."""
    for name, made in (("steps and faults", cells.table()), ("the money rows", table())):
        begin, end = BEGIN.format(name), END.format(name)
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n\n{made}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    FILE.write_text(page(FILE.read_text(encoding="utf-8")), encoding="utf-8")
