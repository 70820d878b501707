"""``tripsaga fault``, against a real sandbox."""

import json

from tests.commands.conftest import Tripsaga


def test_armed_listed_cleared(tripsaga: Tripsaga, sandbox_url: str) -> None:
    armed = tripsaga(
        *("fault", "arm", "viator", "book", "slow", "--times", "2", "--seconds", "1"),
        "--json",
        SANDBOX_URL=sandbox_url,
    )
    assert armed.exit_code == 0, armed.output
    fault = json.loads(armed.stdout)
    assert (fault["times"], fault["seconds"]) == (2, 1)
    assert fault["id"] in tripsaga("fault", "list").stdout
    cleared = tripsaga("fault", "clear", fault["id"])
    assert "1 cleared" in cleared.stdout
    assert fault["id"] not in tripsaga("fault", "list", "--json").stdout


def test_what_the_sandbox_refuses_is_reported_in_its_words(
    tripsaga: Tripsaga, sandbox_url: str
) -> None:
    answer = tripsaga("fault", "arm", "viator", "teleport", "slow", SANDBOX_URL=sandbox_url)
    assert answer.exit_code == 3
    assert "no operation 'teleport'" in answer.stderr
    assert tripsaga("fault", "clear", "fault_none").exit_code == 3


def test_a_rate_is_checked(tripsaga: Tripsaga, sandbox_url: str) -> None:
    answer = tripsaga(
        *("fault", "arm", "viator", "book", "slow", "--rate", "7"), SANDBOX_URL=sandbox_url
    )
    assert answer.exit_code == 3
    assert "rate" in answer.stderr
