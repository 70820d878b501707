"""Makes ``docs/money.md`` from the table of money states and events: ``python -m docs.money``.

A test keeps the page and this table the same, and sees that every test named here exists.
"""

from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- table: made by `python -m docs.money` -->", "<!-- end of the table -->"

SAGA, HOOKS, WATCH = "tests/trips/saga", "tests/webhooks", "tests/operations"


@dataclass(frozen=True)
class Cell:
    """What becomes of an event in a state of the money, and where that is tested."""

    event: str
    outcome: str
    tests: tuple[str, ...]
    """``file::function``; the file without ``.py``."""


def _c(event: str, outcome: str, *tests: str) -> Cell:
    return Cell(event, outcome, tests)


TABLE: dict[str, tuple[Cell, ...]] = {
    "Asked for: the card is being authorised": (
        _c("held", "the trip is booked", f"{SAGA}/test_confirmed::test_books_the_sample_trip"),
        _c(
            "refused, another card may help",
            "PAYMENT_PENDING with the error; nothing is booked yet",
            f"{SAGA}/test_cards::test_another_card_continues_the_same_booking",
            f"{SAGA}/test_cards::test_an_unknown_card_is_a_refused_one",
        ),
        _c(
            "refused, not to be retried",
            "FAILED at once",
            f"{SAGA}/test_cards::test_a_card_that_must_not_be_retried_ends_it_at_once",
        ),
        _c(
            "the bank is out of order",
            "the same card again, twice, each time under a new key",
            f"{SAGA}/test_cards::test_a_bank_that_is_out_of_order_is_asked_again_by_itself",
        ),
        _c(
            "no answer, in any of ten ways",
            "looked up, repeated under the same key; held once",
            f"{SAGA}/test_faults::test_fault",
            f"{SAGA}/test_cards::test_the_second_card_is_asked_once_in_effect",
        ),
        _c("the worker dies", "its successor goes on", f"{SAGA}/test_kills::test_kill"),
    ),
    "Waiting for the traveller's proof (3-D Secure)": (
        _c(
            "approved, told by webhook or found by asking",
            "the trip is booked",
            f"{HOOKS}/test_end_to_end::test_a_proof_is_told_of_and_not_only_asked_for",
            f"{SAGA}/test_validation_and_payment"
            "::test_the_traveller_authenticates_and_the_trip_goes_on",
        ),
        _c(
            "not approved",
            "PAYMENT_PENDING: another card is asked for",
            f"{SAGA}/test_cards::test_a_failed_authentication_asks_for_another_card",
        ),
        _c(
            "time is up",
            "FAILED, the payment is released",
            f"{SAGA}/test_validation_and_payment"
            "::test_a_traveller_who_does_not_authenticate_is_let_go",
        ),
        _c(
            "cancelled by the traveller",
            "CANCELLED, the payment is released",
            f"{SAGA}/test_cancel_while_running::test_temporal_cancel_while_the_traveller_authenticates",
        ),
        _c(
            "cancelled at the gateway",
            "FAILED",
            f"{HOOKS}/test_end_to_end::test_a_payment_cancelled_elsewhere_ends_the_waiting",
        ),
    ),
    "Waiting for another card": (
        _c(
            "another card is sent",
            "the same payment goes on; five cards at most",
            f"{SAGA}/test_cards::test_another_card_continues_the_same_booking",
            f"{SAGA}/test_cards::test_only_so_many_cards_may_be_tried",
            f"{SAGA}/test_cards::test_two_cards_at_once_ask_for_one",
        ),
        _c("time is up", "FAILED", f"{SAGA}/test_cards::test_nobody_sends_another_card"),
        _c(
            "cancelled by the traveller",
            "CANCELLED",
            f"{SAGA}/test_cards::test_a_cancel_ends_the_waiting_for_a_card",
        ),
        _c(
            "cancelled at the gateway",
            "the next card gets a payment of its own",
            f"{SAGA}/test_cards::test_a_payment_cancelled_at_the_gateway_is_made_anew",
        ),
    ),
    "Held": (
        _c(
            "everything is booked",
            "captured: exactly what is confirmed",
            f"{SAGA}/test_validation_and_payment"
            "::test_nothing_is_captured_for_an_experience_that_failed",
        ),
        _c(
            "the hold would lapse",
            "released and held anew before it is needed",
            f"{SAGA}/test_holds::test_a_hold_about_to_lapse_is_made_anew_before_it_is_needed",
        ),
        _c(
            "the hold has lapsed at the capture",
            "held anew once and captured, else FAILED and undone",
            f"{SAGA}/test_holds::test_a_hold_that_lapsed_before_the_capture_is_made_anew",
            f"{SAGA}/test_holds::test_a_hold_that_lapses_twice_ends_the_trip",
        ),
        _c(
            "the trip fails or is cancelled",
            "released, once",
            f"{SAGA}/test_undo::test_a_refused_hotel_undoes_flight_and_payment_in_reverse",
            f"{SAGA}/test_undo::test_an_undo_in_trouble_is_repeated",
        ),
        _c(
            "the release fails for good",
            "NEEDS_ATTENTION with a case",
            f"{SAGA}/test_undo::test_money_that_cannot_be_given_back_waits_for_an_operator",
        ),
    ),
    "Captured": (
        _c(
            "cancelled, whole or in part",
            "refunded but for the fees of the stored terms",
            f"{SAGA}/test_cancel_confirmed::test_fees_follow_the_stored_terms",
            f"{SAGA}/test_cancel_confirmed::test_one_component_can_go_and_the_rest_stands",
        ),
        _c(
            "equal amounts, one after the other",
            "each refunded, each once",
            f"{SAGA}/test_settling::test_equal_items_cancelled_one_after_the_other_are_refunded_both",
            f"{SAGA}/test_settling::test_goodwill_of_equal_amounts_is_given_as_often_as_asked",
        ),
        _c(
            "a refund without an answer",
            "found by its key, or repeated under it; paid once",
            f"{SAGA}/test_settling::test_a_goodwill_refund_is_paid_once_whatever_the_answer",
            f"{SAGA}/test_cancel_confirmed::test_trouble_on_the_way_is_settled",
        ),
        _c(
            "refunded in the dashboard",
            "recorded; NEEDS_ATTENTION until a person says why",
            f"{SAGA}/test_settling"
            "::test_a_refund_made_in_the_dashboard_is_recorded_and_a_person_looks",
            f"{HOOKS}/test_end_to_end::test_a_refund_made_elsewhere_is_found_and_a_person_asked",
            f"{WATCH}/test_reconciling::test_a_refund_in_the_dashboard",
        ),
        _c(
            "disputed",
            "the trip stands; SUSPENSE and a case until it is decided",
            f"{SAGA}/test_settling::test_a_dispute_is_on_record_until_it_is_decided",
            f"{HOOKS}/test_end_to_end::test_a_dispute_is_recorded_and_a_case",
            f"{WATCH}/test_reconciling::test_a_dispute_begins_and_ends",
        ),
        _c(
            "events twice and in any order",
            "the same end",
            f"{HOOKS}/test_end_to_end::test_events_in_any_order_and_number_lead_to_the_same",
        ),
    ),
    "Refunded": (
        _c(
            "the refund comes back",
            "NEEDS_ATTENTION, SUSPENSE; refunded anew or paid by hand",
            f"{SAGA}/test_settling"
            "::test_a_refund_that_comes_back_waits_for_a_person_who_refunds_again",
            f"{SAGA}/test_settling::test_a_refund_that_comes_back_may_be_paid_by_hand",
            f"{WATCH}/test_reconciling::test_a_refund_that_came_back",
        ),
        _c(
            "refused by the gateway",
            "NEEDS_ATTENTION; a retry asks again under a new key",
            f"{SAGA}/test_leaks::test_a_refund_refused_once_is_asked_again",
        ),
    ),
    "Released, or never held: the trip is closed": (
        _c(
            "a late success: held or taken after the end",
            "released or refunded by itself",
            f"{SAGA}/test_settling::test_a_payment_nobody_asked_for_is_given_back",
            f"{HOOKS}/test_end_to_end::test_a_payment_nobody_asked_for_is_given_back",
            f"{WATCH}/test_reconciling::test_a_late_success_after_the_end",
            f"{WATCH}/test_reconciling::test_money_taken_after_the_end_goes_back",
        ),
        _c(
            "an event of no booking",
            "kept, and a case when it holds money",
            f"{HOOKS}/test_handling::test_an_event_about_nobody_is_kept_in_the_end",
            f"{WATCH}/test_reconciling::test_a_payment_of_no_booking",
        ),
    ),
}


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| the money is | and then | what becomes of it | tests |", "|---|---|---|---|"]
    for state, cells in TABLE.items():
        for number, cell in enumerate(cells):
            tests = "<br>".join(_link(test) for test in cell.tests)
            name = f"**{state}**" if number == 0 else ""
            lines.append(f"| {name} | {cell.event} | {cell.outcome} | {tests} |")
    return "\n".join(lines)


def _link(test: str) -> str:
    file, name = test.split("::")
    return f"[{name.removeprefix('test_')}](../{file}.py)"


def page(text: str) -> str:
    """Return the page's text with the table as it is now."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    FILE.write_text(page(FILE.read_text(encoding="utf-8")), encoding="utf-8")
