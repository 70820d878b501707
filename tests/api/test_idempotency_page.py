"""docs/idempotency.md: the example is played as it stands there, the table is the routes."""

import json
import re
from dataclasses import dataclass
from typing import Any

from api.app import create_app
from api.core.audience import repeats
from settings import Settings
from tests.api.conftest import client
from tests.api.server import Served, add_caller
from tests.api.test_webhooks_operators import Tables
from tests.api.test_webhooks_operators import office as office
from tests.api.test_webhooks_operators import tables as tables
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "idempotency.md").read_text()
BLOCKS = re.findall(r"^```http\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@dataclass
class Message:
    first: str
    headers: dict[str, str]
    body: dict[str, Any]

    @classmethod
    def of(cls, block: str, case: int) -> "Message":
        head, _, body = block.replace("4711/", f"{case}/").partition("\n\n")
        first, *lines = head.splitlines()
        content = json.loads(body)
        if "id" in content:
            content["id"] = case
        return cls(first, dict(line.split(": ") for line in lines), content)


async def test_the_example_is_what_happens(office: Served, tables: Tables) -> None:
    case = tables.case()
    key = add_caller(tables.url, name="back office", role="operator")
    name = tables("SELECT name FROM callers ORDER BY created_at DESC LIMIT 1")[0][0]
    request, answer, mistake, refusal = (Message.of(block, case) for block in BLOCKS)
    async with client(office.url, key) as http:
        for asked, told in ((request, None), (request, answer), (mistake, refusal)):
            method, path = asked.first.split()
            found = await http.request(method, path, json=asked.body, headers=asked.headers)
            if told is None:
                assert found.status_code == 200
                continue
            assert found.status_code == int(told.first.split()[0])
            for header, value in told.headers.items():
                assert found.headers[header] == value
            expected = json.loads(json.dumps(told.body).replace("back office", name))
            assert expected.items() <= found.json().items()


def test_the_table_names_every_route_and_what_it_declares() -> None:
    declared = repeats(create_app(Settings()).routes)
    rows = re.findall(r"^\| `(\w+) (/\S*)` \| (\w+)", PAGE, flags=re.MULTILINE)
    assert {(method, path): word for method, path, word in rows} == {
        route: one.repeat.value for route, one in declared.items()
    }
