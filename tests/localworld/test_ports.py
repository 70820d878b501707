"""Ports: the preferred one where it is free."""

import socket
from collections.abc import Iterator

import pytest

from localworld import ports


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


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
