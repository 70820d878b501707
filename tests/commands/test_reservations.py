"""Reservations from the command line: made, shown, told, moved and cancelled."""

import asyncio
import datetime as dt
import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from typer.testing import Result

from commands.reserving import a_thursday
from tests.api.conftest import operator_key as operator_key
from tests.api.conftest import whole as whole
from tests.api.server import Served
from tests.commands.conftest import Tripsaga, pointed
from tests.support.stack import Stack

Ask = Callable[..., Result]


@pytest.fixture
def ask(
    tripsaga: Tripsaga,
    whole: Served,
    operator_key: str,
    world: Stack,
    monkeypatch: pytest.MonkeyPatch,
) -> Ask:
    world.ensure_worker()
    monkeypatch.setenv("SANDBOX_URL", world.sandbox.url)
    monkeypatch.setenv("DATABASE_URL", world.settings.database.url)
    return pointed(tripsaga, whole.url, operator_key, monkeypatch)


def reserved(ask: Ask, *words: str) -> dict[str, Any]:
    done = ask("reserve", *words, "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output))


def begins(world: Stack, booking: str, *, minutes: int) -> None:
    """Have a reservation begin in so many minutes: nobody waits for a Thursday."""

    async def write() -> None:
        url = world.settings.database.url
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute(
                "UPDATE reservations SET starts_at = now() + %s * interval '1 minute',"
                " ends_at = now() + %s * interval '1 minute' WHERE booking_id = %s",
                (minutes, minutes + 90, booking),
            )

    asyncio.run(write())


def test_a_table_is_reserved_step_by_step_and_told(ask: Ask) -> None:
    done = ask("reserve", "--watch")
    assert done.exit_code == 0, done.output
    for words in ("… place     Reserving Chef's Table", "40.00 EUR paid.", "paid 40.00 EUR"):
        assert words in done.output
    reference = done.output.rpartition("next: tripsaga why ")[2].strip()
    assert f"{reference}  CONFIRMED" in done.output
    shown, why = ask("show", reference), ask("why", reference)
    listed = ask("list", "--kind", "reservation")
    assert (shown.exit_code, why.exit_code, listed.exit_code) == (0, 0, 0)
    assert "CONFIRMED" in shown.output
    assert "is reserved: inv_" in why.output
    assert reference in listed.output
    assert reference in ask("list", "--limit", "100").output
    assert reference not in ask("list", "--kind", "trip").output
    for told in (shown, why, done):
        assert "trip" not in told.output.replace("tripsaga", "").replace("stripe", "").lower()


@pytest.mark.parametrize("how", [(), ("--watch",)])
def test_a_venue_that_decides_by_hand_approves(ask: Ask, how: tuple[str, ...]) -> None:
    venue = f"chefs-table~{uuid.uuid4().hex[:8]}"
    done = ask("reserve", "--venue", venue, "--approve", *how)
    assert done.exit_code == 0, done.output
    assert "  CONFIRMED" in done.output
    assert "paid 40.00 EUR" in done.output
    # Whoever does not approve for the venue is told what the reservation waits for, at once.
    week, fortnight = (str(a_thursday() + dt.timedelta(days=days)) for days in (7, 14))
    held = ask("reserve", "--venue", venue, "--date", week, "--json")
    assert held.exit_code == 1, held.output
    waiting = json.loads(held.output)
    assert waiting["status"] == "PENDING"
    assert waiting["message"].startswith("The place is held until the venue approves")
    assert waiting["seconds"] < 30
    at_once = reserved(ask, "--approve", "--venue", venue, "--date", fortnight)
    assert at_once["payment"]["captured"] == 4000


def test_it_is_cancelled_after_the_price_is_shown(ask: Ask) -> None:
    reference = reserved(ask)["booking_reference"]
    done = ask("cancel", reference, "--yes")
    assert done.exit_code == 0, done.output
    assert "Given back" in done.output
    assert "The reservation was cancelled by the venue or by our staff." in done.output
    assert "refunded 40.00 EUR" in done.output
    again = ask("no-show", reference)
    assert (again.exit_code, "STATE_CONFLICT" in again.stderr) == (3, True)


@pytest.mark.parametrize(
    ("part", "status", "told"),
    [
        ("place", "CANCELLED", "was refused"),
        ("payment", "PENDING", "next: tripsaga card"),
    ],
)
def test_a_step_fails_on_purpose(ask: Ask, part: str, status: str, told: str) -> None:
    done = ask("reserve", "--fail", part, "--watch")
    assert done.exit_code == 0, done.output
    assert f"  {status}" in done.output
    assert told in done.output


def test_what_fails_unasked_is_an_exit_code(ask: Ask) -> None:
    declined = ask("reserve", "--pay", "pm_card_chargeDeclined")
    assert declined.exit_code == 1, declined.output
    reference = declined.output.rpartition("next: tripsaga card ")[2].split()[0]
    paid = ask("card", reference, "pm_card_visa")
    assert (paid.exit_code, "CONFIRMED" in paid.output) == (0, True), paid.output


def test_a_full_table_is_refused_with_other_times(ask: Ask) -> None:
    venue = f"kantine~{uuid.uuid4().hex[:8]}"
    words = ("--venue", venue, "--table", "table-7", "--party", "4")
    made = reserved(ask, *words)
    taken = ask("reserve", *words, "--date", made["date"])
    assert (taken.exit_code, "is another party's" in taken.stderr) == (3, True), taken.output
    closed = ask("reserve", "--venue", venue, "--time", "17:00")
    assert closed.exit_code == 3
    assert "SLOT_UNAVAILABLE" in closed.stderr
    assert re.search(rf"Free at {made['date']} \d\d:\d\d[+]0[12]:00", closed.stderr)
    unknown = ask("reserve", "--venue", "nowhere")
    assert (unknown.exit_code, "There is no such venue" in unknown.stderr) == (3, True)


def test_guests_come_go_and_stay_away(ask: Ask, world: Stack) -> None:
    made = reserved(ask)
    early = ask("check-in", made["booking_reference"])
    assert (early.exit_code, "Guests are checked in from" in early.stderr) == (3, True)
    begins(world, made["id"], minutes=30)
    came = ask("check-in", made["booking_reference"])
    assert (came.exit_code, "CHECKED_IN" in came.output) == (0, True), came.output
    begins(world, made["id"], minutes=-30)
    over = ask("complete", made["id"], "--json")
    assert json.loads(over.output)["status"] == "COMPLETED"
    missed = reserved(ask)
    begins(world, missed["id"], minutes=-30)
    noted = ask("no-show", missed["booking_reference"].lower())
    assert (noted.exit_code, "NO_SHOW" in noted.output) == (0, True), noted.output
    kept = ask("cancel", missed["booking_reference"], "--yes")
    assert kept.exit_code == 3
    assert "The guest did not come" in kept.stderr


def test_what_is_asked_for_is_what_is_sent(ask: Ask) -> None:
    day = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=20)
    venue = f"cafe-aurora~{uuid.uuid4().hex[:8]}"
    words = ("--type", "cafe", "--date", day.isoformat(), "--time", "10:15", "--party", "3")
    made = reserved(ask, "--venue", venue, *words)
    assert (made["venue"]["id"], made["venue"]["type"]) == (venue, "CAFE")
    assert (made["date"], made["time"], made["party_size"]) == (day.isoformat(), "10:15", 3)
    assert made["payment"]["status"] == "not_required"
    again = reserved(ask, "--venue", venue, "--time", "11:00")  # its kind is known by now
    assert again["venue"]["type"] == "CAFE"
