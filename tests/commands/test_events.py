"""What the doctor says about the gateway's events, and `tripsaga cases` without an API."""

import uuid
from pathlib import Path

import psycopg
import pytest

from commands.event_checks import events
from commands.findings import Finding
from commands.target import Target
from localworld.shared import Servers
from settings import Settings
from tests.api.conftest import NOBODY
from tests.api.server import serve
from tests.commands.conftest import Tripsaga
from tests.conftest import migrate


@pytest.fixture(scope="module")
def inbox_url(shared_servers: Servers) -> str:
    url = shared_servers.create_database(f"t{uuid.uuid4().hex[:12]}")
    migrate(url)
    return url


async def _found(url: str, api: str = f"http://{NOBODY}") -> dict[str, Finding]:
    settings = Settings(database={"url": url}, temporal={"address": NOBODY})
    target = Target(api=api, api_key="", settings=settings, temporal_ui=None, codec="", pids={})
    return {finding.name: finding for finding in await events(target)}


def _put(url: str, status: str, due: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO webhook_events (gateway, event_id, type, livemode, created_at, payload,"
            " deliveries, status, attempts, due_at) VALUES ('stripe', %s, 'x', false, now(), '{}',"
            " 1, %s, 0, now() + %s::interval)",
            (uuid.uuid4().hex, status, due),
        )


async def test_the_inbox_is_counted_and_a_standstill_seen(inbox_url: str) -> None:
    found = await _found(inbox_url)
    assert found["events"] == Finding("events", "ok", "0 waiting, 0 done, 0 kept, 0 given up")
    for status, due in (("received", "50 s"), ("done", "-1 day"), ("kept", "-1 day")):
        _put(inbox_url, status, due)
    found = await _found(inbox_url)
    assert found["events"] == Finding("events", "ok", "1 waiting, 1 done, 1 kept, 0 given up")

    _put(inbox_url, "dead", "-1 day")
    found = await _found(inbox_url)
    assert found["events"].verdict == "warning"
    assert "tripsaga cases" in found["events"].mend

    _put(inbox_url, "received", "-10 min")
    found = await _found(inbox_url)
    assert found["events"].verdict == "wrong"
    assert "due for 10 min" in found["events"].what


@pytest.mark.parametrize(("secret", "verdict"), [("", "warning"), ("whsec_x", "ok")])
async def test_whether_the_door_is_open_is_seen_at_the_door(
    inbox_url: str, secret: str, verdict: str
) -> None:
    settings = Settings(
        database={"url": inbox_url}, temporal={"address": NOBODY}, stripe={"webhook_secret": secret}
    )
    with serve(settings) as served:
        found = await _found(inbox_url, served.url)
    assert found["webhooks"].verdict == verdict


async def test_who_does_not_answer_is_left_to_other_checks() -> None:
    assert await _found(f"postgresql://postgres@{NOBODY}/nothing") == {}


def test_cases_say_what_is_missing(tripsaga: Tripsaga, var: Path) -> None:
    nobody = tripsaga("cases")
    assert nobody.exit_code == 4
    assert "no local world runs here" in nobody.stderr
    away = tripsaga("cases", TRIPSAGA_API_URL=f"http://{NOBODY}", TRIPSAGA_API_KEY="ts_x")
    assert away.exit_code == 4
    assert "does not answer" in away.stderr
