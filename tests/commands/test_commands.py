"""Every command is there, explains itself, and fails in plain words."""

import json
import os
import subprocess
import sys

import pytest

from localworld.places import ROOT
from settings import get_settings
from tests.commands.conftest import Tripsaga
from tests.support.environment import PRODUCTION

COMMANDS = (
    *("up", "api", "worker", "sandbox", "migrate", "book", "show", "cancel", "card", "doctor"),
    *("fault", "key"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_it_explains_itself(tripsaga: Tripsaga, command: str) -> None:
    answer = tripsaga(command, "--help")
    assert answer.exit_code == 0
    assert "Usage" in answer.output


def test_booking_without_a_world_says_what_to_do(tripsaga: Tripsaga) -> None:
    answer = tripsaga("book")
    assert answer.exit_code == 1
    assert "make run" in answer.stderr


def test_a_world_that_does_not_answer_is_reported_plainly(tripsaga: Tripsaga) -> None:
    gone = {"TRIPSAGA_API_URL": "http://127.0.0.1:9", "SANDBOX_URL": "http://127.0.0.1:9"}
    answer = tripsaga("book", TRIPSAGA_API_KEY="ts_x", **gone)
    assert answer.exit_code == 1
    assert "does not answer" in answer.stderr
    assert "doctor" in answer.stderr


def test_an_unknown_part_cannot_fail(tripsaga: Tripsaga) -> None:
    assert tripsaga("book", "--fail", "submarine").exit_code == 2


def test_the_sandbox_refuses_production(
    tripsaga: Tripsaga, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_settings.cache_clear()
    try:
        answer = tripsaga(
            "sandbox",
            **{**PRODUCTION, "STRIPE_SECRET_KEY": "sk_live_x"},
        )
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    assert answer.exit_code == 1
    assert "no place in production" in answer.stderr


def test_settings_that_contradict_each_other_are_reported_plainly() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "cli", "key", "list"],
        cwd=ROOT,
        env={**os.environ, "STRIPE_SECRET_KEY": "sk_live_never_in_a_local_world"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert "must use a test key" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "sk_live_never" not in answer.stderr


def test_the_doctor_lists_all_settings_that_are_wrong(tripsaga: Tripsaga) -> None:
    answer = tripsaga(
        "doctor", "--json", **{**PRODUCTION, "STRIPE_SECRET_KEY": "foo", "AGENCY_PHONE": ""}
    )
    assert answer.exit_code == 1
    findings = json.loads(answer.stdout)["findings"]
    assert {finding["name"] for finding in findings} == {"settings"}
    named = [finding["what"].split()[0] for finding in findings]
    assert named == ["STRIPE_SECRET_KEY", "AGENCY_PHONE"]


def test_one_process_commands_become_the_process(
    tripsaga: Tripsaga, monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[list[str]] = []

    class Became(Exception):
        pass

    def execv(program: str, arguments: list[str]) -> None:
        became.append(arguments[1:])
        raise Became

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.chdir(ROOT)
    tripsaga("api", "--port", "1234")
    tripsaga("worker")
    tripsaga("sandbox", "--host", "0.0.0.0")
    assert became == [
        ["-m", "api", "--host", "127.0.0.1", "--port", "1234"],
        ["-m", "worker"],
        ["-m", "sandbox", "--host", "0.0.0.0", "--port", "8090"],
    ]
