"""Every command is there, explains itself, and fails in plain words."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

import pytest

import cli
from localworld.places import ROOT
from settings import Settings, get_settings
from tests.api.server import add_caller, serve
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


def test_the_overview_imports_no_command() -> None:
    """`tripsaga --help` takes as long as typer and rich take: 0.2 s of CPU."""
    code = (
        "import sys, cli\ntry: cli.app(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0
    loaded = {name.partition(".")[0] for name in answer.stderr.split()}
    assert "typer" in loaded
    ours = {"settings", "models", "localworld", "api", "suppliers", "commands"}
    heavy = {"pydantic", "sqlalchemy", "temporalio", "httpx", "asyncio", "alembic", "psycopg"}
    assert loaded & (ours | heavy) == set()


def test_the_overview_says_what_the_commands_say_of_themselves() -> None:
    for name, (_, panel, words) in cli._COMMANDS.items():
        command = cli._Commands(cli._COMMANDS)[name]
        assert command.rich_help_panel == panel
        assert command.help.partition("\n")[0] == words, name


def test_the_version(tripsaga: Tripsaga) -> None:
    answer = tripsaga("--version")
    assert answer.exit_code == 0
    assert answer.stdout == f"tripsaga {metadata.version('tripsaga')}\n"


def test_why_the_planner_refuses_is_shown(tripsaga: Tripsaga, sandbox_url: str) -> None:
    where = {"TRIPSAGA_API_URL": "http://127.0.0.1:9", "SANDBOX_URL": sandbox_url}
    answer = tripsaga("book", "--activities", "11", TRIPSAGA_API_KEY="ts_x", **where)
    assert answer.exit_code == 3
    assert "less than or equal to 10" in answer.stderr
    assert "activities" in answer.stderr


def test_why_the_api_refuses_is_shown(tripsaga: Tripsaga, database_url: str, lone_api: str) -> None:
    where = {"TRIPSAGA_API_URL": lone_api, "TRIPSAGA_API_KEY": add_caller(database_url)}
    answer = tripsaga("cases", **where)
    assert answer.exit_code == 3
    assert "OPERATOR" in answer.stderr
    answer = tripsaga("show", "x", **{**where, "TRIPSAGA_API_KEY": "ts_wrong"})
    assert answer.exit_code == 3
    assert "API_KEY_REFUSED" in answer.stderr


@pytest.fixture
def lone_api(database_url: str) -> Iterator[str]:
    """An API whose Temporal is away."""
    nobody = "127.0.0.1:9"
    with serve(Settings(database={"url": database_url}, temporal={"address": nobody})) as served:
        yield served.url


def test_booking_without_a_world_says_what_to_do(tripsaga: Tripsaga) -> None:
    answer = tripsaga("book")
    assert answer.exit_code == 4
    assert "make run" in answer.stderr


def test_a_world_that_does_not_answer_is_reported_plainly(tripsaga: Tripsaga) -> None:
    gone = {"TRIPSAGA_API_URL": "http://127.0.0.1:9", "SANDBOX_URL": "http://127.0.0.1:9"}
    answer = tripsaga("book", TRIPSAGA_API_KEY="ts_x", **gone)
    assert answer.exit_code == 4
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
    assert answer.exit_code == 2
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
        ["-m", "sandbox", "--host", "0.0.0.0", "--port", "8090", "--smtp-port", "0"],
    ]
