"""The report of a day: its figures, its differences, and the ways to read it."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli import app
from models.bookings.booking import Booking
from models.payments.day_report import CurrencyFigures, DayReport, Difference
from tests.api.server import Served, add_caller, serve
from tests.operations.conftest import watch
from tests.operations.outside import Outside
from tests.operations.record import Record
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import confirmed


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


async def report_of(record: Record, day: dt.date) -> DayReport:
    row = await record.row("SELECT * FROM reconciliations WHERE day = %(day)s", day=day)
    return DayReport.model_validate(row)


def about(report: DayReport, booking: Booking) -> list[str]:
    return [one.what for one in report.differences if one.booking_id == booking.id]


async def test_the_figures_are_those_of_the_gateways_own_list(
    stack: Stack, record: Record, outside: Outside
) -> None:
    kept = await confirmed(stack)
    await stack.cancel((await confirmed(stack)).id)
    assert kept.payment.id is not None
    await outside.dispute(kept.payment.id)
    await outside.pay(1_234, booking=None, captured=True, currency="sek")
    await watch(stack)
    summary = await watch(stack, day=today())
    assert summary.reported is not None
    report = await report_of(record, today())
    state = (await stack.sandbox.http.get("/_sandbox/state")).json()["payments"]
    booked = [row for row in state if row["booking"] and row["currency"] == "USD"]
    dollars = report.currencies["USD"]
    there = [sum(row[name] for row in booked) for name in ("captured", "refunded", "disputed")]
    gateway = dollars.gateway
    assert [gateway.captured, gateway.refunded, gateway.disputed] == there
    assert gateway.disputed >= kept.payment.captured
    assert dollars.payments == len(booked)
    assert about(report, kept) == []
    assert report.currencies["SEK"].payments == 0
    assert report.currencies["SEK"].foreign.captured >= 1_234
    assert summary.reported.differences == len(report.differences)


async def test_what_differs_is_told_until_it_is_gone(
    stack: Stack, record: Record, outside: Outside
) -> None:
    booking = await confirmed(stack)
    await record.post(booking, "planted", "GATEWAY", "FEES", 300)
    await watch(stack, day=today())
    report = await report_of(record, today())
    cash = booking.payment.captured
    assert about(report, booking) == [f"{cash + 300} in the ledger, {cash} on record"]
    await record.post(booking, "mended", "FEES", "GATEWAY", 300)
    await watch(stack, day=today())
    assert about(await report_of(record, today()), booking) == []


async def test_yesterday_is_reported_once_with_a_full_round(stack: Stack, record: Record) -> None:
    yesterday = today() - dt.timedelta(days=1)
    await record.do("DELETE FROM reconciliations WHERE day = %(day)s", day=yesterday)
    first = await watch(stack)
    assert first.reported is not None
    assert (first.reported.day, first.reported.differences) == (yesterday, 0)
    second = await watch(stack)
    assert second.reported is None
    report = await report_of(record, yesterday)
    assert (report.currencies, report.differences) == ({}, [])


# -- reading it ----------------------------------------------------------------------------------


async def write(record: Record, report: DayReport) -> None:
    """Have a day been reported so."""
    await record.do(
        "INSERT INTO reconciliations (day, gateway, currencies, differences, run_at)"
        " VALUES (%(day)s, %(gateway)s, %(currencies)s::jsonb, %(differences)s::jsonb, %(run_at)s)",
        **{
            **report.row(),
            "currencies": json.dumps(report.row()["currencies"]),
            "differences": json.dumps(report.row()["differences"]),
        },
    )


@pytest.fixture
def served(stack: Stack) -> Iterator[Served]:
    with serve(stack.settings) as served:
        yield served


async def test_operators_read_it_over_http(stack: Stack, record: Record, served: Served) -> None:
    day = dt.date(2999, 1, 2)
    await write(
        record,
        DayReport(
            day=day,
            gateway="stripe",
            run_at=dt.datetime.now(dt.UTC),
            currencies={"USD": CurrencyFigures(payments=3)},
            differences=[],
        ),
    )
    url = stack.settings.database.url
    operator = {"X-API-Key": add_caller(url, role="operator")}
    planner = {"X-API-Key": add_caller(url)}
    async with httpx.AsyncClient(base_url=served.url) as http:
        listed = await http.get("/operator/reconciliations", headers=operator)
        assert listed.status_code == 200
        newest = listed.json()["reconciliations"][0]
        assert newest["day"] == str(day)
        assert isinstance(newest["differences"], int)
        whole = await http.get(f"/operator/reconciliations/{day}", headers=operator)
        (report,) = whole.json()["reconciliations"]
        assert report["runAt"].startswith(str(today()))
        dollars = report["currencies"]["USD"]
        assert dollars["payments"] == 3
        assert dollars["recorded"]["captured"] == dollars["gateway"]["captured"] == 0
        unknown = await http.get("/operator/reconciliations/2001-01-01", headers=operator)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "DAY_UNKNOWN")
        nonsense = await http.get("/operator/reconciliations/yesterday", headers=operator)
        assert nonsense.status_code == 422
        for headers, status in ((planner, 403), ({}, 401)):
            refused = await http.get("/operator/reconciliations", headers=headers)
            assert refused.status_code == status
    await record.do("DELETE FROM reconciliations WHERE day = %(day)s", day=day)


@pytest.fixture
def tripsaga(stack: Stack, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command line, on this world."""
    monkeypatch.setenv("TRIPSAGA_VAR", str(tmp_path / "var"))
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)
    return CliRunner()


def test_it_is_read_and_made_on_the_command_line(tripsaga: CliRunner) -> None:
    made = tripsaga.invoke(app, ["reconcile", "--now", "--json"])
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    assert found["reports"][0]["day"] == str(today())
    assert found["round"]["checked"]["violations"]["I9"] == 0
    read = tripsaga.invoke(app, ["reconcile"])
    assert read.exit_code == 0, read.output
    assert "record, gateway and ledger agree" in read.stdout
    assert "USD gateway" in read.stdout
    long_ago = tripsaga.invoke(app, ["reconcile", "--day", "2020-02-29"])
    assert "No payments were made on this day" in long_ago.stdout
    tomorrow = str(today() + dt.timedelta(days=1))
    assert tripsaga.invoke(app, ["reconcile", "--day", tomorrow]).exit_code == 2


async def test_a_difference_ends_the_command_with_1(
    stack: Stack, record: Record, tripsaga: CliRunner
) -> None:
    day = dt.date(2019, 5, 1)
    report = DayReport(
        day=day,
        gateway="stripe",
        run_at=dt.datetime.now(dt.UTC),
        currencies={"JPY": CurrencyFigures()},
        differences=[Difference(booking_id=None, payment_id="pi_1", what="took 5")],
    )
    await write(record, report)
    read = await asyncio.to_thread(tripsaga.invoke, app, ["reconcile", "--day", str(day)])
    assert read.exit_code == 1
    assert "pi_1 (no booking): took 5" in read.stdout
    await record.do("DELETE FROM reconciliations WHERE day = %(day)s", day=day)
