"""The log is append-only and numbered; the state survives in its file."""

import datetime as dt
import stat
from pathlib import Path

import pytest

from sandbox.effects import EffectLog
from sandbox.state_file import StateFile
from sandbox.world import ReservationRecord, World


def now() -> dt.datetime:
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def test_rows_are_numbered_without_gaps_and_filtered() -> None:
    log = EffectLog(now)
    log.append("viator", "book", "b1-1-1", "created", 200, id="X", key=None)
    log.append("stripe", "capture", "b1", "captured", 200, amount=5)
    log.append("stripe", "retrieve", None, "none", 200)
    assert [row["seq"] for row in log.rows()] == [1, 2, 3]
    assert [row["seq"] for row in log.rows(after=1)] == [2, 3]
    assert [row["seq"] for row in log.rows(supplier="stripe")] == [2, 3]
    assert [row["seq"] for row in log.rows(reference="b1")] == [1, 2]
    first = log.rows()[0]
    assert "key" not in first
    assert first["at"] == "2026-01-01T00:00:00+00:00"


def test_effects_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="no effect"):
        EffectLog(now).append("viator", "book", None, "exploded", 200)


def record(number: str, reference: str, *, live: bool) -> ReservationRecord:
    return ReservationRecord("viator", number, reference, "CONFIRMED", live, 100, "USD")


def test_a_live_reservation_is_found_before_a_newer_dead_one() -> None:
    world = World()
    live = world.reservations.add(record("1", "r", live=True))
    dead = world.reservations.add(record("2", "r", live=False))
    assert world.reservations.find("viator", "r") is live
    live.live = False
    assert world.reservations.find("viator", "r") is dead
    assert world.reservations.find("viator", "other") is None
    assert world.reservations.get("booking_com", "1") is None


async def test_the_world_survives_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite"
    before = World()
    path.touch(0o644)  # of an earlier version
    file = StateFile(path, before)
    file.load()
    before.reservations.add(record("1", "r1", live=True))
    before.reservations.add(record("2", "r2", live=True))
    before.shelf("things").put("a", {"n": 1})
    before.shelf("things").put("b", {"n": 2})
    before.log.append("viator", "book", "r1", "created", 200)
    file.write()
    # It holds documents of travellers and secrets of webhooks.
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.iterdir()} == {0o600}
    found = before.reservations.get("viator", "1")
    assert found is not None
    found.live = False
    before.shelf("things").put("a", {"n": 3})
    before.shelf("things").drop("b")
    before.log.append("viator", "cancel", "r1", "cancelled", 200)
    await file.close()

    after = World()
    again = StateFile(path, after)
    again.load()
    assert [(r.id, r.reference, r.live) for r in after.reservations.all()] == [
        ("1", "r1", False),
        ("2", "r2", True),
    ]
    assert after.reservations.find("viator", "r2") is not None
    assert after.shelf("things").documents == {"a": {"n": 3}}
    assert after.log.append("viator", "book", "r3", "created", 200)["seq"] == 3
    assert after.log.rows()[:2] == before.log.rows()
    await again.close()
