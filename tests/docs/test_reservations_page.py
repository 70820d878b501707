"""The page about reservations: its example is run as it stands there, its tables are the code's."""

import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import psycopg
import pytest

from api.app import create_app
from api.reservations import presenter
from api.reservations.answers import Status
from models.bookings.lifecycle import BookingKind, BookingState, transitions_of
from models.core.callers import Scope
from settings import Settings
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.support.processes import ROOT
from tests.support.stack import Stack

PAGE = (ROOT / "docs" / "reservations.md").read_text()
FIRST, *BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
SCOPES = (Scope.RESERVATIONS_READ, Scope.RESERVATIONS_WRITE, Scope.VENUES_WRITE)


class Shell:
    """A reader's shell: what one block sets, the next one finds."""

    def __init__(self, place: Path, **variables: str) -> None:
        self._place = place
        self._venue = f"chefs-table~{uuid.uuid4().hex[:8]}"
        _, _, self._begun = FIRST.partition("\n")
        self._variables = {**variables, "PATH": "/usr/local/bin:/usr/bin:/bin"}

    def run(self, block: str) -> dict[str, Any]:
        """Run a block; returns the JSON that it prints."""
        script = self._begun + block.replace('chefs-table"', f'{self._venue}"').replace(
            "venues/chefs-table", f"venues/{self._venue}"
        )
        done = subprocess.run(
            ["bash", "-euc", f"{script}\ndeclare -p DAY ID ORDER > set.sh 2>&- || true"],
            cwd=self._place,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        kept = (self._place / "set.sh").read_text()
        self._variables |= dict(re.findall(r'^declare -- (\w+)="(.*)"$', kept, re.M))
        return dict(json.loads(done.stdout))


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_example_goes_from_a_venue_to_a_no_show(
    whole: Served, world: Stack, database_url: str, tmp_path: Path
) -> None:
    world.ensure_worker()
    key = add_caller(database_url, name="dinner page", scopes=SCOPES)
    shell = Shell(tmp_path, API=whole.url, KEY=key)
    register, free, reserve, quote, missed, card = BLOCKS
    assert shell.run(register)["policy"]["max_party"] == 6
    assert shell.run(free)["available"] is True
    made = shell.run(reserve)
    (told,) = (json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S))
    for name in told.keys() - {"booking_reference", "starts_at"}:
        some = {known: made[name][known] for known in told[name]} if name in _PARTS else made[name]
        assert some == told[name]
    quoted = shell.run(quote)
    assert (quoted["fee"], quoted["refund"]) == (0, 4_000)
    assert shell.run(missed)["code"] == "STATE_CONFLICT"
    with psycopg.connect(database_url) as connection:  # nobody waits for that evening
        connection.execute(
            "UPDATE reservations SET starts_at = now() - interval '45 minutes',"
            " ends_at = now() + interval '1 hour' WHERE booking_id = %s",
            (made["id"],),
        )
    over = shell.run(missed)
    assert (over["status"], over["payment"]["refunded"]) == ("NO_SHOW", 0)
    assert over["history"][-1]["why"] == "waited until 20:15"
    paid = shell.run(card)
    assert (paid["status"], paid["payment"]["captured"]) == ("CONFIRMED", 2_000)
    waited = json.loads((tmp_path / "waiting.json").read_text())
    assert (waited["status"], waited["payment"]["status"]) == ("PENDING", "failed")


_PARTS = frozenset({"price_snapshot", "payment"})


def _routes() -> Iterator[tuple[str, str, str]]:
    app = create_app(Settings())
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            if operation["tags"] == ["reservations"]:
                ((scope,),) = (next(iter(one.values())) for one in operation["security"])
                yield f"{method.upper()} {path}", scope, operation["operationId"]


def test_the_routes_are_those_of_the_document() -> None:
    rows = re.findall(r"^\| `([A-Z]+ /api/v1/\S+)` \|.*\| `(\S+)` \|$", PAGE, re.M)
    assert sorted(rows) == sorted((route, scope) for route, scope, _ in _routes())


def test_the_statuses_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|.*\| (.*?) ?\|$", PAGE, re.M)
    told = {status: set(re.findall(r"`([A-Z_]+)`", following)) for status, following in rows}
    expected: dict[str, set[str]] = {status: set() for status in get_args(Status)}
    for state, following in transitions_of(BookingKind.RESERVATION).items():
        if state is BookingState.NEEDS_ATTENTION:
            continue
        status = presenter.status_of(state)
        expected[status] |= {presenter.status_of(one) for one in following} - {status}
    assert told == expected
