"""``tripsaga suppliers``."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from commands.output import out
from settings import Settings
from tests.api.conftest import NOBODY
from tests.api.server import Served, add_caller, serve
from tests.commands.conftest import Tripsaga
from tests.commands.conftest import tripsaga as tripsaga
from tests.commands.conftest import var as var
from tests.suppliers.health import planting
from tests.suppliers.health.conftest import Query


@pytest.fixture(scope="module")
def served(health_database_url: str) -> Iterator[Served]:
    with serve(
        Settings(database={"url": health_database_url}, temporal={"address": NOBODY})
    ) as api:
        yield api


@pytest.fixture
def ask(
    tripsaga: Tripsaga,
    served: Served,
    health_database_url: str,
    sql: Query,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., Any]]:
    monkeypatch.setattr(out, "width", 200)
    sql("DELETE FROM supplier_health")
    planting.clear(sql)
    key = add_caller(health_database_url, role="operator", name=uuid.uuid4().hex)
    yield lambda *words: tripsaga(
        "suppliers", *words, TRIPSAGA_API_URL=served.url, TRIPSAGA_API_KEY=key
    )
    sql("DELETE FROM supplier_health")
    planting.clear(sql)


def test_all_is_well(ask: Callable[..., Any], sql: Query) -> None:
    booking = planting.booking(sql)
    for _ in range(3):
        planting.attempt(sql, booking, took=1.25)
    planting.attempt(sql, booking, outcome="refused", code="sold_out", took=1.25)
    shown = ask()
    assert shown.exit_code == 0, shown.output
    (duffel,) = [line for line in shown.output.splitlines() if line.startswith("Duffel")]
    assert duffel.split() == [
        *("Duffel", "up", "–", "4", "3", "1", "0", "0", "75%"),
        *("1.25", "s", "1.25", "s"),
    ]
    assert "GetYourGuide" in shown.output


def test_one_is_down(ask: Callable[..., Any], sql: Query) -> None:
    sql(
        "INSERT INTO supplier_health (supplier, state, since, faults, last_fault) VALUES"
        " ('ratehawk', 'down', '2031-02-11 08:14:02+00', 7, 'ratehawk answered [503]')"
    )
    shown = ask()
    assert shown.exit_code == 1, "for scripts"
    assert "RateHawk, since 2031-02-11 08:14:02: ratehawk answered [503]" in shown.output
    found = json.loads(ask("--json").output)
    assert {one["supplier"]: one["circuit"] for one in found}["ratehawk"] == "down"
