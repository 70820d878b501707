"""The page about events: its examples are run against a real API, its tables are the code's."""

import asyncio
import json
import re
import shutil
import subprocess

import httpx
import pytest

from api.events.examples import EVENT_FEED
from models.bookings.lifecycle import BookingState
from models.core.outbox import sequence
from models.events.content import CONTENTS
from settings import Settings
from tests.api.conftest import NOBODY
from tests.api.server import add_caller, serve
from tests.ledger.bookings import confirm
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch_url as scratch_url
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "events.md").read_text()
BLOCKS = [block for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) if "curl" in block]


def test_the_event_on_the_page_is_the_documents() -> None:
    (event,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    assert json.loads(event) == EVENT_FEED["events"][0]


def test_every_type_is_on_the_page() -> None:
    named = re.findall(r"^\| `(booking\.[a-z_]+)` \|", PAGE, re.M)
    assert sorted(named) == sorted({type_ for type_, _ in CONTENTS})


def test_the_example_is_as_short_as_the_page_says() -> None:
    lines = (ROOT / "examples" / "consumer_rabbitmq.py").read_text().splitlines()
    assert f"in {len(lines)} lines" in PAGE
    assert len(lines) < 60


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_feed_and_the_stream_are_read_with_curl(scratch_url: str) -> None:
    async def happen() -> None:
        books = Books(scratch_url)
        for _ in range(2):
            booking = await books.open()
            await books.record(confirm(booking), BookingState.CONFIRMED)
        async with books.sessions.begin() as session:
            await sequence(session)
        await books.engine.dispose()

    asyncio.run(happen())
    key = add_caller(scratch_url, role="operator")
    settings = Settings(database={"url": scratch_url}, temporal={"address": NOBODY})
    with serve(settings) as served:
        script = "\n".join(["set -u", *BLOCKS])
        done = subprocess.run(
            ["bash", "-c", script],
            env={"API": served.url, "KEY": key, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert httpx.get(f"{served.url}/asyncapi.json").json()["asyncapi"] == "3.0.0"
    decoder, pages, rest = json.JSONDecoder(), [], done.stdout
    while rest.startswith("{"):
        page, end = decoder.raw_decode(rest)
        pages.append(page)
        rest = rest[end:].lstrip()
    first, latest, behind = pages
    assert [event["type"] for event in first["events"]] == [
        "booking.created",
        "booking.status_changed",
    ]
    assert latest == {"events": [], "next": 6, "caught_up": True}
    assert [event["type"] for event in behind["events"]] == ["booking.confirmed"] * 2
    streamed = re.findall(r"^id: (\d+)\r?\nevent: (\S+)", rest, re.M)
    assert [int(number) for number, _ in streamed] == [3, 4, 5, 6]
    assert done.returncode == 28, "the stream went on until curl had enough"
