"""docs/accounts.md: the example is played as it stands there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import client
from tests.api.conftest import lonely as lonely
from tests.api.server import Served
from tests.support.accounts import Desk
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "accounts.md").read_text()
BLOCKS = re.findall(r"^```http\n(.*?)\n\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(database_url: str) -> Desk:
    return Desk(database_url)


def _leaves(told: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(told, dict):
        for name, inner in told.items():
            yield from _leaves(inner, f"{where}.{name}")
    else:
        yield where, told


async def test_the_example_is_what_happens(lonely: Served, desk: Desk) -> None:
    assert len(BLOCKS) == 4
    (asking, sent, guessing, signed_in) = BLOCKS
    async with client(lonely.url) as http:
        method, path = asking[0].split()
        desk.let_pass(100_000)  # another test may have asked for a code of hers a moment ago
        answer = await http.request(method, path, json=json.loads(asking[1]))
        assert str(answer.status_code) == sent[0]
        expected = json.loads(sent[1])
        challenge = answer.json()["challenge_id"]
        assert answer.json() == {**expected, "challenge_id": challenge}
        method, path = guessing[0].replace(expected["challenge_id"], challenge).split()
        guess = {**json.loads(guessing[1]), "code": desk.code(challenge)}
        answer = await http.request(method, path, json=guess)
    assert str(answer.status_code) == signed_in[0]
    found, shown = dict(_leaves(answer.json())), dict(_leaves(json.loads(signed_in[1])))
    varying = {".token", ".session_id", ".expires_at", ".user.id", ".user.created_at"}
    assert found.keys() == shown.keys()
    assert {name for name in shown if found[name] != shown[name]} == varying
