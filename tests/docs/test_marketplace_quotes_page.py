"""The page's quote is asked for as it stands there, and answered as it says."""

import datetime as dt
import json
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.marketplace.search import router
from models.core.callers import Scope
from tests.api.conftest import client
from tests.api.conftest import lonely as lonely
from tests.api.server import Served, add_caller
from tests.marketplace.shop import Shop
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "marketplace.md").read_text()
_, _, REST = PAGE.partition("## Search")
SEARCH, _, QUOTES = REST.partition("## Prices and quotes")


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    shop = Shop(database_url)
    yield shop
    await shop.engine.dispose()


async def test_the_quote(lonely: Served, shop: Shop) -> None:
    asked, told = re.findall(r"^```json\n(.*?)^```", QUOTES, re.M | re.S)
    listing = shop.add_listing(
        time_zone="Asia/Karachi",
        check_in_from=dt.time(14),
        currency="USD",
        taxes=[{"name": "city tax", "kind": "PER_ADULT_NIGHT", "amount": 450}],
    )
    room = shop.add_room(listing, base_price=13_000)
    shop.add_nights(room)
    terms = [{"hours_before": 44, "kept": {"basis_points": 0}}, {"kept": {"basis_points": 10_000}}]
    shop.add_plan(room, terms=terms)

    def named(text: str) -> Any:
        return json.loads(text.replace("LISTING", listing).replace("ROOM", room))

    name = f"reads the page {uuid.uuid4()}"
    key = add_caller(shop.url, name=name, scopes=[Scope.MARKET])
    async with client(lonely.url, key) as http:
        answer = await http.post("/market/v1/quotes", json=named(asked))
    assert answer.status_code == 201, answer.text
    quote = answer.json()
    assert {part: quote[part] for part in ("price", "terms")} == named(told)


def test_the_searches() -> None:
    named = re.findall(r"^\| `GET (\S+)` \|", SEARCH, re.M)
    assert named == [getattr(route, "path", "") for route in router.routes]
