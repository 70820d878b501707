"""``tripsaga webhooks``: subscribed, tested, followed and heard, against a real API."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from typer.testing import Result

from commands.webhook_listener import Listener
from models.core.addresses import Reach
from models.core.guarded_http import GuardedClient
from models.webhook_endpoints.signing import headers, shown
from tests.api.conftest import lonely as lonely
from tests.api.server import Served, add_caller
from tests.commands.conftest import Tripsaga, pointed
from tests.support.processes import ROOT

Ask = Callable[..., Result]
NOWHERE = "http://127.0.0.1:1/"


@pytest.fixture
def caller_key(database_url: str) -> str:
    return add_caller(database_url, name="subscriber")


@pytest.fixture
def ask(
    tripsaga: Tripsaga, lonely: Served, caller_key: str, monkeypatch: pytest.MonkeyPatch
) -> Ask:
    return pointed(tripsaga, lonely.url, caller_key, monkeypatch)


def done(answer: Result) -> str:
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@pytest.fixture
def endpoint(ask: Ask) -> str:
    made = json.loads(done(ask("webhooks", "subscribe", NOWHERE, "--json")))
    return str(made["id"])


def test_an_endpoint_is_subscribed_listed_and_unsubscribed(ask: Ask) -> None:
    assert "No endpoint is subscribed" in done(ask("webhooks", "list"))
    said = done(ask("webhooks", "subscribe", NOWHERE, "--type", "booking.confirmed"))
    assert "whsec_" in said
    assert "tripsaga webhooks test" in said
    [one] = json.loads(done(ask("webhooks", "list", "--json")))
    assert one["types"] == ["booking.confirmed"]
    listed = done(ask("webhooks", "list"))
    for word in (one["id"], "ACTIVE", NOWHERE, "booking.confirmed"):
        assert word in listed
    assert "whsec_" in done(ask("webhooks", "rotate", one["id"]))
    refused = ask("webhooks", "rotate", one["id"])
    assert (refused.exit_code, "expire_old_now" in refused.stderr) == (3, True)
    assert "whsec_" in done(ask("webhooks", "rotate", one["id"], "--expire-old-now"))
    done(ask("webhooks", "unsubscribe", one["id"]))
    assert "No endpoint is subscribed" in done(ask("webhooks", "list"))
    gone = ask("webhooks", "unsubscribe", one["id"])
    assert gone.exit_code == 3
    assert "WEBHOOK_ENDPOINT_UNKNOWN" in gone.stderr


def test_what_cannot_be_an_endpoint_is_refused_in_words(ask: Ask) -> None:
    answer = ask("webhooks", "subscribe", "https://127.1/")
    assert answer.exit_code == 3
    assert "must write an IPv4 address as four decimal numbers" in answer.stderr
    answer = ask("webhooks", "subscribe", NOWHERE, "--type", "booking.eaten")
    assert answer.exit_code == 3


def test_a_test_that_does_not_arrive_ends_with_1(ask: Ask, endpoint: str) -> None:
    answer = ask("webhooks", "test", endpoint)
    assert answer.exit_code == 1
    assert "ConnectError" in answer.stderr


def test_deliveries_are_listed_and_made_again(ask: Ask, endpoint: str, database_url: str) -> None:
    assert "Nothing was sent yet" in done(ask("webhooks", "deliveries", endpoint))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO webhook_deliveries (endpoint_id, position, event_id, booking_id, type,"
            " state, attempts, last_error) VALUES (%s, 7, %s, %s, 'booking.held', 'FAILED', 10,"
            " E'no\\nanswer')",
            (endpoint, uuid.uuid4(), uuid.uuid4()),
        )
    listed = done(ask("webhooks", "deliveries", endpoint, "--state", "FAILED"))
    assert "booking.held" in listed
    assert "no⏎answer" in listed
    assert "booking.held" in done(ask("webhooks", "retry", endpoint, "7"))
    [one] = json.loads(done(ask("webhooks", "deliveries", endpoint, "--json")))
    assert one["state"] == "PENDING"
    assert one["attempts"] <= 1, "counted anew; the API may have tried once already"


def test_what_is_missing_is_recovered(ask: Ask, endpoint: str, database_url: str) -> None:
    nothing = ask("webhooks", "recover", endpoint)
    assert nothing.exit_code == 3
    assert "nothing is missing" in nothing.stderr
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE webhook_endpoints SET status = 'DISABLED', missing_after = 0 WHERE id = %s",
            [endpoint],
        )
    assert "0 deliveries are made again" in done(ask("webhooks", "recover", endpoint))
    [one] = json.loads(done(ask("webhooks", "list", "--json")))
    assert one["status"] == "ACTIVE"
    assert "missing_after" not in one


def test_listening_shows_the_test_message_and_unsubscribes(ask: Ask) -> None:
    said = done(ask("webhooks", "listen", "--count", "1"))
    assert "webhook_endpoint.test" in said
    assert "1 messages, all verified; unsubscribed" in said
    assert json.loads(done(ask("webhooks", "list", "--json"))) == []
    [event] = done(ask("webhooks", "listen", "--count", "1", "--json")).splitlines()
    assert json.loads(event)["type"] == "webhook_endpoint.test"


def test_ctrl_c_ends_the_listening_and_unsubscribes(
    ask: Ask, lonely: Served, caller_key: str, var: Path
) -> None:
    environment = {
        **os.environ,
        "TRIPSAGA_VAR": str(var),
        "TRIPSAGA_API_URL": lonely.url,
        "TRIPSAGA_API_KEY": caller_key,
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "cli", "webhooks", "listen"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as listening:
        assert listening.stdout is not None
        try:
            lines = iter(listening.stdout.readline, "")
            assert any("webhook_endpoint.test" in line for line in lines)
            assert len(json.loads(done(ask("webhooks", "list", "--json")))) == 1
            listening.send_signal(signal.SIGINT)
            assert "unsubscribed" in listening.stdout.read()
            assert listening.wait(20) == 0
        finally:
            listening.kill()  # else its end is waited for, though the test has timed out
    assert json.loads(done(ask("webhooks", "list", "--json"))) == []


async def test_the_listener_refuses_what_is_not_signed() -> None:
    secret = b"s" * 32
    came: list[tuple[str, bool]] = []
    listener = Listener(lambda event, again: came.append((event["id"], again)))
    listener.secret = shown(secret)
    client = GuardedClient(Reach(local=True), timeout=5)
    with listener.listening(0) as port:
        url = f"http://127.0.0.1:{port}/"
        for key, body, status in (
            (secret, b'{"id": "1"}', 204),
            (secret, b'{"id": "1"}', 204),
            (b"x" * 32, b'{"id": "2"}', 401),
            (secret, b"{", 401),
            (secret, b"x" * 70_000, 413),
        ):
            signed = headers([key], "m", int(time.time()), body)
            reply = await client.post(url, headers=signed, content=body)
            assert reply.status == status
    assert came == [("1", False), ("1", True)]
