"""Ports: the preferred one where it is free."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from localworld import members, ports
from localworld.places import Places
from localworld.settings import WorldSettings
from settings import Settings
from settings.parts import LimitSettings


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


async def test_the_local_world_books_for_one_traveller_again_and_again(tmp_path: Path) -> None:
    """Unless the environment says how often."""
    for limit, told in ((LimitSettings(), "0"), (LimitSettings(traveler_bookings=10), None)):
        settings = Settings().model_copy(update={"limit": limit})
        here = members.Surroundings(Places(tmp_path), settings, WorldSettings())
        here.addresses.api = "http://127.0.0.1:8000"
        program = await members.api_service(here).prepare(False)
        assert program.environment.get("LIMIT_TRAVELER_BOOKINGS") == told


def test_a_free_preferred_port_is_taken() -> None:
    free = ports.choose(0)
    assert ports.choose(free) == free


def test_a_taken_port_falls_back_to_a_free_one(taken: int) -> None:
    chosen = ports.choose(taken)
    assert chosen != taken
    assert ports.is_free(chosen)


def test_a_port_chosen_for_another_service_is_avoided() -> None:
    free = ports.choose(0)
    assert ports.choose(free, avoid={free}) != free


def test_answers_tells_whether_somebody_listens(taken: int) -> None:
    assert ports.answers(taken)
    assert not ports.answers(ports.choose(0))
    assert ports.wait_until_answers(taken, 1)
    assert not ports.wait_until_answers(ports.choose(0), 0.1)


def test_the_ports_of_the_last_start_are_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SANDBOX_PORT", "CODEC_PORT", "API_PORT"):
        monkeypatch.delenv(name, raising=False)
    first = members.Surroundings(Places(tmp_path), Settings(), WorldSettings())
    assert first.port("sandbox") == 8090
    first.addresses.sandbox, first.addresses.api = "http://127.0.0.1:4711", "http://127.0.0.1:4712"
    first.remember_ports()
    monkeypatch.setenv("API_PORT", "8123")
    again = members.Surroundings(Places(tmp_path), Settings(), WorldSettings())
    assert again.port("sandbox") == 4711
    assert again.port("codec") == 8091, "it had none"
    assert again.port("api") == 8123, "a port that is named wins"
    (tmp_path / "ports.json").write_text("no JSON")
    assert ports.remembered(tmp_path / "ports.json") == {}
