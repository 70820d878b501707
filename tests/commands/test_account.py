"""What people read about their bookings."""

import re
from typing import Any

import pytest
from rich.console import Console, RenderableType

from commands.account import account_panel, booking_panel, say_step
from commands.cancel_quotes import cancel_quote_panel
from commands.output import out
from commands.trips import Account
from commands.why import reasons, story

TRIP: dict[str, Any] = {
    "tripOptionId": "t",
    "totalPrice": 100,
    "currency": "USD",
    "components": [{"type": "FLIGHT", "title": "New York – [Lisbon]"}],
}
CONFIRMED: dict[str, Any] = {
    "success": True,
    "bookingId": "b",
    "bookingReference": "TS-1",
    "state": "CONFIRMED",
    "confirmations": {
        "flights": [
            {
                "confirmationCode": "C",
                "pnr": "PNR123",
                "totalPrice": 60000,
                "currency": "USD",
            }
        ],
        "hotels": [
            {
                "confirmationCode": "H-9",
                "hotelName": "Grand [bold]",
                "totalPrice": 5000,
                "currency": "JPY",
                "payAtProperty": [
                    {"name": "city tax", "amount": 1500, "currency": "EUR", "conditional": False},
                    {"name": "cleaning", "amount": None, "currency": None, "conditional": True},
                ],
            }
        ],
        "activities": [],
    },
    "payment": {"paymentIntentId": "pi_1", "amount": 65000, "currency": "USD"},
    "warnings": ["The boat tour is not part of the trip."],
}
FAILED: dict[str, Any] = {
    "success": False,
    "bookingReference": "TS-2",
    "state": "FAILED",
    "confirmations": {"flights": [], "hotels": [], "activities": []},
    "payment": {"paymentIntentId": None, "amount": 0, "currency": "USD"},
    "error": {
        "code": "UNAVAILABLE",
        "message": "The hotel is full.",
        "failedStep": "hotel",
        "undone": [{"title": "Flight", "message": "was cancelled"}],
        "money": "Nothing was taken.",
        "nextStep": "Choose another hotel.",
    },
}


def text(what: RenderableType) -> str:
    console = Console(width=120, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(what)
    return capture.get()


def test_a_confirmed_trip_shows_codes_and_money() -> None:
    shown = text(account_panel(Account(TRIP, CONFIRMED, 1.234)))
    for expected in ("TS-1", "CONFIRMED", "PNR123", "600.00 USD", "H-9", "650.00 USD", "1.23 s"):
        assert expected in shown
    assert "5,000 JPY" in shown  # a currency without minor units
    assert "New York – [Lisbon]" in shown  # brackets of suppliers are no markup
    assert "Grand [bold]" in shown
    assert "boat tour" in shown
    for expected in ("to pay there: city tax", "15.00 EUR", "if due, to pay there: cleaning"):
        assert expected in shown


def test_a_failed_trip_says_what_why_and_what_next() -> None:
    shown = text(account_panel(Account(TRIP, FAILED, 0.5)))
    for expected in (
        *("FAILED", "The hotel is full.", "↩ was cancelled", "Nothing was taken."),
        *("Choose another hotel.", "UNAVAILABLE at hotel"),
    ):
        assert expected in shown


def test_a_whole_booking_shows_payment_and_history() -> None:
    shown = text(
        booking_panel(
            {
                "bookingReference": "TS-3",
                "state": "CANCELLED",
                "components": [
                    {
                        "type": "HOTEL",
                        "title": "Grand",
                        "supplier": "booking_com",
                        "status": "CANCELLED",
                        "vendorConfirmation": "H-9",
                        "amount": 5000,
                        "currency": "USD",
                    }
                ],
                "payment": {
                    "paymentIntentId": "pi_1",
                    "status": "refunded",
                    "captured": 5000,
                    "refunded": 4000,
                    "currency": "USD",
                },
                "history": [
                    {"at": "2031-02-03T04:05:06.7+00:00", "toState": "CANCELLED", "why": "rain"}
                ],
            }
        )
    )
    for expected in (
        *("TS-3", "Grand", "H-9", "pi_1: refunded", "captured 50.00 USD", "refunded 40.00 USD"),
        *("2031-02-03 04:05:06", "rain"),
    ):
        assert expected in shown


def test_a_step_is_a_line_and_goes_on_below_itself_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(out, "width", 50)
    said = []
    for terminal in (False, True):
        monkeypatch.setattr(out, "_force_terminal", terminal)
        with out.capture() as captured:
            say_step(1.5, "undone", "hotel", "Nothing [is] held by anybody any more.")
        said.append(re.sub(r"\x1b\[[\d;]*m", "", captured.get()).rstrip())
    assert said[0] == "    1.50 s  ↩ hotel     Nothing [is] held by anybody any more."
    assert [line.rstrip() for line in said[1].splitlines()] == [
        "    1.50 s  ↩ hotel     Nothing [is] held by",
        "                        anybody any more.",
    ]


FORGED = "please\n   20.77 s  ✓ refund      99,999.00 USD is on its way back."
SHOWN = "please⏎   20.77 s  ✓ refund      99,999.00 USD is on its way back."


@pytest.mark.parametrize("terminal", [False, True])
def test_a_callers_reason_makes_no_lines_of_its_own(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    monkeypatch.setattr(out, "width", 200)
    monkeypatch.setattr(out, "_force_terminal", terminal)
    entry = {"at": "2031-02-03T04:05:06.7+00:00", "toState": "CANCELLED", "why": FORGED}
    booking = {
        "bookingReference": "TS-3",
        "state": "CANCELLED",
        "history": [entry],
        "error": {"message": FORGED, "code": "X"},
        "warnings": [FORGED],
    }
    with out.capture() as captured:
        say_step(1.5, "undone", "booking", FORGED)
        out.print(booking_panel(booking))
    said = re.sub(r"\x1b\[[\d;]*m", "", captured.get())
    assert said.count(SHOWN) == 4, said
    head = {"note": None, "components": [], "cancelReason": FORGED, **booking}
    assert reasons({**head, "error": {"message": "no", "money": ""}}) == ["no", SHOWN, SHOWN]


def test_nothing_that_is_copied_is_cut_in_a_narrow_terminal() -> None:
    item = {"type": "ACTIVITY", "title": "A long walk " * 9, "supplier": "getyourguide"}
    stored = {"status": "CONFIRMED", "vendorConfirmation": "BR-519880508", "amount": 133_518}
    booking = {
        "bookingReference": "TS-4K7QP-9XW2M",
        "state": "CONFIRMED",
        "components": [{**item, **stored, "currency": "USD"}],
    }
    line = {**item, "price": 133_518, "kept": 11_000, "refund": 122_518, "supplierSays": None}
    total = {"price": 133_518, "kept": 11_000, "refund": 122_518, "currency": "USD"}
    quote = {
        "bookingReference": "TS-4K7QP-9XW2M",
        "total": total,
        "components": [{**line, "validUntil": "2031-02-11T08:14:02Z"}],
        "operatorNeeded": False,
        "money": "Nothing has been cancelled.",
    }
    console = Console(width=80)
    with console.capture() as capture:
        console.print(booking_panel(booking))
        console.print(cancel_quote_panel(quote))
    shown = capture.get()
    assert max(map(len, shown.splitlines())) <= 80
    for whole in (
        "BR-519880508",
        "CONFIRMED",
        "1,335.18 USD",
        "110.00 USD",
        "2031-02-11 08:14 UTC",
    ):
        assert whole in shown, shown
    assert "…" not in shown


def test_a_refund_is_told_after_the_call_that_made_it() -> None:
    """The gateway's clock has whole seconds."""

    def at(seconds: str) -> str:
        return f"2031-02-03T04:05:{seconds}+00:00"

    def ask(operation: str, begun: str, ended: str | None, made: str | None) -> dict[str, Any]:
        asked = {"provider": "stripe", "operation": operation, "number": 1, "item": None}
        told = {"outcome": "done", "settled": None, "httpStatus": 200, "code": None}
        ids = {"orderId": made, "requestId": None}
        return {**asked, **told, **ids, "startedAt": begun, "finishedAt": ended}

    booking = {
        "history": [],
        "payment": {
            "currency": "USD",
            "refunds": [
                {"id": "re_1", "amount": 1, "status": "succeeded", "at": at("07")},
                {"id": "re_2", "amount": 1, "status": "succeeded", "at": at("07")},
                {"id": "re_by_hand", "amount": 1, "status": "succeeded", "at": at("01")},
            ],
        },
    }
    calls = [
        ask("capture", at("03"), at("03.5"), "pi_1"),
        ask("refund", at("06.9"), at("07.4"), "re_1"),
        ask("refund", at("07.6"), at("08.1"), "re_2"),
        ask("refund", at("20"), None, None),
    ]
    lines = story(booking, [], calls, [])
    told = [(line.what, line.text.split(" · ")[0].split(" of ")[0]) for line in lines]
    assert told == [
        ("money", "refund re_by_hand"),
        ("stripe", "capture"),
        ("stripe", "refund"),
        ("money", "refund re_1"),
        ("stripe", "refund"),
        ("money", "refund re_2"),
        ("stripe", "refund"),
    ]
