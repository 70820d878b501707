"""An operator's commands, against a real API and record whose Temporal is away."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from typer.testing import Result

from localworld import services
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CaseNote
from tests.api.conftest import key as key
from tests.api.conftest import lonely as lonely
from tests.api.conftest import operator_key as operator_key
from tests.api.server import Served
from tests.commands.conftest import Tripsaga, pointed
from tests.ledger.bookings import confirm
from tests.ledger.conftest import Books

Ask = Callable[..., Result]


@pytest.fixture
def ask(
    tripsaga: Tripsaga, lonely: Served, operator_key: str, monkeypatch: pytest.MonkeyPatch
) -> Ask:
    return pointed(tripsaga, lonely.url, operator_key, monkeypatch, width=80)


def made(database_url: str, *, case: str = "") -> Booking:
    """A confirmed booking on record; with a case where one is named."""

    async def make() -> Booking:
        books = Books(database_url)
        try:
            booking = confirm(await books.open())
            notes = (
                [CaseNote(kind="SAGA", source=f"test:{booking.id}", summary=case)] if case else []
            )
            return await books.record(booking, BookingState.CONFIRMED, cases=notes)
        finally:
            await books.engine.dispose()

    return asyncio.run(make())


def test_a_booking_is_listed_shown_and_explained_by_its_reference(
    ask: Ask, database_url: str
) -> None:
    booking = made(database_url)
    typed = booking.reference.lower().replace("-", "")
    code = booking.items[0].reference
    listed = ask("list", "--code", code)
    assert f"{booking.reference}  CONFIRMED" in listed.output, "neither is cut"
    assert booking.reference in listed.output
    assert f"next: tripsaga why {booking.reference}" in listed.output
    page = json.loads(ask("list", "--code", code, "--state", "confirmed", "--json").output)
    assert [one["bookingId"] for one in page["bookings"]] == [booking.id]

    shown = ask("show", typed)
    assert booking.reference in shown.output
    assert f"next: tripsaga why {booking.reference}" in shown.output

    told = ask("why", typed)
    assert told.exit_code == 0, told.output
    story = [line for line in told.output.splitlines() if " s  " in line]
    assert "The booking is accepted" in story[0]
    assert [float(line.split(" s ")[0]) for line in story] == sorted(
        float(line.split(" s ")[0]) for line in story
    )
    assert f"next: tripsaga cancel {booking.reference} --dry-run" in told.output
    assert ask("attempts", typed).exit_code == 0
    assert f"/workflows/{booking.id}" in ask("open", typed, "--no-browser").output
    in_states = ask("open", "--state", "failed", "--state", "cancelled", "--no-browser").output
    assert (
        unquote(in_states)
        .strip()
        .endswith('/workflows?query=`BookingState`="FAILED" OR `BookingState`="CANCELLED"')
    )
    assert ask("open").exit_code == 2
    assert ask("open", typed, "--state", "failed").exit_code == 2
    for answer in (listed, shown):
        assert max(map(len, answer.output.splitlines())) <= 80, answer.output


def test_a_decision_names_one_case_and_wants_a_note(ask: Ask, database_url: str) -> None:
    booking = made(database_url, case="the flight may stand")
    empty = ask("resolve", booking.reference, "resolved", "  ")
    assert empty.exit_code == 2
    assert "needs a note" in empty.stderr
    unasked = ask("resolve", booking.reference, "resolved", "done by phone")
    assert "the flight may stand" in unasked.output
    assert unasked.exit_code == 2, "nobody is there to be asked"
    other = ask("resolve", booking.reference, "resolved", "x", "--case", "999999", "--yes")
    assert other.exit_code == 2
    assert "open cases" in other.stderr
    told = ask("why", booking.reference)
    assert "is opened: the flight may stand" in told.output.replace("\n", " ")
    assert "next: tripsaga resolve" in told.output


def test_a_refund_that_nobody_answers_can_be_asked_again(ask: Ask, database_url: str) -> None:
    """Under the same key: it may have been given, and is given once."""
    booking = made(database_url)
    words = ("refund", booking.reference, "12.50", "The tour began late.", "--yes")
    lost = ask(*words)
    assert lost.exit_code == 4
    told, *_ = lost.stderr.splitlines()
    assert told.startswith("key: ")
    key = told.removeprefix("key: ")
    assert f"the same again with --key {key}" in lost.stderr
    assert f"--key {key}" in ask(*words, "--key", key).stderr


def test_nothing_is_cancelled_or_refunded_without_consent(ask: Ask, database_url: str) -> None:
    booking = made(database_url)
    refund = ask("refund", booking.reference, "12.50", "The tour began late.")
    assert refund.exit_code == 2
    assert "12.50" in refund.output
    assert "say --yes" in refund.stderr
    assert ask("refund", booking.reference, "12.505", "x", "--yes").exit_code == 2
    too_much = ask("refund", booking.reference, "99999", "x", "--yes")
    assert too_much.exit_code == 3
    assert "go back" not in too_much.output
    assert "is left of what was paid" in too_much.stderr
    assert ask("attempts", "TS-00000-00000").exit_code == 3
    unknown = ask("cancel", "TS-00000-00000")
    assert unknown.exit_code == 3
    assert "no booking" in unknown.stderr


def _world(var: Path, **changes: Any) -> None:
    var.mkdir(parents=True)
    found: dict[str, Any] = {
        "api": "http://127.0.0.1:1",
        "temporal": "127.0.0.1:7",
        "temporal_ui": "http://127.0.0.1:8",
        "codec": "http://127.0.0.1:9/token",
        "sandbox": "http://127.0.0.1:2",
        "database": "postgresql://postgres@/t?host=/a b",
        "metrics": "",
        "api_key": "ts_x'y",
        "pids": {},
    }
    services.write(var / "services.json", {**found, **changes})  # type: ignore[typeddict-item]


def test_the_environment_can_be_evaluated(tripsaga: Tripsaga, var: Path) -> None:
    assert "make run" in tripsaga("env").stderr
    _world(var)
    script = tripsaga("env").output + 'printf "%s|%s|%s" "$API" "$KEY" "$DB"'
    script += '; env | grep -c "^API=" >&2'
    told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
    assert told.stderr.strip() == "0", "exported, it would be read as a setting"
    assert told.stdout == "http://127.0.0.1:1|ts_x'y|postgresql://postgres@/t?host=/a b"


def test_the_worker_is_killed(tripsaga: Tripsaga, var: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as victim:
        _world(var, pids={"worker": victim.pid, "api": None})
        assert tripsaga("kill", "worker").exit_code == 0
        assert victim.wait(10) == -signal.SIGKILL
    away = tripsaga("kill", "api")
    assert "no api runs here" in away.stderr
    assert away.exit_code == 4


def test_temporal_is_run_as_it_is_with_its_world(
    tripsaga: Tripsaga, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _world(var)
    ran: list[Any] = []
    monkeypatch.setattr(os, "execve", lambda *call: ran.append(call))
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_CODEC_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    words = ("workflow", "show", "--workflow-id", "b", "--help", "-o", "json")
    assert tripsaga("temporal", *words).exit_code == 0
    ((_, arguments, environment),) = ran
    assert tuple(arguments[1:]) == words
    assert environment["TEMPORAL_ADDRESS"] == "127.0.0.1:7"
    assert environment["TEMPORAL_CODEC_ENDPOINT"] == "http://127.0.0.1:9/token"
