"""The page about webhooks: its example, line by line, with the receiver that it names."""

import json
import re
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.core.addresses import Reach
from models.events.content import CONTENTS
from models.webhook_endpoints.schedule import SCHEDULE
from models.webhook_endpoints.sending import WebhookSender
from models.webhook_endpoints.signing import secret_of, shown
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.commands.conftest import Tripsaga, pointed
from tests.commands.conftest import tripsaga as tripsaga
from tests.commands.conftest import var as var
from tests.support.processes import ROOT
from tests.support.stack import Stack

PAGE = (ROOT / "docs" / "webhooks.md").read_text()
PORT = "8099"
MASTER = b"m" * 32


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def receiving(command: list[str], secret: str, database: Path) -> Iterator[subprocess.Popen[str]]:
    """The receiver that the page names, once it listens."""
    environment = {"WEBHOOK_SECRET": secret, "WEBHOOK_DATABASE": str(database)}
    process = subprocess.Popen(
        [sys.executable, *command[1:]],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(command[-1]))) == 0:
                    break
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def rows(database: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(database, timeout=5)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_the_example_is_as_it_is_told(
    tripsaga: Tripsaga,
    whole: Served,
    stack: Stack,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A booking by the real worker, told to the receiver in a process of its own."""
    key = add_caller(database_url, name="reader of the page")
    run = pointed(tripsaga, whole.url, key, monkeypatch)
    block = next(block for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) if "book\n" in block)
    lines = [line.partition("#")[0].strip() for line in block.strip().splitlines()]
    port, database = str(free_port()), tmp_path / "webhooks.db"
    known: dict[str, str] = {}

    def said(line: str) -> str:
        for name, value in known.items():
            line = line.replace(f"${name}", value)
        answer = run(*shlex.split(line.replace(PORT, port))[1:], SANDBOX_URL=stack.sandbox.url)
        assert answer.exit_code == 0, (line, answer.output)
        return answer.stdout

    subscribe, receive, *others = lines
    told = said(subscribe)
    [known["SECRET"]] = re.findall(r"whsec_\S+", told)
    [known["ENDPOINT"]] = re.findall(r"webhooks test (\S+)", told)
    variable, *command = shlex.split(receive.replace(PORT, port))
    assert variable == "WEBHOOK_SECRET=$SECRET"
    with receiving(command, known["SECRET"], database):
        for line in others[:2]:
            said(line)
        end = time.monotonic() + 30
        confirmed = "SELECT count(*) FROM bookings WHERE status = 'CONFIRMED'"
        while rows(database, confirmed) != [(1,)]:
            assert time.monotonic() < end, rows(database, "SELECT * FROM bookings")
            time.sleep(0.1)
        listed = said(others[2])
        assert "DELIVERED" in listed
        assert "booking.confirmed" in listed
        said(others[3])
    assert len(others) == 4


async def test_the_receiver_takes_each_event_once_and_nothing_unsigned(tmp_path: Path) -> None:
    port, database = free_port(), tmp_path / "webhooks.db"
    sender = WebhookSender(MASTER, Reach(local=True))

    def event(id_: str, version: int, status: str) -> bytes:
        return (
            f'{{"id": "{id_}", "type": "booking.updated", "subject": "b",'
            f' "bookingversion": {version}, "data": {{"status": "{status}"}}}}'
        ).encode()

    async def send(id_: str, version: int, status: str, *generations: int) -> int | None:
        reply = await sender.send(
            f"http://127.0.0.1:{port}/",
            endpoint_id="e",
            generations=generations,
            message_id=id_,
            body=event(id_, version, status),
        )
        return reply.status

    secrets = ",".join(shown(secret_of(MASTER, "e", generation)) for generation in (2, 1))
    with receiving(["python", "examples/webhook_receiver.py", str(port)], secrets, database):
        assert await send("1", 1, "PENDING", 1) == 204
        assert await send("3", 4, "CONFIRMED", 2, 1) == 204
        assert await send("3", 4, "CONFIRMED", 2) == 204
        assert await send("2", 2, "PENDING", 2) == 204
        assert await send("4", 5, "CANCELLED", 3) == 401
    assert rows(database, "SELECT * FROM bookings") == [("b", 4, "CONFIRMED")]
    assert rows(database, "SELECT count(*) FROM events") == [(3,)]


def test_the_receiver_is_short() -> None:
    assert len((ROOT / "examples" / "webhook_receiver.py").read_text().splitlines()) < 60


def test_the_schedule_is_on_the_page() -> None:
    assert "after 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h" in PAGE.replace("\n", " ")
    hours = [round(pause.total_seconds() / 3600) for pause in SCHEDULE[4:]]
    assert hours == [2, 5, 10, 14, 20, 24]
    assert len(SCHEDULE) == 10


def test_its_event_is_one() -> None:
    [block] = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    event = json.loads(block)
    content = CONTENTS[event["type"], 1]
    content.model_validate(event["data"])
    assert event["partitionkey"] == event["subject"]
