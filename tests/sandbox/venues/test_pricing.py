"""The emulated prices by plain HTTP: totals, deposits, terms in the venue's time, drift."""

import datetime as dt

import pytest

from tests.sandbox.venues.conftest import Caller, coming, last_sunday, slot

SATURDAY = coming(5)


async def test_a_deposit_of_a_menu(caller: Caller) -> None:
    status, price = await caller.ask(
        "calculate", {"slot": slot("chefs-table", SATURDAY, "19:00", 2)}
    )
    assert status == 200
    (line,) = price["lines"]
    assert (line["quantity"], line["unit_amount"], line["amount"]) == (2, 9_500, 19_000)
    assert (price["total"], price["deposit"], price["no_show_fee"]) == (19_000, 4_000, 4_000)
    day = dt.date.fromisoformat(SATURDAY) - dt.timedelta(days=1)
    assert price["cancellation"] == [
        {"until": f"{day}T16:00:00Z", "fee": 0},  # 18:00 in Berlin, in summer
        {"until": None, "fee": 4_000},
    ]
    assert dt.datetime.fromisoformat(price["valid_until"]) > caller.world.now()


@pytest.mark.parametrize(
    ("venue", "time", "total", "currency", "late"),
    [
        ("kantine", "19:00", 0, "EUR", 0),
        ("cafe-aurora", "12:00", 0, "EUR", 0),
        ("galerie-on-request", "19:00", 0, "EUR", 0),
        ("atelier", "12:00", 2_500, "EUR", 1_250),
        ("hudson-day", "12:00", 8_900, "USD", 8_900),
    ],
)
async def test_free_and_whole(
    caller: Caller, venue: str, time: str, total: int, currency: str, late: int
) -> None:
    body = {"slot": slot(venue, SATURDAY, time)}
    status, price = await caller.ask("estimate", body)
    assert (status, price["total"], price["currency"]) == (200, total, currency)
    assert (price["deposit"], price["valid_until"]) == (None, None)
    assert price["cancellation"][-1] == {"until": None, "fee": late}
    assert sum(line["amount"] for line in price["lines"]) == total
    calculated = (await caller.ask("calculate", body))[1]
    assert {**calculated, "valid_until": None} == price


@pytest.mark.parametrize("month", [3, 10])
async def test_the_day_before_is_in_the_venue_s_time(caller: Caller, month: int) -> None:
    """The deadline is on the other side of the change of clocks than the slot."""
    sunday = last_sunday(month)
    body = {"slot": slot("hudson-day", (sunday + dt.timedelta(days=1)).isoformat(), "12:00")}
    until = (await caller.ask("calculate", body))[1]["cancellation"][0]["until"]
    local = dt.datetime.fromisoformat(until).astimezone(dt.UTC)
    assert local.hour == 22  # 18:00 in New York, in summer time until November
    day = _second_sunday_of_march(sunday.year)
    for slot_day, utc_hour in ((day, 23), (day + dt.timedelta(days=1), 22)):
        body = {"slot": slot("hudson-day", slot_day.isoformat(), "12:00")}
        until = (await caller.ask("calculate", body))[1]["cancellation"][0]["until"]
        assert dt.datetime.fromisoformat(until).hour == utc_hour


def _second_sunday_of_march(year: int) -> dt.date:
    day = dt.date(year, 3, 8)
    return day + dt.timedelta(days=(6 - day.weekday()) % 7)


async def test_a_price_drifts_by_ten_per_cent_once(caller: Caller) -> None:
    body = {"slot": slot("hudson-day", SATURDAY, "12:00")}
    caller.world.faults.arm("pricing", "calculate", "price_drift")
    assert (await caller.ask("calculate", body))[1]["total"] == 9_790
    assert (await caller.ask("calculate", body))[1]["total"] == 8_900
