"""The whole local world, as ``tripsaga up`` runs it: up, used, damaged, ended."""

import contextlib
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from localworld.places import ROOT, Places
from tests.docs.test_docs import FENCE
from tests.localworld.worlds import RunningWorld
from tests.support.selection import table

# One world for all of its tests, so they must run in one process.
pytestmark = pytest.mark.xdist_group("localworld")


def test_services_json_says_where_everything_is(world: RunningWorld) -> None:
    assert stat.S_IMODE(world.services_file.stat().st_mode) == 0o600
    found = world.services
    assert set(found) == {
        *("api", "temporal", "temporal_ui", "codec", "sandbox", "database", "metrics"),
        *("api_key", "pids"),
    }
    assert set(found["pids"]) == {"api", "worker", "codec", "sandbox", "temporal", "postgres"}
    assert all(psutil.pid_exists(pid) for pid in found["pids"].values())
    assert httpx.get(f"{found['api']}/readyz").status_code == 200
    assert httpx.get(f"{found['sandbox']}/healthz").status_code == 200
    assert httpx.get(found["temporal_ui"], follow_redirects=True).status_code == 200
    assert "tripsaga_invariant_violations" in httpx.get(found["metrics"]).text
    assert found["api_key"].startswith("ts_")


def test_somebody_signs_in_with_the_code_in_the_mailbox(world: RunningWorld) -> None:
    for contact in (("--email", "ada@example.com"), ("--phone", "+1 202 555 0123")):
        answer = world.tripsaga("login", *contact)
        assert answer.returncode == 0, answer.stderr
        assert re.search(r"the code in the sandbox's mailbox is \d{6}", answer.stdout)
        file = world.var / "session"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        kept = json.loads(file.read_text())
        bearer = {"Authorization": f"Bearer {kept['token']}"}
        me = httpx.get(f"{kept['api']}/market/v1/me", headers=bearer)
        assert me.json()["user"]["id"] == kept["user"]
    assert re.search(
        r"^tripsaga_messages_overdue_seconds{.*} 0$",
        httpx.get(world.services["metrics"]).text,
        flags=re.MULTILINE,
    )


def test_the_doctor_finds_all_well(world: RunningWorld) -> None:
    answer = world.tripsaga("doctor", "--json")
    findings = json.loads(answer.stdout)["findings"]
    # Somebody developing may have newer packages than are pinned; everything else must be right.
    wrong = [f for f in findings if f["verdict"] == "wrong" and f["name"] != "packages"]
    assert wrong == []
    assert {"postgresql", "migrations", "temporal", "search attributes", "worker", "api"} <= {
        finding["name"] for finding in findings
    }


def test_what_happens_at_the_gateway_is_told(world: RunningWorld) -> None:
    findings = {
        finding["name"]: finding
        for finding in json.loads(world.tripsaga("doctor", "--json").stdout)["findings"]
    }
    assert findings["webhooks"]["what"].startswith("on: ")
    before = findings["events"]["what"]
    booked = json.loads(world.tripsaga("book", "--json").stdout)
    payment = booked["payment"]["paymentIntentId"]
    httpx.post(
        f"{world.services['sandbox']}/_sandbox/stripe/payment_intents/{payment}/dispute"
    ).raise_for_status()
    end = time.monotonic() + 30
    while not (cases := json.loads(world.tripsaga("cases", "--json").stdout)):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert (cases[0]["kind"], cases[0]["bookingId"]) == ("DISPUTE", booked["bookingId"])
    number = str(cases[0]["id"])
    assert "disputeId" in world.tripsaga("cases", "show", number).stdout
    settled = world.tripsaga("cases", "settle", number, "Evidence sent.", "--json")
    assert json.loads(settled.stdout)["resolution"] == "Evidence sent."
    again = world.tripsaga("cases", "settle", number, "Evidence sent.")
    assert again.returncode == 3
    assert "settled already" in again.stderr
    assert json.loads(world.tripsaga("cases", "--json").stdout) == []
    after = json.loads(world.tripsaga("doctor", "--json").stdout)["findings"]
    assert next(f["what"] for f in after if f["name"] == "events") != before


def _endpoints(world: RunningWorld) -> list[str]:
    listed = httpx.get(
        f"{world.services['sandbox']}/stripe/v1/webhook_endpoints",
        headers={"Authorization": "Bearer sk_test_sandbox"},
    ).json()
    return [endpoint["url"] for endpoint in listed["data"]]


def test_nobody_else_may_look_at_what_the_world_keeps(world: RunningWorld) -> None:
    """Search permission alone, where root runs PostgreSQL as another user."""
    mode = stat.S_IMODE(world.var.stat().st_mode)
    assert mode == (0o701 if os.geteuid() == 0 else 0o700)
    files = [*world.var.iterdir(), *(world.var / "logs").iterdir()]
    names = {file.name for file in files}
    assert {"sandbox.db", "temporal.db", "payload_keys", "services.json", "api.log"} <= names
    for file in files:
        if file.is_file():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    for folder in ("logs", "postgres"):
        assert stat.S_IMODE((world.var / folder).stat().st_mode) == 0o700


def test_what_others_made_in_var_is_made_private(tmp_path: Path) -> None:
    """`make tools` and tests make var/ as the user's umask says."""
    var = tmp_path / "var"
    (var / "logs").mkdir(parents=True, mode=0o755)
    for name in ("sandbox.db", "up.lock", "logs/api.log"):
        (var / name).write_text("")
        (var / name).chmod(0o644)
    before = os.umask(0o022)
    try:
        Places(var).create()
    finally:
        os.umask(before)
    assert [stat.S_IMODE(place.stat().st_mode) for place in (var, var / "logs")] == [0o700] * 2
    for name in ("sandbox.db", "up.lock", "logs/api.log"):
        assert stat.S_IMODE((var / name).stat().st_mode) == 0o600, name


def test_a_trip_is_booked_shown_and_cancelled(world: RunningWorld) -> None:
    booked = json.loads(world.tripsaga("book", "--json").stdout)
    assert booked["state"] == "CONFIRMED"
    assert booked["confirmations"]["flight"]["pnr"]
    assert {"flight", "hotel", "activity", "capture"} <= {step["step"] for step in booked["steps"]}
    shown = world.tripsaga("show", booked["bookingId"])
    assert booked["bookingReference"] in shown.stdout
    assert booked["confirmations"]["hotel"]["confirmationCode"] in shown.stdout
    cancelled = world.tripsaga("cancel", booked["bookingId"], "--reason", "rain", "--json")
    assert json.loads(cancelled.stdout)["state"] == "CANCELLED"
    lines = [json.loads(line) for line in world.log("worker").splitlines()]
    about = [line for line in lines if line.get("reference") == booked["bookingReference"]]
    assert {line["booking_id"] for line in about} == {booked["bookingId"]}
    assert {line["trace_id"] for line in about} == {booked["bookingId"].replace("-", "")}
    states = [line["to_state"] for line in about if "to_state" in line]
    assert (states[0], states[-1]) == ("VALIDATING", "CANCELLED")
    calls = [(line["provider"], line["operation"]) for line in about if "provider" in line]
    assert {("amadeus", "book"), ("stripe", "capture"), ("stripe", "refund")} <= {*calls}
    assert len(calls) == len({*calls}) + 2, "a line for each call; there are two experiences"


def test_the_readme_books_a_trip_with_curl(world: RunningWorld, tmp_path: Path) -> None:
    """As it is printed, in a directory of its own."""
    blocks = FENCE.findall((ROOT / "README.md").read_text())
    (block,) = (text for kind, text in blocks if kind == "sh" and "curl" in text)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    told = subprocess.run(
        ["sh", "-c", block],
        cwd=tmp_path,
        env=world.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    booked = json.loads(told.stdout)
    assert (booked["success"], booked["state"]) == (True, "CONFIRMED")
    assert (
        booked["payment"]["amount"]
        == json.loads((tmp_path / "trip.json").read_text())["totalPrice"]
    )


FAILS = {
    "flight": "FAILED",
    "hotel": "FAILED",
    "payment": "PAYMENT_PENDING",
    "activity": "CONFIRMED",
}


@pytest.mark.parametrize(
    ("part", "state"), table(FAILS.items(), quick=lambda part, _: part == "hotel")
)
def test_a_part_that_fails_on_purpose(world: RunningWorld, part: str, state: str) -> None:
    answer = world.tripsaga("book", "--fail", part, "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["state"] == state
    assert json.loads(world.tripsaga("fault", "list", "--json").stdout) == []


def test_a_second_one_is_refused_with_a_plain_reason(world: RunningWorld) -> None:
    before = world.services
    answer = world.tripsaga("up", "--no-demo")
    assert answer.returncode == 4
    assert "runs already" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert world.services == before


@pytest.mark.parametrize(
    "name",
    table(
        ["api", "worker", "codec", "sandbox", "temporal", "postgres"],
        # a program of ours with a port, and one that others are connected to
        quick=["api", "postgres"],
    ),
)
def test_a_killed_process_is_restarted_where_it_was(world: RunningWorld, name: str) -> None:
    before = world.services
    os.kill(before["pids"][name], signal.SIGKILL)
    world.wait_for_another(name, before["pids"][name])
    after = world.services
    assert {**after, "pids": {}} == {**before, "pids": {}}  # same addresses, same key
    booked = world.tripsaga("book", "--json")
    assert booked.returncode == 0, booked.stderr


def test_a_second_world_runs_beside_it(world: RunningWorld, place: Path) -> None:
    """On the first one's ports, which it cannot have."""
    other = RunningWorld(
        place / "var",
        "--once",
        environment={
            "API_PORT": world.services["api"].rpartition(":")[2],
            "SANDBOX_PORT": world.services["sandbox"].rpartition(":")[2],
            "TEMPORAL_PORT": world.services["temporal"].rpartition(":")[2],
        },
    )
    try:
        assert other.end(120) == 0, other.output
        for what in ("trip ", "table"):
            told = re.search(rf"^  {what}  (TS-\S+)  created, .*confirmed$", other.output, re.M)
            assert told, other.output
            assert f"{told[1]}  CONFIRMED" in other.output
        assert other.left() == []
        assert httpx.get(f"{world.services['api']}/readyz").status_code == 200
    finally:
        other.send(signal.SIGKILL)


def test_killed_outright_it_starts_again_and_a_second_ctrl_c_ends_it_at_once(place: Path) -> None:
    killed = RunningWorld(place / "var", "--no-demo")
    killed.wait_until_up()
    key, webhooks = killed.services["api_key"], _endpoints(killed)
    assert webhooks == [f"{killed.services['api']}/webhooks/stripe"]
    killed.send(signal.SIGKILL)
    killed.end()
    killed.wait_until_nothing_is_left()
    # services.json of the killed one is still there: forget it to see the new one.
    killed.services_file.unlink()
    started = time.monotonic()
    again = RunningWorld(place / "var", "--no-demo")
    again.wait_until_up()
    assert time.monotonic() - started < 30  # under 10 s when nothing else runs
    assert again.services["api_key"] == key
    # The API is on another port: the sandbox knows, and tells nobody at the old one.
    assert _endpoints(again) == [f"{again.services['api']}/webhooks/stripe"] != webhooks
    os.kill(again.services["pids"]["api"], signal.SIGSTOP)  # an API that does not stop
    again.send(signal.SIGINT)
    time.sleep(0.5)
    again.send(signal.SIGINT)
    assert again.end(5) == 130
    again.wait_until_nothing_is_left(5)


@pytest.mark.exhaustive
def test_a_port_that_is_taken_meanwhile_is_told_to_the_gateway(place: Path) -> None:
    """The API's port is promised to the sandbox before the API can have it.

    In every run: the port that is chosen anew (``test_supervisor``), and an API on another port
    than the sandbox remembers (above).
    """
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    world = RunningWorld(place / "var", "--no-demo", environment={"API_PORT": str(port)})
    end = time.monotonic() + 60
    while "migrations" not in world.output:
        assert time.monotonic() < end, world.output
        time.sleep(0.02)
    with socket.create_server(("127.0.0.1", port)):
        world.wait_until_up()
        expected = [f"{world.services['api']}/webhooks/stripe"]
        assert not expected[0].startswith(f"http://127.0.0.1:{port}/")
        told: list[str] = []
        while told != expected:
            assert time.monotonic() < end + 60, told
            time.sleep(0.1)
            with contextlib.suppress(httpx.HTTPError):
                told = _endpoints(world)
    world.send(signal.SIGTERM)
    assert world.end() == 0
    assert world.left() == []


def test_ctrl_c_while_it_starts_leaves_nothing(place: Path) -> None:
    world = RunningWorld(place / "var", "--no-demo")
    end = time.monotonic() + 30
    while "starting" not in world.output and time.monotonic() < end:
        time.sleep(0.02)
    world.send(signal.SIGINT)
    assert world.end() == 130, world.output
    assert "Traceback" not in world.output
    assert world.left() == []
