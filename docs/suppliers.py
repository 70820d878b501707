"""Makes the table of ``docs/suppliers.md``: ``python -m docs.suppliers``.

A test keeps the page and this table the same, sees that every test named here exists, and holds
what the table says against what the adapters say of themselves.
"""

from dataclasses import dataclass
from pathlib import Path

from models.suppliers.listings import LISTINGS

FILE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- table: made by `python -m docs.suppliers` -->", "<!-- end of the table -->"

S = "tests/suppliers"
SWAPPED = "tests/trips/modifying/test_suppliers::test_an_item_is_swapped_at_every_supplier"
ASYNC_SAGA = "tests/suppliers/following/test_awaited::test_confirmed_later_it_is_simply_there"

COLUMNS = {
    "hold": "reserve without paying",
    "look-up": "find by our own reference what nobody answered about",
    "cancel": "and what it costs",
    "modify": "another one booked, then the old one cancelled",
    "async confirm": "yes or no later",
}


@dataclass(frozen=True)
class Cell:
    """What a supplier can do, and where that is tested."""

    can: bool
    how: str
    tests: tuple[str, ...]
    """``file::function``; the file without ``.py``."""


def _yes(how: str, *tests: str) -> Cell:
    return Cell(can=True, how=how, tests=tests)


def _no(how: str, *tests: str) -> Cell:
    return Cell(can=False, how=how, tests=tests)


TABLE: dict[str, dict[str, Cell]] = {
    "amadeus": {
        "hold": _yes(
            "every order (`DELAY_TO_CANCEL`): ours at once, free to undo until it is ticketed",
            f"{S}/test_amadeus::test_the_whole_way",
        ),
        "look-up": _no(
            "one attempt; an operator settles the unknown",
            f"{S}/test_amadeus::test_there_is_no_look_up",
            "tests/trips/saga/test_faults::test_fault",
        ),
        "cancel": _yes(
            "DELETE; once ticketed an operator's",
            f"{S}/test_amadeus::test_faults_on_cancel",
            f"{S}/test_amadeus_ticketed::test_a_ticketed_order_is_for_the_consolidator",
        ),
        "modify": _yes("", SWAPPED),
        "async confirm": _no("", f"{S}/test_amadeus::test_the_whole_way"),
    },
    "duffel": {
        "hold": _yes(
            "offers that need no instant payment: paid after the capture",
            f"{S}/test_duffel::test_hold_pay_cancel",
            f"{S}/test_duffel::test_instant",
            f"{S}/test_duffel_saga::test_a_hold_that_cannot_be_paid",
        ),
        "look-up": _yes(
            "newest orders, page by page, by `metadata`",
            f"{S}/test_duffel::test_find_reads_page_after_page",
            f"{S}/test_duffel_saga::test_an_unanswered_order_is_made_once",
        ),
        "cancel": _yes(
            "quote, then confirm; the refund tells the fee",
            f"{S}/test_duffel::test_faults_on_cancel",
            f"{S}/test_duffel_errors::test_fees",
        ),
        "modify": _yes("", SWAPPED),
        "async confirm": _yes(
            "202, then webhook or look",
            f"{S}/test_duffel_saga::test_an_order_that_is_only_accepted",
        ),
    },
    "booking_com": {
        "hold": _no("an order token is no hold", f"{S}/test_booking_com::test_the_whole_way"),
        "look-up": _yes(
            "orders created since, by `label`",
            f"{S}/test_booking_com::test_find_crosses_weeks_and_pages",
        ),
        "cancel": _yes(
            "fee by the order's policies",
            f"{S}/test_booking_com::test_faults_on_cancel",
            f"{S}/test_booking_com_following::test_cancelling_is_quoted_and_nothing_is_cancelled",
        ),
        "modify": _yes("", SWAPPED),
        "async confirm": _no("", f"{S}/test_booking_com::test_the_whole_way"),
    },
    "ratehawk": {
        "hold": _no("a form is no hold", f"{S}/test_ratehawk::test_the_whole_way"),
        "look-up": _yes(
            "status of `partner_order_id`, of every attempt's",
            f"{S}/test_ratehawk_orders::test_find_asks_about_all_ids",
            f"{S}/test_ratehawk_saga::test_an_unanswered_call_books_once",
        ),
        "cancel": _yes(
            "`amount_payable` is the fee",
            f"{S}/test_ratehawk::test_the_fee_is_what_the_hotel_kept",
            f"{S}/test_ratehawk_outcomes::test_not_cancellable",
        ),
        "modify": _yes("", SWAPPED),
        "async confirm": _yes(
            "status or webhook, to the cut-off",
            f"{S}/test_ratehawk_saga::test_a_trip_with_a_hotel_that_is_decided_later",
            f"{S}/test_ratehawk_outcomes::test_what_is_too_slow_has_failed_at_the_cut_off",
        ),
    },
    "viator": {
        "hold": _no(
            "the price only, for five minutes, within `book`",
            f"{S}/test_viator::test_faults_on_the_hold_leave_nothing_behind",
        ),
        "look-up": _yes(
            "status of `partnerBookingRef`",
            f"{S}/test_viator_errors::test_find",
            f"{S}/test_viator::test_a_late_commit_after_the_repeat_makes_no_second_booking",
        ),
        "cancel": _yes(
            "quote, then cancel",
            f"{S}/test_viator::test_faults_on_cancel",
            f"{S}/test_viator_following::test_cancelling_is_quoted_and_nothing_is_cancelled",
        ),
        "modify": _yes("", SWAPPED),
        "async confirm": _yes(
            "PENDING up to 72 h; the trip stands meanwhile",
            f"{S}/test_viator_following::test_pending_then_confirmed_or_rejected",
            "tests/trips/saga/test_awaited::test_the_trip_stands_while_an_experience_is_awaited",
            ASYNC_SAGA,
            "tests/suppliers/following/test_awaited::test_refused_later_its_price_goes_back",
        ),
    },
    "getyourguide": {
        "hold": _yes(
            "a cart, confirmed before the capture",
            f"{S}/test_getyourguide::test_the_whole_way",
            f"{S}/test_getyourguide_saga::test_a_hold_that_is_too_short_fails_the_trip_cleanly",
        ),
        "look-up": _no(
            "an unanswered hold lets itself go; a confirmation is looked up by the cart's hash",
            f"{S}/test_getyourguide::test_a_hold_lets_itself_go",
            f"{S}/test_getyourguide::test_faults_on_complete",
        ),
        "cancel": _yes(
            "DELETE; the fee by the policy",
            f"{S}/test_getyourguide::test_the_fee_is_the_policy_s",
            f"{S}/test_getyourguide::test_faults_on_cancel",
        ),
        "modify": _yes("", SWAPPED),
        "async confirm": _yes(
            "up to 48 h; the trip stands meanwhile",
            f"{S}/test_getyourguide::test_what_is_not_free_sale_is_confirmed_by_its_supplier",
            f"{S}/test_getyourguide_saga::test_what_its_supplier_confirms_later",
        ),
    },
}


def table() -> str:
    """Return the table as Markdown, one supplier a line."""
    heads = (f"{name}<br>{meaning}" for name, meaning in COLUMNS.items())
    lines = ["| supplier | " + " | ".join(heads) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for listing in LISTINGS:
        cells = (_shown(TABLE[listing.name][column]) for column in COLUMNS)
        lines.append(f"| **{listing.title}** | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _shown(cell: Cell) -> str:
    said = "**yes**" if cell.can else "**no**"
    words = f"{said}: {cell.how}" if cell.how else said
    links = []
    for test in cell.tests:
        file, function = test.split("::")
        links.append(f"[{function.removeprefix('test_')}](../{file}.py)")
    return "<br>".join([words, *links])


def page(text: str) -> str:
    """Return the page's text with the table as it is now."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    FILE.write_text(page(FILE.read_text(encoding="utf-8")), encoding="utf-8")
